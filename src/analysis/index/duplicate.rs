//! duplicate-index: another index has the same keys (docs/reference/index-equivalence.md#duplicates) and enforces the
//! same (docs/reference/index-equivalence.md#uniqueness).

use super::{Cover, RawFinding, subject::IndexSubject};
use crate::analysis::index::{Confidence, CoverKind, IndexFinding, Reason, Verdict};
use crate::facts::ConstraintKind;
use std::collections::HashMap;

/// Candidates, each with the index of its group that is kept.
pub(super) type Duplicates = HashMap<usize, (usize, CoverKind)>;

/// Chooses the index of each duplicate group that is kept: the best first; the indexes that it covers are candidates. A kept
/// index is never a candidate, so that no two drop each other.
pub(super) fn find_duplicates(
    subjects: &[IndexSubject<'_>],
    covers: &[Cover],
    is_droppable: &dyn Fn(usize) -> bool,
) -> Duplicates {
    let mut covers_of: HashMap<usize, Vec<&Cover>> = HashMap::new();
    for cover in covers.iter().filter(|cover| matches!(cover.kind, CoverKind::Same | CoverKind::Reversed)) {
        covers_of.entry(cover.candidate).or_default().push(cover);
    }
    let mut order: Vec<usize> = covers_of
        .iter()
        .flat_map(|(candidate, by)| by.iter().map(|cover| cover.covering).chain([*candidate]))
        .collect();
    order.sort_unstable();
    order.dedup();
    order.sort_by_cached_key(|position| keep_rank(&subjects[*position], is_droppable(*position)));
    let ranks: HashMap<usize, usize> = order.iter().enumerate().map(|(place, position)| (*position, place)).collect();
    let mut duplicates = Duplicates::new();
    for position in order {
        if !is_droppable(position) {
            continue;
        }
        let own_covers = covers_of.get(&position).map_or(&[][..], Vec::as_slice);
        let covering = own_covers
            .iter()
            .filter(|cover| !duplicates.contains_key(&cover.covering) && ranks[&cover.covering] < ranks[&position])
            .min_by_key(|cover| ranks[&cover.covering]);
        if let Some(cover) = covering {
            duplicates.insert(position, (cover.covering, cover.kind));
        }
    }
    duplicates
}

/// Returns the rank of an index among duplicates; the lowest is kept
/// (docs/reference/index-equivalence.md#which-duplicate-is-kept).
fn keep_rank(subject: &IndexSubject<'_>, is_droppable: bool) -> impl Ord + use<> {
    let index = subject.index;
    let constraint = match index.constraint {
        Some(ConstraintKind::PrimaryKey) => 0,
        Some(_) if index.is_immediate => 1,
        Some(_) => 3,
        None => 2,
    };
    // A deferrable constraint is weaker than a plain unique index and cannot replace it.
    (
        is_droppable,
        constraint,
        !index.is_unique,
        !index.is_replica_identity,
        !index.is_clustered,
        subject.bytes,
        index.oid,
    )
}

/// Returns the finding of a candidate.
pub(super) fn evaluate_duplicate(
    position: usize,
    subjects: &[IndexSubject<'_>],
    duplicates: &Duplicates,
) -> Option<RawFinding> {
    let (covering, how) = *duplicates.get(&position)?;
    let (candidate, covering_subject) = (&subjects[position], &subjects[covering]);
    let name = covering_subject.index.index.clone();
    let mut found = RawFinding {
        finding: IndexFinding::DuplicateIndex,
        verdict: Verdict::Drop,
        confidence: Confidence::Proven,
        of_counters: false,
        reasons: vec![Reason::DuplicateOf { index: name.clone(), how, idx_scan: candidate.scans }],
        covered_by: vec![covering],
    };
    let differs = candidate.signature.storage != covering_subject.signature.storage
        || candidate.index.tablespace != covering_subject.index.tablespace;
    if differs {
        found.verdict = Verdict::Review;
        found.reasons.push(Reason::OtherStorage { of: name });
    }
    Some(found)
}

/// Returns for each index the scans of its whole duplicate group.
pub(super) fn group_scans(subjects: &[IndexSubject<'_>], duplicates: &Duplicates) -> Vec<u64> {
    let mut sums: Vec<u64> = subjects.iter().map(|subject| subject.scans).collect();
    for (candidate, (covering, _)) in duplicates {
        sums[*covering] += subjects[*candidate].scans;
    }
    (0..subjects.len())
        .map(|position| sums[duplicates.get(&position).map_or(position, |(covering, _)| *covering)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::testing::{Shop, findings, verdict};

    #[test]
    fn duplicate_index_needs_equal_keys() {
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
        let plan = shop.plan();
        for verdict in plan.verdicts() {
            assert!(!verdict.findings.contains(&IndexFinding::DuplicateIndex), "{verdict:?}");
        }
        assert_eq!(verdict(&plan, plain), Verdict::Keep);
    }

    #[test]
    fn duplicate_index_keeps_one_of_three() {
        let mut shop = Shop::default();
        let oids = ["one", "two", "three"].map(|name| shop.index(name, &[1, 2]).scans(100).oid);
        let plan = shop.plan();
        assert_eq!(oids.map(|oid| verdict(&plan, oid)), [Verdict::Keep, Verdict::Drop, Verdict::Drop]);
        assert_eq!(findings(&plan, oids[1]), [IndexFinding::DuplicateIndex]);
    }

    #[test]
    fn duplicate_index_reversed_only_in_full() {
        let mut shop = Shop::default();
        shop.index("up", &[1, 2]).scans(100);
        let reverse = shop.index("down", &[1, 2]).options(&[3, 3]).scans(100).oid;
        let half = shop.index("half", &[1, 2]).options(&[0, 3]).scans(100).oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, reverse), verdict(&plan, half)), (Verdict::Drop, Verdict::Keep));
    }

    #[test]
    fn duplicate_index_unique_needs_equal_strictness() {
        let mut shop = Shop::default();
        let plain = shop.index("plain", &[1]).scans(9_000).oid;
        let unique = shop.index("unique", &[1]).unique().oid;
        let deferred = shop.index("deferred", &[1]).unique().constraint(ConstraintKind::Unique).deferrable().oid;
        let plan = shop.plan();
        assert_eq!(verdict(&plan, plain), Verdict::Drop, "the unique one serves its scans");
        assert_eq!(verdict(&plan, unique), Verdict::Keep);
        assert_eq!(verdict(&plan, deferred), Verdict::Review, "a matter for ALTER TABLE");
        let mut shop = Shop::default();
        let strict = shop.index("strict", &[1]).unique().nulls_not_distinct().oid;
        let lax = shop.index("lax", &[1]).unique().oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, strict), verdict(&plan, lax)), (Verdict::Keep, Verdict::Drop));
    }

    #[test]
    fn duplicate_index_other_storage_is_review() {
        let mut shop = Shop::default();
        shop.index("plain", &[1]).scans(100);
        let filled = shop.index("filled", &[1]).scans(100).storage("fillfactor=70").oid;
        assert_eq!(verdict(&shop.plan(), filled), Verdict::Review);
    }
}
