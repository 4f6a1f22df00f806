//! What was counted on the pages of relations: by `pgstattuple`, and in the TOAST samples of an audit.

use super::table::block_size_or_default;
use serde::{Deserialize, Serialize};

/// What `pgstattuple` counted in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Returns the bytes of a block; 8 kB where the counted number cannot be one.
    pub fn block_bytes(&self) -> u64 {
        block_size_or_default(self.block_size)
    }
}

/// What `pgstatindex` counted in a B-tree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToastSample {
    /// All of its blocks.
    pub blocks: u64,
    /// The blocks that were read.
    pub sampled_blocks: u64,
    /// The lengths of the live chunks on the sampled blocks, value by value.
    pub lengths: Vec<u32>,
}
