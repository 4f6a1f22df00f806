//! Sessions that wait for heavyweight locks, and those that block them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Current lock waits (`pg_stat_activity`, `pg_locks`, `pg_blocking_pids`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct LockWaits {
    /// Whether the role can see other sessions; if not, an empty list is not conclusive.
    pub sees_all: bool,
    /// The longest first, at most 100.
    pub waiting: Vec<LockWait>,
    /// The sessions named in `blocked_by`. A prepared transaction has no session.
    pub blockers: Vec<LockBlocker>,
}

/// A session that waits for a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct LockWait {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.datname`; `None` for processes without a database.
    pub database: Option<String>,
    /// `pg_stat_activity.usename`; `None` for processes without a role.
    pub role: Option<String>,
    /// `pg_stat_activity.application_name`.
    pub application_name: Option<String>,
    /// Start of the wait (`pg_locks.waitstart`, 14 and newer); see `is_upper_bound`.
    pub waiting_since: Option<Timestamp>,
    /// Whether `waiting_since` is the start of the statement, because the server has not recorded the start of the wait
    /// (before 14, or not yet).
    pub is_upper_bound: bool,
    /// Process ids; 0 stands for a prepared transaction.
    pub blocked_by: Vec<i32>,
}

/// A session that blocks others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct LockBlocker {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.datname`; `None` for processes without a database.
    pub database: Option<String>,
    /// `pg_stat_activity.usename`; `None` for processes without a role.
    pub role: Option<String>,
    /// `pg_stat_activity.application_name`.
    pub application_name: Option<String>,
    /// `client backend`, `autovacuum worker`, …
    pub backend_type: Option<String>,
    /// `pg_stat_activity.state`; `None` for background processes.
    pub state: Option<String>,
}
