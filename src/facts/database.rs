//! The databases of a cluster.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One row of `pg_database` with its statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// `pg_database.datname`.
    pub database: String,
    /// Role that owns the database (`pg_database.datdba`).
    pub owner: String,
    /// Default tablespace.
    pub tablespace: Option<String>,
    /// Encoding as a name, such as `UTF8` (`pg_database.encoding`).
    pub encoding: String,
    /// `pg_database.datallowconn`.
    pub allows_connections: bool,
    /// `pg_database.datistemplate`.
    pub is_template: bool,
    /// The role has CONNECT.
    pub may_connect: bool,
    /// `pg_database_size`; `None` where the role may not know it.
    pub bytes: Option<u64>,
    /// Backends connected now.
    pub connections: Option<i64>,
    /// Transactions since the oldest unfrozen transaction id.
    pub xid_age: i64,
    /// Multixacts since the oldest unfrozen one.
    pub multixact_age: i64,
    /// Temporary file bytes written since the statistics began (not what lies on disk now).
    pub temp_bytes_written: Option<u64>,
    /// When this database's statistics were last reset; null also after a crash, which resets them too.
    pub stats_reset: Option<Timestamp>,
    /// How often a page's checksum was wrong since the statistics began; `None` without checksums.
    #[serde(default)]
    pub checksum_failures: Option<u64>,
    /// Time of the last checksum failure (`pg_stat_database.checksum_last_failure`); `None` if there was none.
    #[serde(default)]
    pub checksum_last_failure: Option<Timestamp>,
}

/// The row of `pg_stat_database` for the catalogs that all databases share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedChecksums {
    /// As of a database.
    pub checksum_failures: Option<u64>,
    /// Time of the last checksum failure; `None` if there was none.
    pub checksum_last_failure: Option<Timestamp>,
}
