//! The server, and the role that looked at it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the server says of itself and of the role that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`, as 170010.
    pub version_num: u32,
    /// The text of `version()`.
    pub version: String,
    /// The database connected to.
    pub database: String,
    pub role: String,
    pub role_is_superuser: bool,
    /// Superuser, or the REPLICATION attribute.
    pub role_may_replicate: bool,
    /// Has the privileges of `pg_monitor`.
    pub role_is_monitor: bool,
    pub in_recovery: bool,
    pub started_at: Timestamp,
    /// The server's own clock when it was asked.
    pub requested_at: Timestamp,
    pub block_size_bytes: u64,
    pub wal_segment_bytes: u64,
}

impl Server {
    /// The version as people write it: `17.10`.
    pub fn version_text(&self) -> String {
        format!("{}.{}", self.version_num / 10_000, self.version_num % 10_000)
    }

    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}
