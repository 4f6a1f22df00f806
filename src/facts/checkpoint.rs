//! The control file with the last checkpoint, and the counters of checkpoints.

use crate::units::Lsn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `pg_control_system()` and `pg_control_checkpoint()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFile {
    /// Names the cluster; copies of a cluster share it. A number too large for JSON's, hence text.
    pub system_identifier: String,
    /// Timeline of the last checkpoint (`pg_control_checkpoint().timeline_id`).
    pub timeline_id: u32,
    /// Where replay after a crash would begin: WAL from here on stays.
    pub redo_lsn: Lsn,
    /// Position of the last checkpoint's record (`checkpoint_lsn`).
    pub checkpoint_lsn: Lsn,
    /// Time of the last checkpoint (`checkpoint_time`).
    pub checkpoint_time: Timestamp,
}

/// Checkpoints counted since the statistics began (`pg_stat_bgwriter`; `pg_stat_checkpointer` from 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// By `checkpoint_timeout`.
    pub timed: u64,
    /// By the amount of WAL, or by hand.
    pub requested: u64,
    /// When the counters were last reset (`stats_reset`); `None` if never.
    pub stats_reset: Option<Timestamp>,
    /// The server's clock when the counters were read.
    pub requested_at: Timestamp,
}
