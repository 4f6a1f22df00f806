//! How many pages the rows of a table take, packed at its fill factor.

use super::{LINE_POINTER, MAX_ALIGN, PAGE_HEADER, Width};
use crate::facts::{Table, TableColumns};

/// The default of the storage parameter `fillfactor`.
pub const DEFAULT_FILLFACTOR: u8 = 100;
/// The header of a row without its bitmap of nulls (PostgreSQL 18 manual, 66.6 "Database Page Layout").
const ROW_HEADER: usize = 23;
/// The shortest row: header, padded.
const MIN_ROW: f64 = 24.0;
/// The blocks that a leaf page of the free space map describes (src/backend/storage/freespace/README), and a page of the
/// visibility map.
const BLOCKS_PER_FREE_SPACE_PAGE: u64 = 4_069;
const BLOCKS_PER_VISIBILITY_PAGE: u64 = 32_672;
/// The free space map has at least this many pages: one per level.
const FREE_SPACE_LEVELS: u64 = 3;

/// Returns the bytes of the main fork after a rewrite of these rows; `None` where a column has no statistics.
pub fn packed_bytes(rows: u64, columns: &TableColumns, block: u64) -> Option<u64> {
    Some(packed_pages(rows as f64, padded_row_width(columns)?, columns.fillfactor, block) as u64 * block)
}

/// Returns the width of a row with its header, padded.
fn padded_row_width(columns: &TableColumns) -> Option<Width> {
    let header = |bytes: usize| Width::exactly(bytes).aligned(MAX_ALIGN);
    let bitmap = columns.columns.len().div_ceil(8);
    // Either header ends at a multiple of 8, so that the data has the same layout behind both.
    let (mut bare, mut with_bitmap) = (header(ROW_HEADER), header(ROW_HEADER + bitmap));
    let mut without_nulls = 1.0;
    for (layout, statistics) in &columns.columns {
        let statistics = (*statistics)?;
        without_nulls *= 1.0 - statistics.null_frac.clamp(0.0, 1.0);
        bare = bare.with_column(*layout, statistics);
        with_bitmap = with_bitmap.with_column(*layout, statistics);
    }
    let row = with_bitmap.mixed_with(&bare, without_nulls);
    Some(row.aligned(MAX_ALIGN))
}

/// Returns the pages that so many rows fill.
pub fn packed_pages(rows: f64, row: Width, fillfactor: u8, block: u64) -> f64 {
    let reserved = block * (100 - u64::from(fillfactor.clamp(10, 100))) / 100;
    let page_space = (block - PAGE_HEADER - reserved) as f64;
    let row_bytes = row.mean() + LINE_POINTER;
    let fit = page_space / row_bytes;
    // Where widths differ, half a row's space is left at the end of a page on average.
    let fit = if row.is_certain() { fit.floor() } else { fit - 0.5 };
    let most = ((block - PAGE_HEADER) as f64 / (MIN_ROW + LINE_POINTER)).floor();
    (rows / fit.clamp(1.0, most)).ceil()
}

/// Returns the blocks of the maps of a heap: of free space, and of visibility once the heap was vacuumed.
pub fn map_blocks(blocks: u64, vacuumed: bool) -> u64 {
    let has_free_space_map = blocks > 1 || (blocks == 1 && vacuumed);
    let free_space = if has_free_space_map { FREE_SPACE_LEVELS + blocks / BLOCKS_PER_FREE_SPACE_PAGE } else { 0 };
    let visibility = if vacuumed && blocks > 0 { 1 + blocks / BLOCKS_PER_VISIBILITY_PAGE } else { 0 };
    free_space + visibility
}

/// Returns the bytes of the heap without its maps of free space and visibility.
pub fn main_fork_bytes(table: &Table) -> u64 {
    let block = table.block_bytes();
    let maps = |bytes: u64| {
        (FREE_SPACE_LEVELS + 1) * block + bytes / BLOCKS_PER_FREE_SPACE_PAGE + bytes / BLOCKS_PER_VISIBILITY_PAGE
    };
    match table.heap.bytes.checked_sub(table.relpages_bytes) {
        Some(more) if more <= maps(table.relpages_bytes) => table.relpages_bytes,
        _ => table.heap.bytes.saturating_sub(maps(table.heap.bytes)),
    }
}
