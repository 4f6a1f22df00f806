//! A B-tree of any number of columns built anew.

use super::{IndexShape, changed_share};
use crate::facts::bloat::btree::{LINE_POINTER, deduplicated_bytes, total_pages};
use crate::facts::bloat::row_width::{MAX_ALIGN, Width};
use crate::facts::copy_size::{Basis, Forecast};
use crate::facts::{ColumnStatistics, EstimateError, Index, Table, bloat};

const DEFAULT_FILLFACTOR: u8 = 90;
/// The tuple's header; with the bitmap of nulls.
const TUPLE_HEADER: usize = 8;
const TUPLE_HEADER_WITH_NULLS: usize = 16;
/// How much of a grid several columns are taken for.
const GRID_WEIGHT: f64 = 0.35;
/// How far one column's averages may be off.
const FIXED_WIDTH_SPREAD: f64 = 0.05;
/// The same where values differ in length.
const VARLENA_SPREAD: f64 = 0.1;

/// The index after CREATE INDEX on the copy.
pub fn forecast_btree(index: &Index, table: &Table, shape: &IndexShape) -> Result<Forecast, EstimateError> {
    bloat::check_visibility(shape.visibility)?;
    let table_rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let rows = if index.is_partial { index.partial_rows(table, table_rows) } else { table_rows };
    let rows = rows as f64;
    let mut statistics: Vec<ColumnStatistics> = shape
        .columns
        .iter()
        .map(|index_column| index_column.statistics)
        .collect::<Option<_>>()
        .ok_or(EstimateError::NeverAnalyzed)?;
    let fillfactor = shape.fillfactor.unwrap_or(DEFAULT_FILLFACTOR);
    let block = table.block_bytes();

    // A partial index that could hold the filled rows alone most likely does: WHERE … IS NOT NULL.
    for column in &mut statistics {
        if index.is_partial && rows <= table_rows as f64 * (1.0 - column.null_frac) * 1.25 {
            column.null_frac = 0.0;
        }
    }
    let without_nulls: f64 =
        statistics.iter().map(|column_statistics| 1.0 - column_statistics.null_frac.clamp(0.0, 1.0)).product();
    let tuple_width = |start: usize, statistics: &[ColumnStatistics]| {
        let columns = shape.columns.iter().zip(statistics);
        let tuple = columns.fold(Width::exactly(start), |tuple, (column, its)| tuple.with_column(column.layout, *its));
        tuple.aligned(MAX_ALIGN).mean()
    };
    let full: Vec<ColumnStatistics> =
        statistics.iter().map(|its| ColumnStatistics { null_frac: 0.0, ..*its }).collect();
    let filled_tuple = tuple_width(TUPLE_HEADER, &full);
    let nulls = rows * (1.0 - without_nulls);
    let filled = rows - nulls;
    let null_tuple = match statistics.as_slice() {
        [_] => TUPLE_HEADER_WITH_NULLS as f64,
        several => null_tuple_width(several, &tuple_width),
    };
    let sizes = |distinct: f64, distinct_nulls: f64| {
        let block_bytes = block as f64;
        // Seen on 15.20: equal keys of character(n) do not share, though the catalog says that they may. Where an index is
        // smaller than it could be without, they do.
        let plain = filled * (filled_tuple + LINE_POINTER) + nulls * (null_tuple + LINE_POINTER);
        let shares_now = (index.size.bytes as f64) < plain;
        let may_share = shape.deduplicates && (shape.operator_class != "bpchar_ops" || shares_now);
        let leaf_bytes = if may_share && !index.is_unique {
            let groups = key_groups(shape, filled, distinct);
            groups
                .iter()
                .map(|(rows, keys)| keys * deduplicated_bytes(rows / keys.max(1.0), filled_tuple, block_bytes))
                .sum::<f64>()
                + distinct_nulls * deduplicated_bytes(nulls / distinct_nulls.max(1.0), null_tuple, block_bytes)
        } else {
            filled * (filled_tuple + LINE_POINTER) + nulls * (null_tuple + LINE_POINTER)
        };
        total_pages(leaf_bytes, filled_tuple, fillfactor, block_bytes) as u64 * block
    };
    let distinct = shape.columns.iter().zip(&statistics).map(|(column, its)| {
        let counted = if column.is_expression { rows } else { table_rows as f64 };
        distinct_keys(its, counted, filled)
    });
    let distinct: Vec<f64> = distinct.collect();
    let fewest = distinct.iter().copied().fold(1.0, f64::max).min(filled.max(1.0));
    let likely = distinct_combinations(&distinct, filled);
    let null_share = nulls.max(1.0) / rows.max(1.0);
    let null_keys = if distinct.len() == 1 { 1.0 } else { (likely * null_share).clamp(1.0, nulls.max(1.0)) };
    let bytes = sizes(likely, null_keys);
    let fixed = shape.columns.iter().all(|index_column| index_column.layout.attlen > 0);
    let spread = if fixed { FIXED_WIDTH_SPREAD } else { VARLENA_SPREAD } + changed_share(table, table_rows);
    let forecast = Forecast::with_spread(bytes, spread, spread, Basis::Statistics);
    let forecast = if distinct.len() > 1 {
        // Columns may depend on each other: at best there are no more combinations than values of one of them.
        let most = sizes(filled.max(1.0), null_keys) as f64 * (1.0 + spread);
        forecast.widened_to(sizes(fewest, 1.0), most as u64)
    } else {
        forecast
    };
    Ok(if fillfactor < DEFAULT_FILLFACTOR { forecast } else { forecast.capped_at(index.size.bytes) })
}

/// The mean width of those tuples that have a null somewhere.
fn null_tuple_width(statistics: &[ColumnStatistics], tuple_width: &impl Fn(usize, &[ColumnStatistics]) -> f64) -> f64 {
    let mean_width = tuple_width(TUPLE_HEADER_WITH_NULLS, statistics);
    let without_nulls: Vec<ColumnStatistics> =
        statistics.iter().map(|its| ColumnStatistics { null_frac: 0.0, ..*its }).collect();
    let without: f64 = statistics.iter().map(|its| 1.0 - its.null_frac.clamp(0.0, 1.0)).product();
    if without >= 1.0 {
        return mean_width;
    }
    ((mean_width - without * tuple_width(TUPLE_HEADER_WITH_NULLS, &without_nulls)) / (1.0 - without))
        .max(TUPLE_HEADER_WITH_NULLS as f64)
}

fn distinct_keys(statistics: &ColumnStatistics, table_rows: f64, filled: f64) -> f64 {
    let count = match statistics.n_distinct {
        0.0 => filled,
        share if share < 0.0 => -share * table_rows,
        count => count,
    };
    count.clamp(1.0, filled.max(1.0))
}

/// How many combinations so many rows have: between columns that know nothing of each other, where some combinations
/// come twice by chance, and a grid (each device at each hour), where none does.
fn distinct_combinations(distinct: &[f64], rows: f64) -> f64 {
    match distinct {
        [one] => *one,
        several => {
            let possible: f64 = several.iter().product();
            let drawn = possible * -(-rows / possible).exp_m1();
            let grid = possible.min(rows);
            (drawn * (1.0 - GRID_WEIGHT) + grid * GRID_WEIGHT)
                .clamp(several.iter().copied().fold(1.0, f64::max), rows.max(1.0))
        }
    }
}

/// Groups of keys: rows and distinct keys of each. Of one column the most common values are a group of their own.
fn key_groups(shape: &IndexShape, filled: f64, distinct: f64) -> Vec<(f64, f64)> {
    match shape.columns.as_slice() {
        [one] if one.common_values > 0 && f64::from(one.common_values) < distinct => {
            let keys = f64::from(one.common_values);
            let null_frac = one.statistics.map_or(0.0, |its| its.null_frac);
            // Shares are of all rows, nulls included.
            let rows = (filled * one.common_share / (1.0 - null_frac).max(1e-6)).clamp(keys, filled);
            vec![(rows, keys), ((filled - rows).max(distinct - keys), distinct - keys)]
        }
        _ => vec![(filled, distinct)],
    }
}

#[cfg(test)]
mod tests {
    use super::distinct_combinations;

    #[test]
    fn distinct_combinations_are_bounded_by_rows() {
        assert_eq!(distinct_combinations(&[50.0], 1_000.0), 50.0);
        let two = distinct_combinations(&[50.0, 1_000.0], 1_000.0);
        assert!((980.0..=1_000.0).contains(&two), "{two}");
        assert!((distinct_combinations(&[3.0, 4.0], 1e6) - 12.0).abs() < 0.01);
        let grid = distinct_combinations(&[40.0, 25.0], 1_000.0);
        assert!((680.0..900.0).contains(&grid), "{grid}");
    }
}
