//! The server and the connected role.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Properties of the server and of the connected role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Server {
    /// `server_version_num`, as 170010.
    pub version_num: u32,
    /// The text of `version()`.
    pub version: String,
    /// The database connected to.
    pub database: String,
    /// The connected role (`current_user`).
    pub role: String,
    /// `pg_roles.rolsuper` of the connected role.
    pub role_is_superuser: bool,
    /// Whether it is a superuser or has the REPLICATION attribute.
    pub role_may_replicate: bool,
    /// Has the privileges of `pg_monitor`.
    pub role_is_monitor: bool,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// `pg_postmaster_start_time()`; a crash restart does not change it.
    pub started_at: Timestamp,
    /// The server's clock when the snapshot was taken.
    pub requested_at: Timestamp,
    /// `block_size`, in bytes.
    pub block_size_bytes: u64,
    /// `wal_segment_size`, in bytes.
    pub wal_segment_bytes: u64,
}

impl Server {
    /// Returns the version as text, such as `17.10`.
    pub fn version_text(&self) -> String {
        format!("{}.{}", self.version_num / 10_000, self.version_num % 10_000)
    }

    /// Returns the major version, as 17.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// Rights of the connected role that actions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct RoleRights {
    /// Superuser, the REPLICATION attribute (a membership does not inherit it), or `rds_replication` where that is.
    pub may_drop_slots: bool,
    /// Superuser or, from 15, `pg_checkpoint`.
    pub may_checkpoint: bool,
}
