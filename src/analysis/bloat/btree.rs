//! The bloat of a B-tree.

use super::{Bloat, BloatSource, EstimateError, check_visibility};
use crate::analysis::pages::btree::{
    TUPLE_HEADER, TUPLE_HEADER_WITH_NULLS, leaf_bytes, padded_tuple_width, total_pages, tuple_width,
};
use crate::analysis::pages::deduplication::builds_deduplicated;
use crate::analysis::pages::{MAX_ALIGN, distinct_values, excludes_nulls, indexed_rows};
use crate::facts::{BtreePages, ColumnLayout, ColumnStatistics, Index, IndexKey, Table};

/// Whether the bloat of an index can be estimated by statistics: B-trees with storage only.
pub fn can_estimate_index(index: &Index) -> bool {
    index.method == "btree" && !index.is_partitioned
}

/// The rows that are indexed.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexedRows {
    /// Rows of the index.
    pub rows: u64,
    /// Rows of the whole table.
    pub table_rows: u64,
    /// The index has a predicate.
    pub is_partial: bool,
    /// Equal keys share a tuple.
    pub deduplicates: bool,
}

/// Returns the bloat of the index from the statistics; `None` where it is not estimated.
pub(super) fn estimate_index(
    index: &Index,
    table: &Table,
    key: Option<&IndexKey>,
    version_num: u32,
) -> Result<Option<Bloat>, EstimateError> {
    if !can_estimate_index(index) {
        return Ok(None);
    }
    if !table.was_measured() && index.size.bytes <= table.block_bytes() {
        return Ok(Some(Bloat::NONE));
    }
    let needed = rebuilt_index_bytes(index, table, key, version_num)?;
    Ok(needed.map(|needed| Bloat::estimated(index.size.bytes, needed)))
}

/// Returns the bytes of the index after a rebuild by a server of this version (`server_version_num`), from the statistics;
/// `None` where they are not estimated. The server has no statistics on distinct combinations of several columns. The
/// possible maximum is assumed, so the estimate is rather too high.
///
/// # Errors
///
/// The statistics are missing.
pub fn rebuilt_index_bytes(
    index: &Index,
    table: &Table,
    key: Option<&IndexKey>,
    version_num: u32,
) -> Result<Option<u64>, EstimateError> {
    if !can_estimate_index(index) {
        return Ok(None);
    }
    if !table.was_measured() {
        return Err(EstimateError::NeverAnalyzed);
    }
    let key = key.ok_or(EstimateError::NotRead)?;
    // A `name` is stored without its padding, but the statistics include it.
    if key.columns.iter().any(|(layout, _)| layout.attlen == -2) {
        return Ok(None);
    }
    check_visibility(key.visibility)?;
    let table_rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let columns: Option<Vec<_>> = key.columns.iter().map(|(layout, found)| Some((*layout, (*found)?))).collect();
    let columns = columns.filter(|columns| !columns.is_empty()).ok_or(EstimateError::NeverAnalyzed)?;
    let keys = IndexedRows {
        rows: indexed_rows(index, table, table_rows),
        table_rows,
        is_partial: index.is_partial,
        // A unique index has no equal keys.
        deduplicates: builds_deduplicated(index, key.deduplicates, version_num) && !index.is_unique,
    };
    Ok(Some(packed_bytes(&keys, &columns, key.fillfactor, table.block_bytes())))
}

/// Returns the bytes of the index after a rebuild.
pub(super) fn packed_bytes(
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

/// Returns the bytes on leaf pages, and of one tuple. Nulls are one more key, of another width.
fn single_column_leaf_bytes(
    keys: &IndexedRows,
    layout: ColumnLayout,
    statistics: ColumnStatistics,
    block: f64,
) -> (f64, f64) {
    let (rows, table_rows) = (keys.rows as f64, keys.table_rows as f64);
    let null_share = statistics.null_frac.clamp(0.0, 1.0);
    let has_no_nulls = keys.is_partial && excludes_nulls(rows, table_rows, null_share);
    let nulls = if has_no_nulls { 0.0 } else { rows * null_share };
    let filled = rows - nulls;
    let distinct = distinct_values(statistics, table_rows, filled).clamp(1.0, filled.max(1.0));
    let present = ColumnStatistics { null_frac: 0.0, ..statistics };
    let tuple = padded_tuple_width(TUPLE_HEADER, std::iter::once((layout, present)));
    let leaves = leaf_bytes(filled, distinct, tuple, keys.deduplicates, block)
        + leaf_bytes(nulls, 1.0, TUPLE_HEADER_WITH_NULLS as f64, keys.deduplicates, block);
    (leaves, tuple)
}

/// Returns the same for several columns with as many distinct combinations as possible: the product of their distinct
/// values, at most one per row. Columns that depend on each other have fewer combinations and need less.
fn multi_column_leaf_bytes(keys: &IndexedRows, columns: &[(ColumnLayout, ColumnStatistics)], block: f64) -> (f64, f64) {
    let rows = keys.rows as f64;
    let some_null = 1.0 - columns.iter().map(|(_, found)| 1.0 - found.null_frac.clamp(0.0, 1.0)).product::<f64>();
    let bare = tuple_width(TUPLE_HEADER, columns.iter().copied());
    let with_bitmap = tuple_width(TUPLE_HEADER_WITH_NULLS, columns.iter().copied());
    let tuple = bare.mixed_with(&with_bitmap, some_null).aligned(MAX_ALIGN).mean();
    let combinations: f64 = columns
        .iter()
        .map(|(_, found)| {
            let filled = rows * (1.0 - found.null_frac.clamp(0.0, 1.0));
            let null = if found.null_frac > 0.0 { 1.0 } else { 0.0 };
            distinct_values(*found, keys.table_rows as f64, filled).max(1.0) + null
        })
        .product();
    let combinations = combinations.clamp(1.0, rows.max(1.0));
    (leaf_bytes(rows, combinations, tuple, keys.deduplicates, block), tuple)
}

/// Returns the bloat of a B-tree of which every page was read: all that is neither a leaf page at its fill factor, nor an
/// inner page, nor the metapage. Deleted and empty pages count in full; `100 - avg_leaf_density` leaves them out.
pub fn measured_btree_bloat(pages: &BtreePages) -> Bloat {
    let leaves = pages.leaf_pages as f64 * pages.avg_leaf_density / f64::from(pages.fillfactor.clamp(10, 100));
    let needed = (leaves.min(pages.leaf_pages as f64).ceil() as u64 + pages.internal_pages + 1) * pages.block_size;
    Bloat { bytes: pages.index_size.saturating_sub(needed), source: BloatSource::Exact }
}
