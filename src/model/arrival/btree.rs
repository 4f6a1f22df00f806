//! A B-tree of any number of columns built anew.

use super::{IndexShape, changed_share};
use crate::model::{
    ColumnStatistics, Index, Table, Unestimated,
    arrival::{Basis, Forecast},
    bloat,
    bloat::{
        btree::{LINE_POINTER, levels, shared},
        row_width::{MAX_ALIGN, Width},
    },
};

const USUAL_FILLFACTOR: u8 = 90;
/// The tuple's header; with the bitmap of nulls.
const HEADER: usize = 8;
const HEADER_WITH_BITMAP: usize = 16;
/// How much of a grid several columns are taken for.
const GRIDS: f64 = 0.35;
/// How far one column's averages may be off.
const SPREAD: f64 = 0.05;
/// The same where values differ in length.
const SPREAD_OF_LENGTHS: f64 = 0.1;

/// The index after CREATE INDEX on the copy.
pub fn forecast_btree(index: &Index, table: &Table, shape: &IndexShape) -> Result<Forecast, Unestimated> {
    bloat::seen(shape.visibility)?;
    let of_table = table.row_estimate().ok_or(Unestimated::NeverAnalyzed)?;
    let rows = if index.is_partial { index.partial_rows(table, of_table) } else { of_table };
    let rows = rows as f64;
    let mut statistics: Vec<ColumnStatistics> =
        shape.columns.iter().map(|it| it.statistics).collect::<Option<_>>().ok_or(Unestimated::NeverAnalyzed)?;
    let fillfactor = shape.fillfactor.unwrap_or(USUAL_FILLFACTOR);
    let block = table.block_bytes();

    // A partial index that could hold the filled rows alone most likely does: WHERE … IS NOT NULL.
    for column in &mut statistics {
        if index.is_partial && rows <= of_table as f64 * (1.0 - column.null_frac) * 1.25 {
            column.null_frac = 0.0;
        }
    }
    let without_nulls: f64 = statistics.iter().map(|it| 1.0 - it.null_frac.clamp(0.0, 1.0)).product();
    let lay = |start: usize, statistics: &[ColumnStatistics]| {
        let columns = shape.columns.iter().zip(statistics);
        let tuple = columns.fold(Width::exactly(start), |tuple, (column, its)| tuple.with(column.layout, *its));
        tuple.aligned(MAX_ALIGN).mean()
    };
    let full: Vec<ColumnStatistics> =
        statistics.iter().map(|its| ColumnStatistics { null_frac: 0.0, ..*its }).collect();
    let filled_tuple = lay(HEADER, &full);
    let nulls = rows * (1.0 - without_nulls);
    let filled = rows - nulls;
    let null_tuple = match statistics.as_slice() {
        [_] => HEADER_WITH_BITMAP as f64,
        several => given_a_null(several, &lay),
    };
    let sizes = |distinct: f64, distinct_nulls: f64| {
        let block_bytes = block as f64;
        // Seen on 15.20: equal keys of character(n) do not share, though the catalog says that they may. Where an index is
        // smaller than it could be without, they do.
        let plain = filled * (filled_tuple + LINE_POINTER) + nulls * (null_tuple + LINE_POINTER);
        let shares_now = (index.size.bytes as f64) < plain;
        let may_share = shape.deduplicates && (shape.operator_class != "bpchar_ops" || shares_now);
        let leaf_bytes = if may_share && !index.is_unique {
            let common = common(shape, filled, distinct);
            common
                .iter()
                .map(|(rows, keys)| keys * shared(rows / keys.max(1.0), filled_tuple, block_bytes))
                .sum::<f64>()
                + distinct_nulls * shared(nulls / distinct_nulls.max(1.0), null_tuple, block_bytes)
        } else {
            filled * (filled_tuple + LINE_POINTER) + nulls * (null_tuple + LINE_POINTER)
        };
        levels(leaf_bytes, filled_tuple, fillfactor, block_bytes) as u64 * block
    };
    let distinct = shape.columns.iter().zip(&statistics).map(|(column, its)| {
        let counted = if column.is_expression { rows } else { of_table as f64 };
        distinct(its, counted, filled)
    });
    let distinct: Vec<f64> = distinct.collect();
    let fewest = distinct.iter().copied().fold(1.0, f64::max).min(filled.max(1.0));
    let likely = together(&distinct, filled);
    let null_share = nulls.max(1.0) / rows.max(1.0);
    let null_keys = if distinct.len() == 1 { 1.0 } else { (likely * null_share).clamp(1.0, nulls.max(1.0)) };
    let bytes = sizes(likely, null_keys);
    let fixed = shape.columns.iter().all(|it| it.layout.attlen > 0);
    let spread = if fixed { SPREAD } else { SPREAD_OF_LENGTHS } + changed_share(table, of_table);
    let forecast = Forecast::within(bytes, spread, spread, Basis::Statistics);
    let forecast = if distinct.len() > 1 {
        // Columns may depend on each other: at best there are no more combinations than values of one of them.
        let most = sizes(filled.max(1.0), null_keys) as f64 * (1.0 + spread);
        forecast.reaching(sizes(fewest, 1.0), most as u64)
    } else {
        forecast
    };
    Ok(if fillfactor < USUAL_FILLFACTOR { forecast } else { forecast.at_most(index.size.bytes) })
}

/// The mean width of those tuples that have a null somewhere.
fn given_a_null(statistics: &[ColumnStatistics], lay: &impl Fn(usize, &[ColumnStatistics]) -> f64) -> f64 {
    let all = lay(HEADER_WITH_BITMAP, statistics);
    let whole: Vec<ColumnStatistics> =
        statistics.iter().map(|its| ColumnStatistics { null_frac: 0.0, ..*its }).collect();
    let without: f64 = statistics.iter().map(|its| 1.0 - its.null_frac.clamp(0.0, 1.0)).product();
    if without >= 1.0 {
        return all;
    }
    ((all - without * lay(HEADER_WITH_BITMAP, &whole)) / (1.0 - without)).max(HEADER_WITH_BITMAP as f64)
}

fn distinct(its: &ColumnStatistics, of_table: f64, filled: f64) -> f64 {
    let count = match its.n_distinct {
        0.0 => filled,
        share if share < 0.0 => -share * of_table,
        count => count,
    };
    count.clamp(1.0, filled.max(1.0))
}

/// How many combinations so many rows have: between columns that know nothing of each other, where some combinations
/// come twice by chance, and a grid (each device at each hour), where none does.
fn together(distinct: &[f64], rows: f64) -> f64 {
    match distinct {
        [one] => *one,
        several => {
            let possible: f64 = several.iter().product();
            let drawn = possible * -(-rows / possible).exp_m1();
            let grid = possible.min(rows);
            (drawn * (1.0 - GRIDS) + grid * GRIDS).clamp(several.iter().copied().fold(1.0, f64::max), rows.max(1.0))
        }
    }
}

/// Groups of keys: rows and distinct keys of each. Of one column the most common values are a group of their own.
fn common(shape: &IndexShape, filled: f64, distinct: f64) -> Vec<(f64, f64)> {
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
    use super::together;

    #[test]
    fn combinations_are_no_more_than_rows_and_no_fewer_than_values() {
        assert_eq!(together(&[50.0], 1_000.0), 50.0);
        let two = together(&[50.0, 1_000.0], 1_000.0);
        assert!((980.0..=1_000.0).contains(&two), "{two}");
        assert!((together(&[3.0, 4.0], 1e6) - 12.0).abs() < 0.01);
        let grid = together(&[40.0, 25.0], 1_000.0);
        assert!((680.0..900.0).contains(&grid), "{grid}");
    }
}
