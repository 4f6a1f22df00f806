//! Scans of indexes between two samples.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The scans of one index over a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IndexScans {
    /// `pg_stat_user_indexes.schemaname`.
    pub schema: String,
    /// `pg_stat_user_indexes.relname`.
    pub table: String,
    /// `pg_stat_user_indexes.indexrelname`.
    pub index: String,
    /// Beginning of the window: `collected_at` of its first sample. Later than requested if the index or the history is
    /// younger.
    pub since: Timestamp,
    /// End of the window: `collected_at` of its last sample.
    pub until: Timestamp,
    /// Minimum number of scans; those between a sample and a following reset are lost.
    pub scans: u64,
    /// Number of resets of the counter in the window.
    pub resets: u64,
}
