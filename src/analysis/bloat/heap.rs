//! The bloat of a heap.

use super::{Bloat, BloatSource, EstimateError, check_visibility};
use crate::analysis::pages::{MAX_ALIGN, Width, heap};
use crate::facts::{HeapTuples, Table, TableColumns};

/// Returns the bloat of the heap from the statistics; `None` for a relation without a heap of its own.
pub(super) fn estimate_table(table: &Table, columns: Option<&TableColumns>) -> Result<Option<Bloat>, EstimateError> {
    if !table.kind.has_storage() {
        return Ok(None);
    }
    if table.heap.bytes == 0 {
        return Ok(Some(Bloat::NONE));
    }
    if !table.was_measured() {
        return Err(EstimateError::NeverAnalyzed);
    }
    let columns = columns.ok_or(EstimateError::NotRead)?;
    check_visibility(columns.visibility)?;
    let rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let needed = heap::packed_bytes(rows, columns, table.block_bytes()).ok_or(EstimateError::NeverAnalyzed)?;
    Ok(Some(Bloat::estimated(heap::main_fork_bytes(table), needed)))
}

/// Returns the bloat of a heap of which every page was read.
pub fn measured_heap_bloat(tuples: &HeapTuples) -> Bloat {
    let mut needed = 0;
    if tuples.tuple_count > 0 {
        let average = tuples.tuple_len as f64 / tuples.tuple_count as f64;
        let row = if average.fract() == 0.0 {
            Width::exactly(average as usize).aligned(MAX_ALIGN)
        } else {
            Width::with_mean(average).aligned(MAX_ALIGN)
        };
        let block = tuples.block_bytes();
        needed = heap::packed_pages(tuples.tuple_count as f64, row, tuples.fillfactor, block) as u64 * block;
    }
    Bloat { bytes: tuples.table_len.saturating_sub(needed), source: BloatSource::Exact }
}
