//! How many pages a B-tree takes when it is built anew, equal keys sharing a tuple (13 and newer).

use super::{
    Bloat, BloatSource,
    row_width::{MAX_ALIGN, Width},
};
use crate::facts::{ColumnLayout, ColumnStatistics};
use serde::{Deserialize, Serialize};

/// Page header and the B-tree's own data at the page's end (src/include/access/nbtree.h).
const PAGE_OVERHEAD: f64 = 24.0 + 16.0;
pub(in crate::facts) const LINE_POINTER: f64 = 4.0;
const TUPLE_HEADER: usize = 8;
/// With the bitmap of nulls.
const NULL_TUPLE: f64 = 16.0;
/// One more row of the same key.
const TID: f64 = 6.0;
/// How full inner pages are made.
const INNER_FILLFACTOR: f64 = 70.0;

/// The rows that are indexed.
#[derive(Clone, Copy, Debug)]
pub struct IndexedRows {
    pub rows: u64,
    /// Rows of the whole table.
    pub table_rows: u64,
    pub is_partial: bool,
    pub deduplicates: bool,
}

/// Bytes of the index if it were built anew.
pub fn packed_bytes(
    keys: &IndexedRows,
    columns: &[(ColumnLayout, ColumnStatistics)],
    fillfactor: u8,
    block: u64,
) -> u64 {
    let block_bytes = block as f64;
    let (leaf_bytes, tuple) = match columns {
        [(layout, statistics)] => single_column_leaf_bytes(keys, *layout, *statistics, block_bytes),
        several => multi_column_leaf_bytes(keys, several, block_bytes),
    };
    total_pages(leaf_bytes, tuple, fillfactor, block_bytes) as u64 * block
}

/// Pages of a B-tree with so many bytes of leaf tuples, of which one takes `tuple`: leaves, inner pages, the first page.
pub(in crate::facts) fn total_pages(leaf_bytes: f64, tuple: f64, fillfactor: u8, block: f64) -> f64 {
    let page_space = |fillfactor: f64| block - PAGE_OVERHEAD - block * (100.0 - fillfactor) / 100.0 - LINE_POINTER;
    let mut level = (leaf_bytes / page_space(f64::from(fillfactor.clamp(10, 100)))).ceil();
    let mut pages = 1.0 + level;
    let children = (page_space(INNER_FILLFACTOR) / (tuple + LINE_POINTER)).max(2.0);
    while level > 1.0 {
        level = (level / children).ceil();
        pages += level;
    }
    pages
}

/// Bytes on leaf pages, and of one tuple: nulls are one more key, of another width.
fn single_column_leaf_bytes(
    keys: &IndexedRows,
    layout: ColumnLayout,
    statistics: ColumnStatistics,
    block: f64,
) -> (f64, f64) {
    let rows = keys.rows as f64;
    let null_share = statistics.null_frac.clamp(0.0, 1.0);
    let filled_in_table = keys.table_rows as f64 * (1.0 - null_share);
    // A partial index that could hold the filled rows alone most likely does: WHERE … IS NOT NULL. Both numbers come
    // from samples.
    let nulls = if keys.is_partial && rows <= filled_in_table * 1.25 { 0.0 } else { rows * null_share };
    let filled = rows - nulls;
    let distinct = distinct_values(keys, statistics, filled).clamp(1.0, filled.max(1.0));
    let present = ColumnStatistics { null_frac: 0.0, ..statistics };
    let tuple = Width::exactly(TUPLE_HEADER).with_column(layout, present).aligned(MAX_ALIGN).mean();
    let leaves = if keys.deduplicates {
        distinct * deduplicated_bytes(filled / distinct, tuple, block) + deduplicated_bytes(nulls, NULL_TUPLE, block)
    } else {
        filled * (tuple + LINE_POINTER) + nulls * (NULL_TUPLE + LINE_POINTER)
    };
    (leaves, tuple)
}

/// The same for several: as many distinct combinations as the columns could have, which no column may exceed by the
/// rows there are. Where columns depend on each other there are fewer, and less would be needed.
fn multi_column_leaf_bytes(keys: &IndexedRows, columns: &[(ColumnLayout, ColumnStatistics)], block: f64) -> (f64, f64) {
    let rows = keys.rows as f64;
    let some_null = 1.0 - columns.iter().map(|(_, found)| 1.0 - found.null_frac.clamp(0.0, 1.0)).product::<f64>();
    let bare =
        columns.iter().fold(Width::exactly(TUPLE_HEADER), |width, (layout, found)| width.with_column(*layout, *found));
    let with_bitmap = columns
        .iter()
        .fold(Width::exactly(NULL_TUPLE as usize), |width, (layout, found)| width.with_column(*layout, *found));
    let tuple = bare.mixed_with(&with_bitmap, some_null).aligned(MAX_ALIGN).mean();
    let combinations: f64 = columns
        .iter()
        .map(|(_, found)| {
            let filled = rows * (1.0 - found.null_frac.clamp(0.0, 1.0));
            distinct_values(keys, *found, filled).max(1.0) + if found.null_frac > 0.0 { 1.0 } else { 0.0 }
        })
        .product();
    let combinations = combinations.clamp(1.0, rows.max(1.0));
    let leaves = if keys.deduplicates {
        combinations * deduplicated_bytes(rows / combinations, tuple, block)
    } else {
        rows * (tuple + LINE_POINTER)
    };
    (leaves, tuple)
}

/// Distinct values of a column; each of the filled rows its own where nobody knows.
fn distinct_values(keys: &IndexedRows, statistics: ColumnStatistics, filled: f64) -> f64 {
    match statistics.n_distinct {
        0.0 => filled,
        share if share < 0.0 => -share * keys.table_rows as f64,
        count => count,
    }
}

/// Bytes of one key with so many rows: tuples of at most a tenth of a page, each with a list of rows.
pub(in crate::facts) fn deduplicated_bytes(rows: f64, tuple: f64, block: f64) -> f64 {
    let single = tuple + LINE_POINTER;
    if rows <= 1.0 {
        return rows * single;
    }
    let longest = block / 10.0 - LINE_POINTER;
    let most = ((longest - tuple) / TID).floor();
    if most < 2.0 {
        return rows * single;
    }
    let padded = |count: f64| {
        if count <= 1.0 {
            count * single
        } else {
            ((tuple + count * TID) / MAX_ALIGN as f64).ceil() * MAX_ALIGN as f64 + LINE_POINTER
        }
    };
    // Keys have a few rows more or less than the average: between two whole numbers it is a bit of both.
    let whole = |count: f64| {
        let lists = (count / most).floor();
        lists * padded(most) + padded(count - lists * most)
    };
    let (below, above) = (rows.floor(), rows.ceil());
    whole(below) + (whole(above) - whole(below)) * (rows - below)
}

/// What `pgstatindex` counted in a B-tree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BtreePages {
    pub fillfactor: u8,
    pub block_size: u64,
    pub index_size: u64,
    pub internal_pages: u64,
    pub leaf_pages: u64,
    /// Percent; 0 where there is no leaf.
    pub avg_leaf_density: f64,
}

impl BtreePages {
    /// All that is neither a leaf filled as a new one would be, nor an inner page, nor the first: deleted and empty
    /// pages count whole, which `100 - avg_leaf_density` leaves out.
    pub fn bloat(&self) -> Bloat {
        let leaves = self.leaf_pages as f64 * self.avg_leaf_density / f64::from(self.fillfactor.clamp(10, 100));
        let needed = (leaves.min(self.leaf_pages as f64).ceil() as u64 + self.internal_pages + 1) * self.block_size;
        Bloat { bytes: self.index_size.saturating_sub(needed), source: BloatSource::Exact }
    }
}
