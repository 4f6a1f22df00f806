//! What an index is made of, and what a few blocks of a TOAST relation hold: the facts a prediction rests on.

use crate::facts::{ColumnLayout, ColumnStatistics, Visibility};
use serde::{Deserialize, Serialize};

/// One column of an index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Its statistics are the index's own: shares in them are of the index's rows, which are fewer where it is partial.
    #[serde(default)]
    pub is_expression: bool,
    pub layout: ColumnLayout,
    pub statistics: Option<ColumnStatistics>,
    /// The most common values: how many, and which share of all rows they have (`pg_stats.most_common_freqs`).
    pub common_values: u32,
    pub common_share: f64,
    /// Arrays and tsvectors: elements of a row that differ, on average, and how many different ones ANALYZE knows of.
    pub elements_per_row: Option<f64>,
    pub distinct_elements: Option<u32>,
}

/// An index as CREATE INDEX would have to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexShape {
    /// As it was set; `None` for the access method's own.
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

/// The chunks that were found on some blocks of a TOAST relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToastSample {
    /// All of its blocks.
    pub blocks: u64,
    pub sampled_blocks: u64,
    /// The lengths of the live chunks on the sampled blocks, value by value.
    pub lengths: Vec<u32>,
}
