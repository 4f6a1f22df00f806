//! Whether a B-tree built now stores equal keys in one tuple
//! (docs/reference/sizes-and-bloat.md#deduplication-of-charn-keys).

use super::LINE_POINTER;
use super::MAX_ALIGN;
use super::btree::{PAGE_OVERHEAD, TUPLE_HEADER, tuple_width};
use crate::facts::{Index, IndexKey, Table, WithdrawnType};

/// The shortest tuple with a key: header and one byte, padded.
const MIN_TUPLE: f64 = 16.0;
/// Rows and widths come from samples: an index must be smaller than this share of its computed minimum.
const CERTAIN_SHARE: f64 = 0.9;

/// Returns whether a server of this version (`server_version_num`) builds the index with shared tuples. `catalog_allows` is
/// what the support functions, the collations and `deduplicate_items` say: the catalogs of 14 to 18 still list the support
/// function of `char(n)`, which the server no longer uses.
///
/// Source: commit "Rescind unsafe deduplication support" of 2026-10-06, back-patched through 14. Measured on 15.20 and 19rc1;
/// the other minor releases are the first after the commit.
pub fn builds_deduplicated(index: &Index, catalog_allows: bool, version_num: u32) -> bool {
    catalog_allows && !index.withdrawn_type.is_some_and(|key_type| is_withdrawn(key_type, version_num))
}

/// Returns whether the index may have been built by an earlier release with shared tuples, which this version does not
/// build.
pub fn may_predate_withdrawal(index: &Index, version_num: u32) -> bool {
    index.withdrawn_type.is_some_and(|key_type| is_withdrawn(key_type, version_num))
}

/// Returns whether a later release of any major would build the index without shared tuples.
pub fn may_lose_deduplication(index: &Index, version_num: u32) -> bool {
    index.withdrawn_type.is_some_and(|key_type| !is_withdrawn(key_type, version_num))
}

/// Returns the first minor release of a major that does not deduplicate keys of the type; `None` if there is none.
pub fn first_withdrawn_release(key_type: WithdrawnType, major: u32) -> Option<u32> {
    match (key_type, major) {
        (_, ..=13) | (WithdrawnType::Oidvector, ..=18) => None,
        (WithdrawnType::Bpchar, 14) => Some(25),
        (WithdrawnType::Bpchar, 15) => Some(20),
        (WithdrawnType::Bpchar, 16) => Some(16),
        (WithdrawnType::Bpchar, 17) => Some(12),
        (WithdrawnType::Bpchar, 18) => Some(7),
        _ => Some(0),
    }
}

/// Returns the bytes below which the index must have shared tuples: its rows, each with a tuple of its own, on full pages.
/// `None` before the first VACUUM or ANALYZE. `key` gives the width; without it, the shortest tuple counts.
pub fn min_unshared_bytes(index: &Index, table: &Table, key: Option<&IndexKey>) -> Option<u64> {
    if !table.was_measured() {
        return None;
    }
    let rows = index.reltuples.min(table.row_estimate()? as f64);
    let columns: Option<Vec<_>> =
        key.and_then(|key| key.columns.iter().map(|(layout, found)| Some((*layout, (*found)?))).collect());
    let width = columns.map_or(MIN_TUPLE, |columns| {
        tuple_width(TUPLE_HEADER, columns.into_iter()).aligned(MAX_ALIGN).mean().max(MIN_TUPLE)
    });
    let block = table.block_bytes();
    let pages = rows.max(0.0) * (width + LINE_POINTER) * CERTAIN_SHARE / (block as f64 - PAGE_OVERHEAD);
    Some(pages as u64 * block)
}

fn is_withdrawn(key_type: WithdrawnType, version_num: u32) -> bool {
    first_withdrawn_release(key_type, version_num / 10_000).is_some_and(|minor| version_num % 10_000 >= minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deduplication_ends_with_the_releases_of_november_2026() {
        let last_with = [130_023, 140_024, 150_019, 160_015, 170_011, 180_006];
        let first_without = [140_025, 150_020, 160_016, 170_012, 180_007, 190_000, 200_001];
        for version in last_with {
            assert!(!is_withdrawn(WithdrawnType::Bpchar, version), "{version}");
            assert!(!is_withdrawn(WithdrawnType::Oidvector, version), "{version}");
        }
        for version in first_without {
            assert!(is_withdrawn(WithdrawnType::Bpchar, version), "{version}");
            assert_eq!(is_withdrawn(WithdrawnType::Oidvector, version), version >= 190_000, "{version}");
        }
    }
}
