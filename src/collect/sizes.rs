//! Selection of the relations to measure. The sum of the estimates is verified with the size of the database.
//!
//! `relpages` costs nothing, but is only as current as the last VACUUM or ANALYZE. `pg_relation_size` is exact, but costs
//! the backend about 3.4 kB of memory per relation (docs/reference/sizes-and-bloat.md#memory-of-size-functions).
//! Therefore, the largest and the uncertain relations are measured, and the sum is compared with `pg_database_size`.
//! While the two differ, more relations are measured, within a limit on the memory of the server.

use super::top_n::top_n;
use crate::facts::{OidMap, OidSet};
use std::cmp::Reverse;

/// A relation with files: its size from the catalog, and the uncertainty of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeEstimate {
    pub oid: u32,
    /// OID of its table: the sizes of one row of a report are measured together or not at all.
    pub table_oid: u32,
    /// Bytes by `relpages`.
    pub estimate: u64,
    /// Maximum difference in bytes to the true size.
    pub uncertainty: u64,
}

/// Number of relations per statement, so that one lock affects only one batch.
pub const BATCH_SIZE: usize = 500;

/// Maximum number of relations per server process by default: about 34 MB of its memory.
const MAX_MEASURED: usize = 10_000;

/// Number of the largest relations, which the first round always measures.
const MAX_LARGEST: usize = 300;

/// Maximum number of uncertain relations in the first round.
const MAX_UNCERTAIN: usize = 2_500;

/// Differences below this many bytes are ignored: they cannot hide a relation of 1 MB.
const NEGLIGIBLE_BYTES: u64 = 1 << 20;

/// Returns the first round: the largest relations, and those with the largest uncertainty.
pub fn first_round(relations: &[SizeEstimate]) -> Vec<u32> {
    let by_size: Vec<&SizeEstimate> = relations.iter().filter(|r| r.estimate > 0).collect();
    let largest = top_n(by_size, MAX_LARGEST, |r| (Reverse(r.estimate), r.oid));
    let uncertain: Vec<&SizeEstimate> = relations
        .iter()
        .filter(|r| r.estimate.saturating_add(r.uncertainty) >= NEGLIGIBLE_BYTES && r.uncertainty > r.estimate / 20)
        .collect();
    let uncertain = top_n(uncertain, MAX_UNCERTAIN, |r| (Reverse(r.uncertainty), r.oid));
    let mut chosen: Vec<u32> = largest.into_iter().chain(uncertain).map(|r| r.oid).collect();
    let mut chosen_oids = OidSet::default();
    chosen.retain(|oid| chosen_oids.insert(*oid));
    let tables: OidSet = relations.iter().filter(|r| chosen_oids.contains(&r.oid)).map(|r| r.table_oid).collect();
    let same_tables =
        relations.iter().filter(|r| tables.contains(&r.table_oid) && !chosen_oids.contains(&r.oid)).map(|r| r.oid);
    chosen.extend(same_tables.take(MAX_MEASURED - chosen_oids.len()));
    chosen
}

/// Returns the second round. If the sum differs from the size of the database, these are the remaining relations within
/// the limit, the most uncertain first. `whole` is the size of the database, `other` the part of it that does not belong
/// to these relations.
pub fn second_round(relations: &[SizeEstimate], measured: &OidMap<u64>, whole: u64, other: u64) -> Vec<u32> {
    if whole.abs_diff(sum_sizes(relations, measured) + other) <= NEGLIGIBLE_BYTES {
        return Vec::new();
    }
    most_uncertain(relations, measured, MAX_MEASURED.saturating_sub(measured.len()))
}

/// Returns a further round for another server process, if sum and size still differ by more than 2 %.
pub fn further_round(relations: &[SizeEstimate], measured: &OidMap<u64>, whole: u64, other: u64) -> Vec<u32> {
    if whole.abs_diff(sum_sizes(relations, measured) + other) <= (whole / 50).max(NEGLIGIBLE_BYTES) {
        return Vec::new();
    }
    let of_grown_tables = relations_of_grown_tables(relations, measured);
    if of_grown_tables.is_empty() { most_uncertain(relations, measured, MAX_MEASURED) } else { of_grown_tables }
}

/// Returns the relations of tables with a part that is far larger than estimated: they have probably grown, too.
fn relations_of_grown_tables(relations: &[SizeEstimate], measured: &OidMap<u64>) -> Vec<u32> {
    let grown = relations.iter().filter(|r| {
        measured
            .get(&r.oid)
            .is_some_and(|bytes| *bytes > r.estimate.saturating_add(r.uncertainty).saturating_add(NEGLIGIBLE_BYTES))
    });
    let tables: OidSet = grown.map(|r| r.table_oid).collect();
    let same_tables = relations.iter().filter(|r| tables.contains(&r.table_oid) && !measured.contains_key(&r.oid));
    same_tables.take(MAX_MEASURED).map(|r| r.oid).collect()
}

fn sum_sizes(relations: &[SizeEstimate], measured: &OidMap<u64>) -> u64 {
    relations.iter().map(|r| measured.get(&r.oid).copied().unwrap_or(r.estimate)).sum()
}

fn most_uncertain(relations: &[SizeEstimate], measured: &OidMap<u64>, most: usize) -> Vec<u32> {
    let rest: Vec<&SizeEstimate> = relations.iter().filter(|r| !measured.contains_key(&r.oid)).collect();
    // Without a recorded change: relations that were never vacuumed or analyzed first, tables before their indexes, the
    // newest first.
    let chosen = top_n(rest, most, |r| {
        let belongs = r.oid != r.table_oid;
        (Reverse(r.uncertainty), r.estimate > 0, belongs, Reverse(r.estimate), Reverse(r.oid))
    });
    chosen.into_iter().map(|r| r.oid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MB: u64 = 1 << 20;

    fn relation(oid: u32, estimate: u64, doubt: u64) -> SizeEstimate {
        SizeEstimate { oid, table_oid: oid, estimate, uncertainty: doubt }
    }

    #[test]
    fn small_relations_are_skipped_when_sum_matches() {
        let mut relations: Vec<SizeEstimate> = (1..=5_000).map(|oid| relation(oid, 8_192, 0)).collect();
        relations.push(relation(9_001, 0, 2 * MB));
        let first = first_round(&relations);
        assert!(first.contains(&9_001), "never analyzed, but rows were counted");
        assert!(first.len() <= MAX_LARGEST + 1);
        let measured: OidMap<u64> = first.iter().map(|oid| (*oid, 8_192)).collect();
        let whole = 5_000 * 8_192 + 8_192 + 150_000;
        assert!(second_round(&relations, &measured, whole, 0).is_empty());
    }

    #[test]
    fn large_unknown_relation_is_found_by_sum() {
        let relations: Vec<SizeEstimate> =
            (1..=9_000).map(|oid| relation(oid, if oid == 7_000 { 0 } else { 8_192 }, 0)).collect();
        let first = first_round(&relations);
        assert!(!first.contains(&7_000));
        let measured: OidMap<u64> = first.iter().map(|oid| (*oid, 8_192)).collect();
        let second = second_round(&relations, &measured, 900 * MB, 0);
        assert_eq!(second.first(), Some(&7_000));
    }

    #[test]
    fn unmeasured_come_first_then_grown_tables() {
        // Tables created one after the other, each with an index, without statistics.
        let table_with_index =
            |table: u32| [relation(table, 0, 0), SizeEstimate { table_oid: table, ..relation(table + 1, 8_192, 0) }];
        let relations: Vec<SizeEstimate> = (1..=MAX_MEASURED as u32).flat_map(|n| table_with_index(n * 2)).collect();
        let giant = MAX_MEASURED as u32 * 2;
        let second = second_round(&relations, &OidMap::default(), 900 * MB, 0);
        assert_eq!((second.len(), second.first()), (MAX_MEASURED, Some(&giant)), "the newest table before any index");
        let mut measured: OidMap<u64> = second.iter().map(|oid| (*oid, 0)).collect();
        measured.insert(giant, 600 * MB);
        assert_eq!(further_round(&relations, &measured, 900 * MB, 0), [giant + 1]);
        measured.insert(giant + 1, 200 * MB);
        assert!(
            further_round(&relations, &measured, 950 * MB, 0).len() > 1,
            "no related relation is left, so the others"
        );
        let now = sum_sizes(&relations, &measured);
        assert!(further_round(&relations, &measured, now + now / 100, 0).is_empty(), "within 2 %");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn rounds_stay_within_the_bound(
            estimates in prop::collection::vec((0_u64..10 * MB, 0_u64..10 * MB), 0..14_000), whole: u32,
        ) {
            let relations: Vec<SizeEstimate> =
                estimates.iter().zip(1..).map(|((estimate, doubt), oid)| relation(oid, *estimate, *doubt)).collect();
            let first = first_round(&relations);
            let measured: OidMap<u64> = first.iter().map(|oid| (*oid, 0)).collect();
            let second = second_round(&relations, &measured, u64::from(whole), 0);
            let oids: OidSet = first.iter().chain(&second).copied().collect();
            prop_assert_eq!(oids.len(), first.len() + second.len());
            prop_assert!(oids.len() <= MAX_MEASURED);
        }
    }
}
