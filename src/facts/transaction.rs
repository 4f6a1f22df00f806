//! Open and prepared transactions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The open transactions that have a transaction id, the oldest first (`pg_stat_activity`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Transactions {
    /// Whether the role can see the transactions of other roles; if not, an empty list is not conclusive.
    pub sees_all: bool,
    /// The transactions, oldest first.
    pub transactions: Vec<Transaction>,
}

/// One open transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Transaction {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.datname`; `None` for processes without a database.
    pub database: Option<String>,
    /// `pg_stat_activity.usename`; `None` for processes without a role.
    pub role: Option<String>,
    /// `pg_stat_activity.application_name`.
    pub application_name: Option<String>,
    /// `pg_stat_activity.state`; `None` for background processes.
    pub state: Option<String>,
    /// `pg_stat_activity.xact_start`.
    pub xact_start: Option<Timestamp>,
    /// Transactions begun since it got its id.
    pub xid_age: i64,
    /// Beginning of its last statement, up to the first literal.
    pub query: Option<String>,
}

/// Multixacts in use (`pg_get_multixact_stats`, 19 and newer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Multixacts {
    /// Number of multixacts.
    pub multixacts: u64,
    /// Number of their members.
    pub members: u64,
    /// Bytes of the members in `pg_multixact/members`.
    pub members_bytes: u64,
}

/// One row of `pg_prepared_xacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct PreparedTransaction {
    /// `pg_prepared_xacts.gid`.
    pub gid: String,
    /// `pg_prepared_xacts.database`.
    pub database: String,
    /// Role that executed the transaction (`pg_prepared_xacts.owner`).
    pub owner: String,
    /// When it was prepared.
    pub prepared: Timestamp,
    /// Transactions begun since it got its id.
    pub xid_age: i64,
}
