//! Size of rebuilt indexes other than B-trees, as an interval.

use super::{Basis, Forecast};
use crate::analysis::pages::btree::PAGE_OVERHEAD;
use crate::analysis::pages::{LINE_POINTER, distinct_values, heap::main_fork_bytes, indexed_rows};
use crate::facts::{Index, IndexShape, Table};

/// The lower bound of a size that follows from the bloat of its table.
const MIN_SHARE: f64 = 0.5;
/// A new row version adds its entries to a GIN index on new pages, and pages are never merged. Measured on jsonb with half
/// of the rows updated: 0.32 of the size that follows from the bloat of its table.
const MIN_GIN_SHARE: f64 = 0.2;

/// Returns the forecast by access method. `heap` is the forecast of its table's heap.
pub fn forecast_non_btree(index: &Index, table: &Table, shape: Option<&IndexShape>, heap: Forecast) -> Forecast {
    let now = index.size.bytes;
    let rows = table.row_estimate().map(|rows| indexed_rows(index, table, rows));
    let block = table.block_bytes();
    if now <= 2 * block {
        return Forecast { low_bytes: block, ..Forecast::with_spread(now, 0.5, 0.5, Basis::Proportion) };
    }
    let known = match (&*index.method, rows, shape) {
        ("hash", Some(rows), Some(shape)) => Some(forecast_hash(rows, shape, block)),
        ("brin", Some(_), Some(shape)) => Some(forecast_brin(heap.bytes / block, shape, block)),
        ("gist", Some(rows), Some(shape)) => forecast_gist(rows, shape, block),
        ("gin", Some(rows), Some(shape)) => forecast_gin(rows, table, shape, block),
        _ => None,
    };
    match known {
        Some(known) => known.capped_at(now.max(known.low_bytes)),
        None => {
            let kept = forecast_by_heap(now, table, heap);
            let least = if index.method == "gin" { MIN_GIN_SHARE } else { MIN_SHARE };
            kept.widened_to((kept.bytes as f64 * least) as u64, kept.high_bytes)
        }
    }
}

/// Returns the forecast of an index with the bloat of its table, within a wide interval.
pub fn forecast_by_heap(now: u64, table: &Table, heap: Forecast) -> Forecast {
    if heap.basis == Basis::Unknown || table.heap.bytes == 0 {
        return Forecast::unchanged(now);
    }
    let share = (heap.bytes as f64 / table.heap.bytes as f64).clamp(0.0, 1.0);
    let bytes = (now as f64 * share) as u64;
    Forecast { bytes, low_bytes: (bytes as f64 * MIN_SHARE) as u64, high_bytes: now, basis: Basis::Proportion }
}

/// Returns the buckets for the expected rows, grown in quarters of a doubling, and their overflow pages
/// (src/backend/access/hash/README).
fn forecast_hash(rows: u64, shape: &IndexShape, block: u64) -> Forecast {
    const ITEM: f64 = 20.0;
    let fillfactor = f64::from(shape.fillfactor.unwrap_or(75));
    let of_bucket = (block as f64 * fillfactor / 100.0 / ITEM).floor().max(10.0);
    let of_page = ((block as f64 - PAGE_OVERHEAD) / ITEM).floor();
    let buckets = hash_buckets((rows as f64 / of_bucket).ceil().max(2.0));
    let distinct = shape
        .columns
        .first()
        .and_then(|column| column.statistics)
        .map_or(rows as f64, |statistics| distinct_values(statistics, rows as f64, rows as f64));
    // With few values most buckets stay empty and the others overflow; with many values all are about equally full.
    let used = buckets * -(-distinct.max(1.0) / buckets).exp_m1();
    let overflow = (rows as f64 / of_page - used).max(0.0) + if distinct < buckets * 20.0 { used * 0.5 } else { 0.0 };
    let bytes = (buckets + overflow + 2.0) as u64 * block;
    Forecast::with_spread(bytes, 0.4, 0.6, Basis::Statistics)
}

/// Returns the number of buckets: powers of two up to 512, above that quarters of them (`_hash_spareindex`).
fn hash_buckets(min_buckets: f64) -> f64 {
    let power = min_buckets.log2().ceil().exp2();
    if power <= 512.0 {
        return power;
    }
    let half = power / 2.0;
    half + half / 4.0 * ((min_buckets - half) / (half / 4.0)).ceil()
}

/// Returns one summary per range of blocks, and the map of ranges.
fn forecast_brin(heap_blocks: u64, shape: &IndexShape, block: u64) -> Forecast {
    let ranges = heap_blocks.div_ceil(u64::from(shape.pages_per_range.unwrap_or(128).max(1)));
    let widths = shape.columns.iter().map(|column| match column.layout.attlen {
        fixed if fixed > 0 => f64::from(fixed) * 2.0,
        _ => column.statistics.map_or(64.0, |its| f64::from(its.avg_width)) * 2.0,
    });
    let tuple = 8.0 + widths.sum::<f64>() + 12.0;
    // The first page, the map of ranges, and the three levels of a map of free space.
    let pages = 4 + ranges.div_ceil(1_360).max(1) + (ranges as f64 * tuple / 8_100.0).ceil() as u64;
    Forecast::with_spread(pages * block, 0.5, 1.0, Basis::Statistics)
}

/// Returns the forecast for keys of known width. The density of pages depends on the keys and on their order.
fn forecast_gist(rows: u64, shape: &IndexShape, block: u64) -> Option<Forecast> {
    let [column] = shape.columns.as_slice() else { return None };
    let null_frac = column.statistics.map_or(0.0, |its| its.null_frac);
    // The usual and the lowest density of a page. A page of ranges may be split 3 to 7, and among equally good pages the
    // server chooses at random, so no two builds are equal (rangetypes_gist.c, gistutil.c).
    let (width, usual, least) = match shape.operator_class.as_str() {
        "point_ops" | "box_ops" | "circle_ops" => (32.0, 0.62, 0.42),
        "range_ops" => (f64::from(column.statistics?.avg_width), 0.45, 0.32),
        "gist_trgm_ops" => return None,
        name if name.starts_with("gist_") && column.layout.attlen > 0 => (f64::from(column.layout.attlen), 0.62, 0.42),
        _ => return None,
    };
    let tuple = ((8.0 + width) / 8.0).ceil() * 8.0 + LINE_POINTER;
    let bytes = rows as f64 * (1.0 - null_frac) * tuple;
    let pages = |filled: f64| (bytes / ((block as f64 - PAGE_OVERHEAD) * filled)).ceil() * 1.02 + 1.0;
    let bytes_at = |filled: f64| pages(filled) as u64 * block;
    Some(Forecast {
        bytes: bytes_at(usual),
        low_bytes: bytes_at(0.92),
        high_bytes: bytes_at(least),
        basis: Basis::Statistics,
    })
}

/// Returns one entry per element with the sorted positions of its rows, each stored as a variable-length difference to the
/// previous one (src/backend/access/gin/ginpostinglist.c).
fn forecast_gin(rows: u64, table: &Table, shape: &IndexShape, block: u64) -> Option<Forecast> {
    let [column] = shape.columns.as_slice() else { return None };
    let (elements, distinct) = (column.elements_per_row?, f64::from(column.distinct_elements?));
    if distinct < 1.0 || elements <= 0.0 {
        return None;
    }
    let pairs = elements * rows as f64;
    let of_element = pairs / distinct;
    let rows_of_a_block = (rows as f64 / (main_fork_bytes(table) / block).max(1) as f64).max(1.0);
    let gap_rows = rows as f64 / of_element.max(1.0);
    let gap_blocks = gap_rows / rows_of_a_block;
    let bytes_per_posting = if gap_blocks < 0.25 {
        1.0 + gap_blocks * 2.0
    } else if gap_blocks < 8.0 {
        2.0
    } else if gap_blocks < 1_024.0 {
        3.0
    } else {
        4.0
    };
    let key = 24.0;
    let postings = pairs * bytes_per_posting;
    // Lists above a quarter of a page have their own pages.
    let pages = if of_element * bytes_per_posting > 2_000.0 {
        distinct * (of_element * bytes_per_posting / 8_000.0).ceil() + (distinct * key / 6_000.0).ceil()
    } else {
        ((postings + distinct * key) / (8_000.0 * 0.75)).ceil()
    };
    let bytes = (pages + 2.0) as u64 * block;
    // ANALYZE lists a thousand elements at most: near that limit there may be many more rare ones.
    let more = if distinct >= 900.0 { 3.0 } else { 0.6 };
    Some(Forecast::with_spread(bytes, 0.4, more, Basis::Statistics))
}

#[cfg(test)]
mod tests {
    use super::hash_buckets;

    #[test]
    fn hash_buckets_grow_by_quarters_above_512() {
        assert_eq!(
            [2.0, 3.0, 500.0, 513.0, 640.0, 641.0, 1_024.0].map(hash_buckets),
            [2.0, 4.0, 512.0, 640.0, 640.0, 768.0, 1_024.0]
        );
    }
}
