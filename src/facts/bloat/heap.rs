//! How many pages the rows of a table take, packed at its fillfactor.

use super::{
    Bloat, BloatSource,
    row_width::{MAX_ALIGN, Width},
};
use crate::facts::TableColumns;
use crate::facts::table::block_size_or_default;
use serde::{Deserialize, Serialize};

/// Layout of a page and of a row (PostgreSQL manual, 66.6 "Database Page Layout").
const PAGE_HEADER: u64 = 24;
const LINE_POINTER: f64 = 4.0;
const ROW_HEADER: usize = 23;

/// Bytes of the main fork if these rows were written anew; `None` where a column has no statistics.
pub fn packed_bytes(rows: u64, columns: &TableColumns, block: u64) -> Option<u64> {
    Some(packed_pages(rows as f64, padded_row_width(columns)?, columns.fillfactor, block) as u64 * block)
}

/// A row with its header, padded.
fn padded_row_width(columns: &TableColumns) -> Option<Width> {
    let header = |bytes: usize| Width::exactly(bytes).aligned(MAX_ALIGN);
    let bitmap = columns.columns.len().div_ceil(8);
    // Either header ends at a multiple of 8, so that the data lies the same behind both.
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

fn packed_pages(rows: f64, row: Width, fillfactor: u8, block: u64) -> f64 {
    let reserved = block * (100 - u64::from(fillfactor.clamp(10, 100))) / 100;
    let page_space = (block - PAGE_HEADER - reserved) as f64;
    let row_bytes = row.mean() + LINE_POINTER;
    let fit = page_space / row_bytes;
    // Where rows differ, what does not fit at a page's end is half a row on average.
    let fit = if row.is_certain() { fit.floor() } else { fit - 0.5 };
    let most = ((block - PAGE_HEADER) as f64 / (24.0 + LINE_POINTER)).floor();
    (rows / fit.clamp(1.0, most)).ceil()
}

/// What `pgstattuple` counted in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeapTuples {
    pub fillfactor: u8,
    pub block_size: u64,
    /// Bytes of the main fork.
    pub table_len: u64,
    pub tuple_count: u64,
    /// Bytes of all live rows with their headers, unpadded.
    pub tuple_len: u64,
}

impl HeapTuples {
    pub fn bloat(&self) -> Bloat {
        let mut needed = 0;
        if self.tuple_count > 0 {
            let average = self.tuple_len as f64 / self.tuple_count as f64;
            let row = if average.fract() == 0.0 {
                Width::exactly(average as usize).aligned(MAX_ALIGN)
            } else {
                Width::with_mean(average).aligned(MAX_ALIGN)
            };
            let block = block_size_or_default(self.block_size);
            needed = packed_pages(self.tuple_count as f64, row, self.fillfactor, block) as u64 * block;
        }
        Bloat { bytes: self.table_len.saturating_sub(needed), source: BloatSource::Exact }
    }
}
