//! Forecast of a rewritten TOAST relation and its index.

use super::{Basis, Forecast};
use crate::analysis::pages::btree::{DEFAULT_FILLFACTOR, TUPLE_HEADER, page_space};
use crate::analysis::pages::heap::map_blocks;
use crate::analysis::pages::{LINE_POINTER, MAX_ALIGN, PAGE_HEADER};
use crate::facts::{Table, ToastSample};

/// The length of chunks follows the block size; this is the usual one.
const BLOCK_BYTES: u64 = 8_192;
/// Four of the longest chunks fill a block (TOAST_MAX_CHUNK_SIZE in src/include/access/heaptoast.h).
const CHUNKS_PER_BLOCK: f64 = 4.0;
const BLOCK_SPACE: u64 = BLOCK_BYTES - PAGE_HEADER;
/// The row header, chunk_id, chunk_seq, and the length of chunk_data.
const CHUNK_HEADER: u64 = 36;
/// The space on a page that the free space map distinguishes.
const FREE_SPACE_STEP: u64 = 32;
/// An entry of the index on chunk_id and chunk_seq.
const INDEX_ENTRY: f64 = TUPLE_HEADER as f64 + 8.0 + LINE_POINTER;

/// Returns the TOAST relation with its index after a copy: values stay compressed as they are, gaps between them
/// disappear.
pub fn forecast_toast(table: &Table, sample: Option<&ToastSample>, live_chunks: Option<u64>) -> Forecast {
    let block = table.block_bytes();
    let now = table.toast.bytes;
    // A block of the relation and the metapage of its index: it is empty.
    if now <= 2 * block {
        return Forecast::exactly(now);
    }
    match (sample, live_chunks) {
        (Some(sample), _) if sample.sampled_blocks > 0 => {
            let share = sample.blocks as f64 / sample.sampled_blocks as f64;
            let chunks = sample.lengths.len() as f64 * share;
            let packed = (packed_pages(&sample.lengths) * share).ceil();
            let bytes = bytes_with_index(packed, chunks, block);
            // The larger the sample, the smaller its error.
            let spread = if sample.sampled_blocks == sample.blocks { 0.02 } else { 0.08 };
            Forecast::with_spread(bytes, spread, spread, Basis::Statistics).capped_at(now)
        }
        // The number of chunks is known, their lengths are not: four of the longest fill a block.
        (_, Some(chunks)) => {
            let most = bytes_with_index((chunks as f64 / CHUNKS_PER_BLOCK).ceil(), chunks as f64, block).min(now);
            Forecast { bytes: most, low_bytes: most / 4, high_bytes: most, basis: Basis::Proportion }
        }
        _ => Forecast::unchanged(now),
    }
}

/// Returns the pages that these chunks fill when they are written in order, as the server does: a chunk that does not fit
/// is written to an earlier page with enough free space, otherwise to a new one.
fn packed_pages(lengths: &[u32]) -> f64 {
    let mut free_bytes = BLOCK_SPACE;
    let mut pages = 0_u64;
    // Free space on earlier pages.
    let mut holes: Vec<u64> = Vec::new();
    for length in lengths {
        let bytes = (CHUNK_HEADER + u64::from(*length)).next_multiple_of(MAX_ALIGN as u64) + LINE_POINTER as u64;
        if pages > 0 && bytes <= free_bytes {
            free_bytes -= bytes;
        } else if let Some(hole) = holes.iter_mut().find(|hole| **hole / FREE_SPACE_STEP * FREE_SPACE_STEP >= bytes) {
            *hole -= bytes;
        } else {
            if pages > 0 {
                holes.push(free_bytes);
            }
            // Older pages are almost full: the latest ones are enough.
            if holes.len() > 64 {
                holes.remove(0);
            }
            pages += 1;
            free_bytes = BLOCK_SPACE.saturating_sub(bytes);
        }
    }
    // The last page counts with its filled share.
    if pages == 0 { 0.0 } else { pages as f64 - free_bytes as f64 / BLOCK_SPACE as f64 }
}

fn bytes_with_index(pages: f64, chunks: f64, block: u64) -> u64 {
    let leaf_space = page_space(BLOCK_BYTES as f64, f64::from(DEFAULT_FILLFACTOR));
    let leaves = (chunks * INDEX_ENTRY / leaf_space).ceil();
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
        // Values of a little more than a chunk: three of them fit on a page, a fourth does not.
        let pairs: Vec<u32> = (0..400).map(|position| if position % 2 == 0 { 1_996 } else { 150 }).collect();
        let pages = packed_pages(&pairs);
        assert!((52.0..68.0).contains(&pages), "{pages}");
    }
}
