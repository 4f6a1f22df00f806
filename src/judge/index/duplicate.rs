//! duplicate-index: two indexes with the same keys do the work of one (fact sheet on indexes, B1 and B3).

use super::{Cover, Found, subject::Subject};
use crate::model::{Confidence, ConstraintKind, CoverKind, IndexFinding, Reason, Verdict};
use std::collections::HashMap;

/// Victims and the twin that stays in place of each.
pub(super) type Twins = HashMap<usize, (usize, CoverKind)>;

/// Chooses of each set of twins the one that stays: the best first, and whoever it covers may go. A keeper is never a
/// victim, so no two drop each other.
pub(super) fn twins(all: &[Subject<'_>], covers: &[Cover], may_go: &dyn Fn(usize) -> bool) -> Twins {
    let mut of_victim: HashMap<usize, Vec<&Cover>> = HashMap::new();
    for cover in covers.iter().filter(|cover| matches!(cover.kind, CoverKind::Same | CoverKind::Reversed)) {
        of_victim.entry(cover.victim).or_default().push(cover);
    }
    let mut order: Vec<usize> =
        of_victim.iter().flat_map(|(victim, by)| by.iter().map(|it| it.keeper).chain([*victim])).collect();
    order.sort_unstable();
    order.dedup();
    order.sort_by_cached_key(|at| rank(&all[*at], may_go(*at)));
    let place: HashMap<usize, usize> = order.iter().enumerate().map(|(place, at)| (*at, place)).collect();
    let mut twins = Twins::new();
    for at in order {
        if !may_go(at) {
            continue;
        }
        let candidates = of_victim.get(&at).map_or(&[][..], Vec::as_slice);
        let keeper = candidates
            .iter()
            .filter(|cover| !twins.contains_key(&cover.keeper) && place[&cover.keeper] < place[&at])
            .min_by_key(|cover| place[&cover.keeper]);
        if let Some(cover) = keeper {
            twins.insert(at, (cover.keeper, cover.kind));
        }
    }
    twins
}

/// Who stays among equals (fact sheet on indexes, B "Keep-ranking"): smaller stays.
fn rank(subject: &Subject<'_>, may_go: bool) -> impl Ord + use<> {
    let index = subject.index;
    let constraint = match index.constraint {
        Some(ConstraintKind::PrimaryKey) => 0,
        Some(_) if index.is_immediate => 1,
        Some(_) => 3,
        None => 2,
    };
    // A deferrable constraint is weaker than a plain unique index, which in turn cannot lean on it.
    (may_go, constraint, !index.is_unique, !index.is_replica_identity, !index.is_clustered, subject.bytes, index.oid)
}

/// The finding of a victim.
pub(super) fn judge(at: usize, all: &[Subject<'_>], twins: &Twins) -> Option<Found> {
    let (keeper, how) = *twins.get(&at)?;
    let (victim, keeper_subject) = (&all[at], &all[keeper]);
    let name = keeper_subject.index.index.clone();
    let mut found = Found {
        finding: IndexFinding::DuplicateIndex,
        verdict: Verdict::Drop,
        confidence: Confidence::Proven,
        of_counters: false,
        reasons: vec![Reason::TwinOf { index: name.clone(), how, idx_scan: victim.scans }],
        covered_by: vec![keeper],
    };
    let differs = victim.signature.storage != keeper_subject.signature.storage
        || victim.index.tablespace != keeper_subject.index.tablespace;
    if differs {
        found.verdict = Verdict::Review;
        found.reasons.push(Reason::OtherStorage { of: name });
    }
    Some(found)
}

/// Scans of each index and all its twins.
pub(super) fn scans_of_sets(all: &[Subject<'_>], twins: &Twins) -> Vec<u64> {
    let mut sums: Vec<u64> = all.iter().map(|subject| subject.scans).collect();
    for (victim, (keeper, _)) in twins {
        sums[*keeper] += all[*victim].scans;
    }
    (0..all.len()).map(|at| sums[twins.get(&at).map_or(at, |(keeper, _)| *keeper)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, findings, verdict};
    use super::*;

    #[test]
    fn what_only_looks_alike_is_no_twin() {
        let mut shop = Shop::default();
        let plain = shop.index("plain", &[1]).scans(900).oid;
        shop.index("other_class", &[1]).scans(900).class(2);
        shop.index("other_collation", &[1]).scans(900).collation(950);
        shop.index("other_nulls", &[1]).scans(900).options(&[2]);
        shop.index("other_order", &[2, 1]).scans(900);
        shop.index("hash", &[2]).scans(900).method("hash");
        shop.index("partial", &[1]).scans(900).predicate("(b > 0)");
        shop.index("other_partial", &[1]).scans(900).predicate("(b > 1)");
        shop.index("expression", &[0]).scans(900).expression("lower(a)");
        shop.index("other_expression", &[0]).scans(900).expression("upper(a)");
        let plan = shop.judge();
        for one in plan.verdicts() {
            assert!(!one.findings.contains(&IndexFinding::DuplicateIndex), "{one:?}");
        }
        assert_eq!(verdict(&plan, plain), Verdict::Keep);
    }

    #[test]
    fn of_three_twins_one_stays_whatever_was_scanned() {
        let mut shop = Shop::default();
        let all = ["one", "two", "three"].map(|name| shop.index(name, &[1, 2]).scans(100).oid);
        let plan = shop.judge();
        assert_eq!(all.map(|oid| verdict(&plan, oid)), [Verdict::Keep, Verdict::Drop, Verdict::Drop]);
        assert_eq!(findings(&plan, all[1]), [IndexFinding::DuplicateIndex]);
    }

    #[test]
    fn the_full_reverse_is_a_twin_and_half_of_it_is_none() {
        let mut shop = Shop::default();
        shop.index("up", &[1, 2]).scans(100);
        let reverse = shop.index("down", &[1, 2]).options(&[3, 3]).scans(100).oid;
        let half = shop.index("half", &[1, 2]).options(&[0, 3]).scans(100).oid;
        let plan = shop.judge();
        assert_eq!((verdict(&plan, reverse), verdict(&plan, half)), (Verdict::Drop, Verdict::Keep));
    }

    #[test]
    fn a_unique_index_gives_way_only_to_one_that_is_as_strict() {
        let mut shop = Shop::default();
        let plain = shop.index("plain", &[1]).scans(9_000).oid;
        let unique = shop.index("unique", &[1]).unique().oid;
        let deferred = shop.index("deferred", &[1]).unique().constraint(ConstraintKind::Unique).deferrable().oid;
        let plan = shop.judge();
        assert_eq!(verdict(&plan, plain), Verdict::Drop, "the unique one serves its scans");
        assert_eq!(verdict(&plan, unique), Verdict::Keep);
        assert_eq!(verdict(&plan, deferred), Verdict::Review, "a matter for ALTER TABLE");
        let mut shop = Shop::default();
        let strict = shop.index("strict", &[1]).unique().nulls_not_distinct().oid;
        let lax = shop.index("lax", &[1]).unique().oid;
        let plan = shop.judge();
        assert_eq!((verdict(&plan, strict), verdict(&plan, lax)), (Verdict::Keep, Verdict::Drop));
    }

    #[test]
    fn another_tablespace_or_fillfactor_is_a_matter_for_a_person() {
        let mut shop = Shop::default();
        shop.index("plain", &[1]).scans(100);
        let filled = shop.index("filled", &[1]).scans(100).storage("fillfactor=70").oid;
        assert_eq!(verdict(&shop.judge(), filled), Verdict::Review);
    }
}
