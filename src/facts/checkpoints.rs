//! How often checkpoints come, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
