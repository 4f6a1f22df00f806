//! One sample of a cluster in the store.

use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// A sequence of samples of one cluster. A copy of a cluster has the same system identifier, but a separate branch.
/// Standbys also have separate branches, because they have their own counters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ClusterBranch {
    /// Key of the branch in the store.
    pub cluster_id: i64,
    /// `pg_control_system().system_identifier`, as text.
    pub system_identifier: String,
    /// Number of the branch; 1 for the first.
    pub branch: i64,
    /// Whether its samples were taken in recovery.
    pub is_standby: bool,
    /// `collected_at` of its first sample.
    pub first_seen: Timestamp,
}

impl ClusterBranch {
    /// Returns the name in reports, such as `7312…#2`.
    pub fn name(&self) -> String {
        format!("{}#{}", self.system_identifier, self.branch)
    }
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sample {
    /// Key of the sample in the store.
    pub sample_id: i64,
    /// Key of the sample's branch.
    pub cluster_id: i64,
    /// The server's clock when the sample was taken.
    pub collected_at: Timestamp,
    /// `pg_postmaster_start_time()`.
    pub started_at: Timestamp,
    /// `server_version_num`, as 170010.
    pub version_num: u32,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// Timeline of the last checkpoint; `None` where the control file could not be read.
    pub timeline_id: Option<u32>,
    /// Position of WAL; `None` where it could not be read.
    pub current_lsn: Option<Lsn>,
    /// Host and port as entered; `None` for files, sockets and loopback addresses.
    pub address: Option<String>,
    /// The database that was connected to.
    pub database: String,
    /// Name of the provider, as in JSON.
    pub provider: String,
    /// Bytes of the files of `pg_wal`; `None` where they could not be read.
    pub wal_directory_bytes: Option<u64>,
    /// Number of databases that were read over a connection.
    pub databases_read: u64,
}
