//! Results of page scans: by `pgstattuple`, and of the TOAST samples of an audit.

use super::table::block_size_or_default;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Result of `pgstattuple` for a heap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct HeapTuples {
    /// The fill factor in percent.
    pub fillfactor: u8,
    /// Bytes of a block.
    pub block_size: u64,
    /// Bytes of the main fork.
    pub table_len: u64,
    /// Live rows.
    pub tuple_count: u64,
    /// Bytes of all live rows with their headers, unpadded.
    pub tuple_len: u64,
}

impl HeapTuples {
    /// Returns the bytes of a block; 8 kB if the value is not a valid block size.
    pub fn block_bytes(&self) -> u64 {
        block_size_or_default(self.block_size)
    }
}

/// Result of `pgstatindex` for a B-tree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct BtreePages {
    /// The fill factor of leaf pages in percent.
    pub fillfactor: u8,
    /// Bytes of a block.
    pub block_size: u64,
    /// Bytes of the index.
    pub index_size: u64,
    /// Inner pages.
    pub internal_pages: u64,
    /// Leaf pages, without empty and deleted ones.
    pub leaf_pages: u64,
    /// The mean density of leaf pages in percent; 0 without leaf pages.
    pub avg_leaf_density: f64,
}

/// The chunks on a sample of the blocks of a TOAST relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ToastSample {
    /// Number of its blocks.
    pub blocks: u64,
    /// Number of sampled blocks.
    pub sampled_blocks: u64,
    /// Lengths of the live chunks on the sampled blocks, grouped by value.
    pub lengths: Vec<u32>,
}
