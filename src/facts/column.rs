//! Columns: storage layout and statistics of ANALYZE.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How values of a column are stored (`pg_attribute`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ColumnLayout {
    /// Bytes of a value of fixed length; -1 for variable length, -2 for a null-terminated string.
    pub attlen: i16,
    /// The alignment in bytes: 1, 2, 4 or 8.
    pub attalign: u8,
}

/// Statistics of a column (`pg_stats`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct ColumnStatistics {
    /// Share of nulls, 0 to 1 (`pg_stats.null_frac`).
    pub null_frac: f64,
    /// Average bytes of a non-null value in the row; a value in TOAST counts as its pointer, 18 bytes. ANALYZE rounds it
    /// down.
    pub avg_width: u32,
    /// Number of distinct non-null values; negative for a share of all rows, 0 for unknown.
    pub n_distinct: f64,
}

impl ColumnStatistics {
    /// Statistics of a column without stored values: dropped or virtual generated.
    pub const ABSENT: ColumnStatistics = ColumnStatistics { null_frac: 1.0, avg_width: 0, n_distinct: 0.0 };
}

/// Whether the statistics of a relation are visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The role may read the statistics.
    Visible,
    /// The role may not SELECT every column.
    NoSelect,
    /// Row-level security applies to the role.
    RowSecurity,
}

/// All columns of a table in the order they are stored; `None` for statistics that do not exist.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct TableColumns {
    /// Fill factor of the heap in percent (`pg_class.reloptions`); 100 by default.
    pub fillfactor: u8,
    /// Whether the role may see the statistics.
    pub visibility: Visibility,
    /// Layout and statistics of each column, in storage order.
    pub columns: Vec<(ColumnLayout, Option<ColumnStatistics>)>,
    /// Positions of the dropped columns, which a logical copy does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<usize>,
}

impl TableColumns {
    /// Returns the columns that are not dropped.
    pub fn live_columns(&self) -> impl Iterator<Item = &(ColumnLayout, Option<ColumnStatistics>)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(position, _)| !self.dropped.contains(position))
            .map(|(_, column)| column)
    }
}

/// The columns of a B-tree, in order; `None` for statistics that do not exist.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct IndexKey {
    /// Fill factor of the B-tree's leaf pages in percent (`pg_class.reloptions`); 90 by default.
    pub fillfactor: u8,
    /// Whether equal keys share one tuple: the operator classes allow it, and `deduplicate_items` is on.
    pub deduplicates: bool,
    /// Whether the role may see the statistics.
    pub visibility: Visibility,
    /// Layout and statistics of each index column, in index order.
    pub columns: Vec<(ColumnLayout, Option<ColumnStatistics>)>,
}
