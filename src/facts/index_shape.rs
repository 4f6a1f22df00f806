//! Columns and storage parameters of an index, with the statistics of its columns.

use super::{ColumnLayout, ColumnStatistics, Visibility};
use serde::{Deserialize, Serialize};

/// One column of an index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Its statistics are the index's own: their shares are of the rows of the index, which has fewer rows than the table
    /// where it is partial.
    #[serde(default)]
    pub is_expression: bool,
    pub layout: ColumnLayout,
    pub statistics: Option<ColumnStatistics>,
    /// The number of most common values, and their share of all rows (`pg_stats.most_common_freqs`).
    pub common_values: u32,
    pub common_share: f64,
    /// Arrays and tsvectors: the mean number of distinct elements per row, and the number of distinct elements that
    /// ANALYZE lists.
    pub elements_per_row: Option<f64>,
    pub distinct_elements: Option<u32>,
}

/// What CREATE INDEX builds an index from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexShape {
    /// The storage parameter; `None` for the default of the access method.
    pub fillfactor: Option<u8>,
    /// BRIN.
    pub pages_per_range: Option<u32>,
    /// Of the first column.
    pub operator_class: String,
    /// Equal keys may share a tuple.
    pub deduplicates: bool,
    pub visibility: Visibility,
    pub columns: Vec<IndexColumn>,
}
