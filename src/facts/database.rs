//! The databases of a cluster.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One row of `pg_database` with its statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
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
    /// Whether the role has the CONNECT privilege.
    pub may_connect: bool,
    /// `pg_database_size`; `None` if the role may not read it.
    pub bytes: Option<u64>,
    /// Backends connected now.
    pub connections: Option<i64>,
    /// Transactions since the oldest unfrozen transaction id.
    pub xid_age: i64,
    /// Multixacts since the oldest unfrozen one.
    pub multixact_age: i64,
    /// Bytes written to temporary files since the last reset, not their present size.
    pub temp_bytes_written: Option<u64>,
    /// When the statistics of this database were last reset; also null after a crash, which resets them.
    pub stats_reset: Option<Timestamp>,
    /// Number of checksum failures since the last reset; `None` without checksums.
    #[serde(default)]
    pub checksum_failures: Option<u64>,
    /// Time of the last checksum failure (`pg_stat_database.checksum_last_failure`); `None` if there was none.
    #[serde(default)]
    pub checksum_last_failure: Option<Timestamp>,
}

/// The row of `pg_stat_database` for the catalogs that all databases share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SharedChecksums {
    /// Number of checksum failures; `None` without checksums.
    pub checksum_failures: Option<u64>,
    /// Time of the last checksum failure; `None` if there was none.
    pub checksum_last_failure: Option<Timestamp>,
}
