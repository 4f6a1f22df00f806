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
use crate::facts::{BtreePages, Index, IndexShape, Table};

/// The share of rows that changed since the last ANALYZE.
fn changed_share(table: &Table, rows: u64) -> f64 {
    (table.modified_since_analyze.max(0) as f64 / rows.max(1) as f64).min(1.0)
}

/// Returns the index after CREATE INDEX on the copy. `heap` is the forecast of its table's heap.
pub fn forecast_index(
    index: &Index,
    table: &Table,
    shape: Option<&IndexShape>,
    counted: Option<&BtreePages>,
    heap: Forecast,
) -> Forecast {
    if index.is_partitioned {
        return Forecast::ZERO;
    }
    let now = index.size.bytes;
    let block = table.block_bytes();
    if index.method != "btree" {
        return non_btree::forecast_non_btree(index, table, shape, heap);
    }
    // The metapage, and one page with all keys.
    if now <= 2 * block {
        return Forecast { low_bytes: block, ..Forecast::exactly(now) };
    }
    let predicted = shape.and_then(|shape| btree::forecast_btree(index, table, shape).ok());
    match (counted, predicted) {
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
