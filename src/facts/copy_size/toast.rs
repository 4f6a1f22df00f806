//! A TOAST relation and its index written anew.

use super::{Basis, Forecast, ToastSample, map_blocks};
use crate::facts::Table;

/// Four of the longest chunks fill a block (TOAST_MAX_CHUNK_SIZE in src/include/access/heaptoast.h).
const CHUNKS_PER_BLOCK: f64 = 4.0;
/// A block's header apart.
const BLOCK_SPACE: u64 = 8_192 - 24;
/// A chunk's header, its two numbers, the length of its data.
const CHUNK_HEADER: u64 = 36;
/// An entry of the index on chunk_id and chunk_seq: header, both numbers, line pointer.
const INDEX_ENTRY: f64 = 8.0 + 8.0 + 4.0;
/// What a B-tree page holds at the usual fill factor of 90.
const INDEX_PAGE_SPACE: f64 = 8_192.0 - 40.0 - 819.2;

/// The TOAST relation with its index after a copy: the values keep their form, the holes between them go.
pub fn forecast_toast(table: &Table, sample: Option<&ToastSample>, live_chunks: Option<u64>) -> Forecast {
    let block = table.block_bytes();
    let now = table.toast.bytes;
    // A block of the relation, its index's first page: nothing is in it.
    if now <= 2 * block {
        return Forecast::exactly(now);
    }
    match (sample, live_chunks) {
        (Some(sample), _) if sample.sampled_blocks > 0 => {
            let share = sample.blocks as f64 / sample.sampled_blocks as f64;
            let chunks = sample.lengths.len() as f64 * share;
            let packed = (packed_pages(&sample.lengths) * share).ceil();
            let bytes = bytes_with_index(packed, chunks, block);
            // The more blocks were looked at, the less chance is in it.
            let spread = if sample.sampled_blocks == sample.blocks { 0.02 } else { 0.08 };
            Forecast::with_spread(bytes, spread, spread, Basis::Statistics).capped_at(now)
        }
        // Chunks are counted, but not how long they are: at most four of them fill a block.
        (_, Some(chunks)) => {
            let most = bytes_with_index((chunks as f64 / CHUNKS_PER_BLOCK).ceil(), chunks as f64, block).min(now);
            Forecast { bytes: most, low_bytes: most / 4, high_bytes: most, basis: Basis::Proportion }
        }
        _ => Forecast::unchanged(now),
    }
}

/// Pages that these chunks fill when they are written one after the other, as the server does it: a chunk that does not
/// fit goes to an earlier page with room for it, else to a new one.
fn packed_pages(lengths: &[u32]) -> f64 {
    let mut free_bytes = BLOCK_SPACE;
    let mut pages = 0_u64;
    // Room left on earlier pages; the map of free space knows it in steps of 32 bytes.
    let mut holes: Vec<u64> = Vec::new();
    for length in lengths {
        let bytes = (CHUNK_HEADER + u64::from(*length)).div_ceil(8) * 8 + 4;
        if pages > 0 && bytes <= free_bytes {
            free_bytes -= bytes;
        } else if let Some(hole) = holes.iter_mut().find(|hole| **hole / 32 * 32 >= bytes) {
            *hole -= bytes;
        } else {
            if pages > 0 {
                holes.push(free_bytes);
            }
            // Older pages are all but full; looking at a few is enough.
            if holes.len() > 64 {
                holes.remove(0);
            }
            pages += 1;
            free_bytes = BLOCK_SPACE.saturating_sub(bytes);
        }
    }
    // The last page is as full as it is.
    if pages == 0 { 0.0 } else { pages as f64 - free_bytes as f64 / BLOCK_SPACE as f64 }
}

fn bytes_with_index(pages: f64, chunks: f64, block: u64) -> u64 {
    let leaves = (chunks * INDEX_ENTRY / INDEX_PAGE_SPACE).ceil();
    let index = 1 + leaves as u64 + (leaves / 250.0).ceil() as u64 * u64::from(leaves > 1.0);
    (pages as u64 + map_blocks(pages as u64, true) + index) * block
}

#[cfg(test)]
mod tests {
    use super::packed_pages;

    #[test]
    fn packed_pages_fills_holes_with_short_chunks() {
        assert!((packed_pages(&[1_996; 400]) - 100.0).abs() < 0.1);
        assert_eq!(packed_pages(&[]), 0.0);
        let short = packed_pages(&[460; 1_000]);
        assert!((60.0..64.0).contains(&short), "{short}");
        // Values of a little more than a chunk: three of them a page, and what is left is too short for a fourth.
        let pairs: Vec<u32> = (0..400).map(|at| if at % 2 == 0 { 1_996 } else { 150 }).collect();
        let pages = packed_pages(&pairs);
        assert!((52.0..68.0).contains(&pages), "{pages}");
    }
}
