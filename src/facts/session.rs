//! Sessions: the number of clients, and those that keep a transaction open.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sessions of `pg_stat_activity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Sessions {
    /// Whether the role can see the sessions of other roles; if not, the values are not conclusive.
    pub sees_all: bool,
    /// Number of client backends, including this one.
    pub clients: u64,
    /// Sessions that are idle in a transaction, the longest first, at most twenty.
    pub idle_in_transaction: Vec<Session>,
    /// Sessions with the oldest snapshot or transaction id, at most five, without those that run
    /// VACUUM.
    pub holders: Vec<Session>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Session {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.datname`; `None` for processes without a database.
    pub database: Option<String>,
    /// `pg_stat_activity.usename`; `None` for processes without a role.
    pub role: Option<String>,
    /// `pg_stat_activity.application_name`.
    pub application_name: Option<String>,
    /// `client backend`, `walsender`, …
    pub backend_type: Option<String>,
    /// `pg_stat_activity.state`; `None` for background processes.
    pub state: Option<String>,
    /// `pg_stat_activity.xact_start`; `None` without a transaction.
    pub xact_start: Option<Timestamp>,
    /// When its state last changed.
    pub state_change: Option<Timestamp>,
    /// Transactions begun since it got its id.
    pub xid_age: Option<i64>,
    /// Transactions begun since its snapshot.
    pub xmin_age: Option<i64>,
    /// Number of locks that it holds, without the lock on its transaction id.
    pub locks: u64,
    /// Maintenance command that it or its leader runs, of those with a progress view: `CREATE INDEX CONCURRENTLY`,
    /// `REPACK`, `ANALYZE`, …; read of [`Sessions::holders`] only.
    #[serde(default)]
    pub command: Option<String>,
}

impl Session {
    /// Returns the age of the oldest rows that VACUUM cannot remove because of it, in transactions.
    pub fn xid_horizon_age(&self) -> u64 {
        let age = self.xid_age.unwrap_or(0).max(self.xmin_age.unwrap_or(0));
        u64::try_from(age).unwrap_or(0)
    }
}
