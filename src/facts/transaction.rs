//! Transactions that keep what others would remove.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The open transactions that have a transaction id, the oldest first (`pg_stat_activity`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transactions {
    /// Whether the role may see those of others; if not, an empty list says nothing.
    pub sees_all: bool,
    pub transactions: Vec<Transaction>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    pub pid: i32,
    pub database: Option<String>,
    pub role: Option<String>,
    pub application_name: Option<String>,
    pub state: Option<String>,
    pub xact_start: Option<Timestamp>,
    /// Transactions begun since it got its id.
    pub xid_age: i64,
    /// The first words of its last statement, up to its first literal.
    pub query: Option<String>,
}

/// One row of `pg_prepared_xacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    pub gid: String,
    pub database: String,
    pub owner: String,
    pub prepared: Timestamp,
    /// Transactions begun since it got its id.
    pub xid_age: i64,
}
