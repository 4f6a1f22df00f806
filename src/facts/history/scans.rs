//! How often indexes were used between two samples.

use jiff::Timestamp;
use serde::Serialize;

/// The scans of one index over a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexScans {
    /// `pg_stat_user_indexes.schemaname`.
    pub schema: String,
    /// `pg_stat_user_indexes.relname`.
    pub table: String,
    /// `pg_stat_user_indexes.indexrelname`.
    pub index: String,
    /// The window: from one sample to another, later than asked where the index, or the history, is younger.
    pub since: Timestamp,
    /// End of the window: `collected_at` of its last sample.
    pub until: Timestamp,
    /// At least so many: what was counted between a sample and a reset after it is lost.
    pub scans: u64,
    /// Number of resets of the counter in the window.
    pub resets: u64,
}
