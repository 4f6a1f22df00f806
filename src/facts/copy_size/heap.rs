//! A heap written anew.

use super::{Basis, Forecast, map_blocks};
use crate::facts::{EstimateError, HeapTuples, Table, TableColumns, bloat};

/// How far rows known by their averages alone may be off.
const AVERAGE_SPREAD: f64 = 0.05;
/// Of a row at each page's end: how much stays free there depends on the order in which long and short rows come. Seen with
/// three rows a page: 4 and 11.5 % less than the half of a row that is taken for it.
const PAGE_END_WASTE: f64 = 0.4;
/// A table that gets fewer rows than that is not vacuumed after a copy (`autovacuum_vacuum_insert_threshold`).
const MIN_VACUUMED_ROWS: u64 = 1_000;

/// The heap with its maps after a copy. A logical copy has no dropped columns; the rest is as the statistics say.
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
        let needed = counted.table_len.saturating_sub(counted.bloat().bytes);
        let measured = Forecast::with_spread(whole(needed, counted.tuple_count), 0.03, 0.03, Basis::Measured);
        return Ok(allow_for_dropped_columns(measured, columns));
    }
    if !table.was_measured() {
        return Err(EstimateError::NeverAnalyzed);
    }
    let columns = columns.ok_or(EstimateError::NotRead)?;
    bloat::check_visibility(columns.visibility)?;
    let rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let kept = TableColumns { columns: columns.live_columns().copied().collect(), ..columns.clone() };
    let main = bloat::heap::packed_bytes(rows, &kept, block).ok_or(EstimateError::NeverAnalyzed)?;
    let changed = changed_share(table, rows);
    let rows_of_a_page = (rows.max(1) as f64 * block as f64 / main.max(block) as f64).max(1.0);
    let varies = kept.columns.iter().any(|(layout, _)| layout.attlen < 0);
    let spread = AVERAGE_SPREAD + changed + if varies { PAGE_END_WASTE / rows_of_a_page } else { 0.0 };
    let forecast = Forecast::with_spread(whole(main, rows), spread, spread, Basis::Statistics);
    // A fill factor set after the rows were written makes the copy larger than the original; else nothing does.
    if columns.fillfactor < 100 {
        return Ok(forecast);
    }
    // A server extends a table by several blocks at once: a few stay empty at its end.
    let now = table.heap.bytes;
    Ok(forecast
        .capped_at(now)
        .widened_to(forecast.low_bytes.min(now), if forecast.bytes >= now { now + now / 40 } else { 0 }))
}

/// The share of rows that changed since somebody counted.
pub fn changed_share(table: &Table, rows: u64) -> f64 {
    (table.modified_since_analyze.max(0) as f64 / rows.max(1) as f64).min(1.0)
}

/// Rows count as they lie there, with what a dropped column left in them: the copy may be smaller.
fn allow_for_dropped_columns(measured: Forecast, columns: Option<&TableColumns>) -> Forecast {
    match columns {
        Some(columns) if !columns.dropped.is_empty() => {
            Forecast { low_bytes: measured.low_bytes / 4, basis: Basis::Proportion, ..measured }
        }
        _ => measured,
    }
}
