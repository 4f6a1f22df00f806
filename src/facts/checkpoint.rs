//! The control file with the last checkpoint, and the counters of checkpoints.

use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `pg_control_system()` and `pg_control_checkpoint()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ControlFile {
    /// Identifies the cluster; physical copies share it. As text, because it exceeds JSON numbers.
    pub system_identifier: String,
    /// Timeline of the last checkpoint (`pg_control_checkpoint().timeline_id`).
    pub timeline_id: u32,
    /// Position at which crash recovery starts; WAL from here on is retained.
    pub redo_lsn: Lsn,
    /// Position of the last checkpoint's record (`checkpoint_lsn`).
    pub checkpoint_lsn: Lsn,
    /// Time of the last checkpoint (`checkpoint_time`).
    pub checkpoint_time: Timestamp,
}

/// Checkpoints since the last reset (`pg_stat_bgwriter`; `pg_stat_checkpointer` from 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Checkpoints {
    /// Timed checkpoints (`checkpoint_timeout`).
    pub timed: u64,
    /// Requested checkpoints: by the amount of WAL or the CHECKPOINT command.
    pub requested: u64,
    /// When the counters were last reset (`stats_reset`); `None` if never.
    pub stats_reset: Option<Timestamp>,
    /// The server's clock when the counters were read.
    pub requested_at: Timestamp,
}
