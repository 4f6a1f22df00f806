//! The size of each relation after a logical copy: all rows and indexes are rewritten at their fill factor.
//!
//! A physical copy keeps each block as it is, so it needs no prediction.

mod btree;
mod database;
mod forecast;
mod heap;
mod non_btree;
mod toast;

pub use database::{CopiedRelation, DatabaseForecast, RelationPart};
pub use forecast::{Basis, Forecast};
pub use heap::forecast_heap;
pub use toast::forecast_toast;

use super::bloat::measured_btree_bloat;
use super::pages::deduplication::{may_lose_deduplication, may_predate_withdrawal};
use crate::facts::{BtreePages, Index, IndexShape, Table};

/// Growth of an index whose tuples are no longer shared, at most: of a shared tuple a row takes 6 bytes, of its own 20 or
/// more. Measured: 3.2 for codes of two characters.
const UNSHARED_GROWTH: u64 = 4;

/// The share of rows that changed since the last ANALYZE.
fn changed_share(table: &Table, rows: u64) -> f64 {
    (table.modified_since_analyze.max(0) as f64 / rows.max(1) as f64).min(1.0)
}

/// Returns the index after CREATE INDEX on the copy. `heap` is the forecast of its table's heap, and `version_num` the
/// `server_version_num` of the present server. If a newer release would no longer share the tuples of the index, the
/// interval includes the size without sharing: the release of the copy's server is unknown.
pub fn forecast_index(
    index: &Index,
    table: &Table,
    shape: Option<&IndexShape>,
    counted: Option<&BtreePages>,
    heap: Forecast,
    version_num: u32,
) -> Forecast {
    if index.is_partitioned {
        return Forecast::ZERO;
    }
    let now = index.size.bytes;
    let block = table.block_bytes();
    if index.method != "btree" {
        return non_btree::forecast_non_btree(index, table, shape, heap);
    }
    let may_grow = may_predate_withdrawal(index, version_num) || may_lose_deduplication(index, version_num);
    // The metapage, and one page with all keys.
    if now <= 2 * block {
        let most = if may_grow { now * UNSHARED_GROWTH } else { now };
        return Forecast { low_bytes: block, high_bytes: most, ..Forecast::exactly(now) };
    }
    let predicted = shape.and_then(|shape| btree::forecast_btree(index, table, shape, version_num).ok());
    match (counted, predicted) {
        // Pages of shared tuples do not show how large a copy without them is.
        (_, Some(predicted)) if may_grow => predicted,
        (_, None) if may_grow => {
            let kept = non_btree::forecast_by_heap(now, table, heap);
            kept.widened_to(kept.low_bytes, kept.high_bytes * UNSHARED_GROWTH)
        }
        (Some(counted), predicted) => {
            let needed = counted.index_size.saturating_sub(measured_btree_bloat(counted).bytes);
            let measured = Forecast::with_spread(needed, 0.04, 0.04, Basis::Measured);
            // The density of pages does not show how many equal keys have a tuple of their own and would share one.
            match predicted {
                Some(predicted) if predicted.bytes < needed => {
                    Forecast { bytes: predicted.bytes, basis: Basis::Statistics, ..measured }
                        .widened_to(predicted.low_bytes, needed)
                }
                _ => measured,
            }
        }
        (None, Some(predicted)) => predicted,
        (None, None) => non_btree::forecast_by_heap(now, table, heap),
    }
}
