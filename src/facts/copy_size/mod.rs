//! How large each relation is after a logical copy: every row and every index written anew, at its fill factor.
//!
//! A physical copy keeps each block as it is, so it needs no prediction.

mod btree;
mod database;
mod forecast;
mod heap;
mod non_btree;
mod shape;
mod toast;

pub use database::{CopiedRelation, DatabaseForecast, RelationPart};
pub use forecast::{Basis, Forecast};
pub use heap::forecast_heap;
pub use shape::{IndexColumn, IndexShape, ToastSample};
pub use toast::forecast_toast;

use super::{BtreePages, Index, Table};
use heap::changed_share;

/// Blocks of the maps beside a heap of so many blocks: of free space, and of visibility once it was vacuumed
/// (src/backend/storage/freespace/README).
fn map_blocks(blocks: u64, vacuumed: bool) -> u64 {
    let free_space = if blocks > 1 || (blocks == 1 && vacuumed) { 3 + blocks / 4_069 } else { 0 };
    let visibility = if vacuumed && blocks > 0 { 1 + blocks / 32_672 } else { 0 };
    free_space + visibility
}

/// The index after CREATE INDEX on the copy; `heap` is what was said of its table's heap.
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
    // The first page of a B-tree, and one with all its keys.
    if now <= 2 * block {
        return Forecast { low_bytes: block, ..Forecast::exactly(now) };
    }
    let predicted = shape.and_then(|shape| btree::forecast_btree(index, table, shape).ok());
    match (counted, predicted) {
        (Some(counted), predicted) => {
            let needed = counted.index_size.saturating_sub(counted.bloat().bytes);
            let measured = Forecast::with_spread(needed, 0.04, 0.04, Basis::Measured);
            // Pages tell how full they are, not how many equal keys came one by one and would share a tuple.
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
