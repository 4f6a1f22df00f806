//! How many pages a new B-tree takes. Equal keys share a tuple (13 and newer).

use super::{LINE_POINTER, MAX_ALIGN, PAGE_HEADER, Width};
use crate::facts::{ColumnLayout, ColumnStatistics};

/// The default of the storage parameter `fillfactor`.
pub const DEFAULT_FILLFACTOR: u8 = 90;
/// The page header, and the B-tree's data at the end of the page (src/include/access/nbtree.h).
pub const PAGE_OVERHEAD: f64 = PAGE_HEADER as f64 + 16.0;
/// The header of an index tuple without nulls.
pub const TUPLE_HEADER: usize = 8;
/// The header of an index tuple with its bitmap of nulls, padded.
pub const TUPLE_HEADER_WITH_NULLS: usize = 16;
/// One more row of a shared tuple.
const TID: f64 = 6.0;
/// The fill factor of inner pages (`BTREE_NONLEAF_FILLFACTOR`).
const INNER_FILLFACTOR: f64 = 70.0;

/// Returns the bytes of a page that entries may fill.
pub fn page_space(block: f64, fillfactor: f64) -> f64 {
    block - PAGE_OVERHEAD - block * (100.0 - fillfactor) / 100.0
}

/// Returns the width of a tuple with these columns before its final padding.
pub fn tuple_width(header: usize, columns: impl Iterator<Item = (ColumnLayout, ColumnStatistics)>) -> Width {
    columns.fold(Width::exactly(header), |width, (layout, statistics)| width.with_column(layout, statistics))
}

/// Returns the mean width of a padded tuple with these columns.
pub fn padded_tuple_width(header: usize, columns: impl Iterator<Item = (ColumnLayout, ColumnStatistics)>) -> f64 {
    tuple_width(header, columns).aligned(MAX_ALIGN).mean()
}

/// Returns the bytes of the leaf tuples of so many rows with so many distinct keys. `tuple` is the width of one tuple.
pub fn leaf_bytes(rows: f64, keys: f64, tuple: f64, deduplicates: bool, block: f64) -> f64 {
    if deduplicates {
        keys * deduplicated_bytes(rows / keys.max(1.0), tuple, block)
    } else {
        rows * (tuple + LINE_POINTER)
    }
}

/// Returns the bytes of one key with so many rows: tuples of at most a tenth of a page, each with a list of rows.
fn deduplicated_bytes(rows: f64, tuple: f64, block: f64) -> f64 {
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
    // Keys have a few rows more or less than the average: the result is interpolated between whole numbers.
    let whole = |count: f64| {
        let lists = (count / most).floor();
        lists * padded(most) + padded(count - lists * most)
    };
    let (below, above) = (rows.floor(), rows.ceil());
    whole(below) + (whole(above) - whole(below)) * (rows - below)
}

/// Returns the pages of a B-tree with so many bytes of leaf tuples: leaf pages, inner pages and the metapage. `tuple` is
/// the width of one tuple.
pub fn total_pages(leaf_bytes: f64, tuple: f64, fillfactor: u8, block: f64) -> f64 {
    // One line pointer is the high key's.
    let page_space = |fillfactor: f64| page_space(block, fillfactor) - LINE_POINTER;
    let mut level = (leaf_bytes / page_space(f64::from(fillfactor.clamp(10, 100)))).ceil();
    let mut pages = 1.0 + level;
    let children = (page_space(INNER_FILLFACTOR) / (tuple + LINE_POINTER)).max(2.0);
    while level > 1.0 {
        level = (level / children).ceil();
        pages += level;
    }
    pages
}
