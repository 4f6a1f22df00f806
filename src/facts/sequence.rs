//! Sequences that could run out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sequences of a database with fewer than 2^53 values, limited by the type of the column that they fill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SequenceUse {
    /// Their positions.
    pub sequences: Vec<SequenceState>,
    /// Number of sequences that were not read, because of the limit or a lock.
    pub left_out: u64,
}

/// One sequence and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SequenceState {
    /// `pg_namespace.nspname`.
    pub schema: String,
    /// Name of the sequence, unquoted.
    pub sequence: String,
    /// The column with the narrowest type among those it fills, as `table.column`.
    pub column: Option<String>,
    /// Type of that column, as `integer`; `None` without a column.
    pub column_type: Option<String>,
    /// First value.
    pub first: i64,
    /// Last possible value of the sequence or of the column's type; less than `first` for a descending sequence.
    pub last: i64,
    /// Current value; `None` if it was never used, or the role may not read it.
    pub last_value: Option<i64>,
    /// Whether the role may read its value.
    pub may_read: bool,
}

impl SequenceState {
    /// Returns the used part of its range in percent.
    pub fn used_percent(&self) -> Option<f64> {
        let last_value = self.last_value?;
        let (first, last) = (self.first as f64, self.last as f64);
        Some(((last_value as f64 - first) / (last - first) * 100.0).clamp(0.0, 100.0))
    }
}

/// A replication origin without a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct OrphanedOrigin {
    /// `pg_replication_origin.roname`.
    pub origin_name: String,
}
