//! Sequences that could run out.

use serde::{Deserialize, Serialize};

/// The sequences of a database with fewer than 2^53 steps, bounded by the columns they fill, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceUse {
    /// Their positions.
    pub sequences: Vec<SequenceState>,
    /// How many more there are than were read: beyond the bound, or locked at that moment.
    pub left_out: u64,
}

/// One sequence and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceState {
    /// `pg_namespace.nspname`.
    pub schema: String,
    /// Name of the sequence, unquoted.
    pub sequence: String,
    /// The column with the narrowest type among those it fills, as `table.column`.
    pub column: Option<String>,
    /// Type of that column, as `integer`; `None` without a column.
    pub column_type: Option<String>,
    /// Where it begins and where it cannot go on: of the sequence, or of the column's type.
    pub first: i64,
    /// Where it cannot go on; below `first` for a descending sequence.
    pub last: i64,
    /// `None` when it was never used, or when the role may not read it.
    pub last_value: Option<i64>,
    /// The role may read its value.
    pub may_read: bool,
}

impl SequenceState {
    /// How much of its range is used, of a hundred; a descending one counts down.
    pub fn used_percent(&self) -> Option<f64> {
        let last_value = self.last_value?;
        let (first, last) = (self.first as f64, self.last as f64);
        Some(((last_value as f64 - first) / (last - first) * 100.0).clamp(0.0, 100.0))
    }
}

/// Replication origins that no subscription uses any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanedOrigin {
    /// `pg_replication_origin.roname`.
    pub origin_name: String,
}
