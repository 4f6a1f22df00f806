//! One look at a cluster, as it is remembered.

use crate::units::Lsn;
use jiff::Timestamp;
use serde::Serialize;

/// A line of samples that follow from each other. A copy of a cluster shares its system identifier and is a branch of
/// its own; standbys have branches of their own, too, since they count for themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ClusterBranch {
    pub cluster_id: i64,
    pub system_identifier: String,
    /// 1 for the first that was seen.
    pub branch: i64,
    pub is_standby: bool,
    pub first_seen: Timestamp,
}

impl ClusterBranch {
    /// As people name it: `7312…#2`.
    pub fn name(&self) -> String {
        format!("{}#{}", self.system_identifier, self.branch)
    }
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub sample_id: i64,
    pub cluster_id: i64,
    pub collected_at: Timestamp,
    pub started_at: Timestamp,
    pub version_num: u32,
    pub in_recovery: bool,
    pub timeline_id: Option<u32>,
    pub current_lsn: Option<Lsn>,
    /// Host and port as they were typed; none for files, sockets and the machine itself.
    pub address: Option<String>,
    /// The database that was connected to.
    pub database: String,
    pub provider: String,
    pub wal_directory_bytes: Option<u64>,
    /// How many databases were read from inside.
    pub databases_read: u64,
}
