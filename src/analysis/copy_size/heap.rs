//! Forecast of a rewritten heap.

use super::{Basis, Forecast, changed_share};
use crate::analysis::bloat::{EstimateError, check_visibility, measured_heap_bloat};
use crate::analysis::pages::heap::{map_blocks, packed_bytes};
use crate::facts::{HeapTuples, Table, TableColumns};

/// Relative error of an estimate from averages.
const AVERAGE_SPREAD: f64 = 0.05;
/// Error of the free space at the end of a page, in rows: it depends on the order of long and short rows. The
/// model takes half a row. Measured with three rows per page: 4 and 11.5 % less.
const PAGE_END_WASTE: f64 = 0.4;
/// A table with fewer rows is not vacuumed after a copy (`autovacuum_vacuum_insert_threshold`).
const MIN_VACUUMED_ROWS: u64 = 1_000;

/// Returns the heap with its maps after a copy. A logical copy has no dropped columns.
///
/// # Errors
///
/// The heap was not read and cannot be estimated.
pub fn forecast_heap(
    table: &Table,
    columns: Option<&TableColumns>,
    counted: Option<&HeapTuples>,
) -> Result<Forecast, EstimateError> {
    let block = table.block_bytes();
    let whole = |main: u64, rows: u64| main + map_blocks(main / block, rows >= MIN_VACUUMED_ROWS) * block;
    if table.heap.bytes == 0 {
        return Ok(Forecast::ZERO);
    }
    if let Some(counted) = counted {
        let needed = counted.table_len.saturating_sub(measured_heap_bloat(counted).bytes);
        let measured = Forecast::with_spread(whole(needed, counted.tuple_count), 0.03, 0.03, Basis::Measured);
        return Ok(allow_for_dropped_columns(measured, columns));
    }
    if !table.was_measured() {
        return Err(EstimateError::NeverAnalyzed);
    }
    let columns = columns.ok_or(EstimateError::NotRead)?;
    check_visibility(columns.visibility)?;
    let rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let kept = TableColumns { columns: columns.live_columns().copied().collect(), ..columns.clone() };
    let main = packed_bytes(rows, &kept, block).ok_or(EstimateError::NeverAnalyzed)?;
    let changed = changed_share(table, rows);
    let rows_of_a_page = (rows.max(1) as f64 * block as f64 / main.max(block) as f64).max(1.0);
    let varies = kept.columns.iter().any(|(layout, _)| layout.attlen < 0);
    let spread = AVERAGE_SPREAD + changed + if varies { PAGE_END_WASTE / rows_of_a_page } else { 0.0 };
    let forecast = Forecast::with_spread(whole(main, rows), spread, spread, Basis::Statistics);
    // Only a fill factor that was set after the rows were written makes the copy larger than the original.
    if columns.fillfactor < 100 {
        return Ok(forecast);
    }
    // A server extends a table by several blocks at once: a few stay empty at its end.
    let now = table.heap.bytes;
    Ok(forecast
        .capped_at(now)
        .widened_to(forecast.low_bytes.min(now), if forecast.bytes >= now { now + now / 40 } else { 0 }))
}

/// Widens a measured size: counted rows contain the values of dropped columns, so the copy may be smaller.
fn allow_for_dropped_columns(measured: Forecast, columns: Option<&TableColumns>) -> Forecast {
    match columns {
        Some(columns) if !columns.dropped.is_empty() => {
            Forecast { low_bytes: measured.low_bytes / 4, basis: Basis::Proportion, ..measured }
        }
        _ => measured,
    }
}
