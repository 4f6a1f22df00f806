//! Columns and storage parameters of an index, with the statistics of its columns.

use super::{ColumnLayout, ColumnStatistics, Visibility};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One column of an index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct IndexColumn {
    /// Whether its statistics belong to the index: their shares refer to the rows of the index, which has fewer rows than
    /// the table if it is partial.
    #[serde(default)]
    pub is_expression: bool,
    /// How its values are stored.
    pub layout: ColumnLayout,
    /// Its statistics; `None` without statistics.
    pub statistics: Option<ColumnStatistics>,
    /// The number of most common values.
    pub common_values: u32,
    /// Their share of all rows (`pg_stats.most_common_freqs`).
    pub common_share: f64,
    /// Arrays and tsvectors: the mean number of distinct elements per row.
    pub elements_per_row: Option<f64>,
    /// Arrays and tsvectors: the number of distinct elements that ANALYZE lists.
    pub distinct_elements: Option<u32>,
}

/// Properties of an index that determine its size after CREATE INDEX.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct IndexShape {
    /// The storage parameter; `None` for the default of the access method.
    pub fillfactor: Option<u8>,
    /// BRIN: the blocks that one summary describes.
    pub pages_per_range: Option<u32>,
    /// The operator class of the first column.
    pub operator_class: String,
    /// Whether equal keys may share a tuple.
    pub deduplicates: bool,
    /// Whether the role can see the statistics.
    pub visibility: Visibility,
    /// Its columns in order, included ones too.
    pub columns: Vec<IndexColumn>,
}
