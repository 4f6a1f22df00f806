//! invalid-index: left by a failed CREATE INDEX CONCURRENTLY, REINDEX or DROP
//! (docs/reference/index-usage.md#invalid-indexes).

use super::{RawFinding, subject::IndexSubject};
use crate::analysis::index::{Confidence, IndexFinding, Reason, Verdict};
use crate::facts::{DatabaseSnapshot, Index};
use jiff::Timestamp;

/// Seconds.
const DAY_SECONDS: i64 = 86_400;

/// Returns whether a failed build left the index behind: it is invalid, and neither being built nor part of a
/// partitioned index. Where running builds cannot be read, it counts as left behind.
pub fn is_left_invalid(index: &Index, db: &DatabaseSnapshot) -> bool {
    let is_being_built = db.index_facts.builds.known().is_some_and(|tables| tables.contains(&index.table_oid));
    let is_usable = index.is_valid && index.is_live;
    let awaits_children = index.is_partitioned || index.parent_oid.is_some();
    !(is_usable || awaits_children || is_being_built)
}

/// Evaluates an invalid index. It is being built, or it is a partitioned index without all its children, or a failed
/// build left it behind. A leftover is `review` until a sample of at least a day ago has shown it invalid as well: the
/// build may be retried before.
pub(super) fn evaluate_invalid(
    subject: &IndexSubject<'_>,
    db: &DatabaseSnapshot,
    now: Timestamp,
) -> Option<RawFinding> {
    let index = subject.index;
    if index.is_valid && index.is_live {
        return None;
    }
    let mut found = RawFinding {
        finding: IndexFinding::InvalidIndex,
        verdict: Verdict::Keep,
        confidence: Confidence::Proven,
        of_counters: false,
        reasons: Vec::new(),
        covered_by: Vec::new(),
    };
    if index.is_partitioned || subject.root.is_some() {
        found.reasons.push(Reason::AwaitsPartitions);
        return Some(found);
    }
    match db.index_facts.builds.known() {
        None => {
            found.verdict = Verdict::Review;
            found.reasons.push(Reason::NotRead { fact: "index builds".to_owned() });
        }
        Some(tables) if tables.contains(&index.table_oid) => {
            found.reasons.push(Reason::BeingBuilt);
            return Some(found);
        }
        Some(_) => {
            let leftover_since =
                subject.invalid_since.filter(|since| now.duration_since(*since).as_secs() >= DAY_SECONDS);
            found.verdict = if leftover_since.is_some() { Verdict::Drop } else { Verdict::Review };
            found.reasons.extend(leftover_since.map(|since| Reason::InvalidSince { since }));
        }
    }
    found.reasons.insert(
        0,
        Reason::LeftInvalid {
            enforces_uniqueness: index.is_unique && index.is_ready,
            costs_writes: index.is_ready && index.is_live,
        },
    );
    // REINDEX CONCURRENTLY uses these names for its copies. With `old`, the rebuild succeeded.
    let name = index.index.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.ends_with("_ccnew") || name.ends_with("_ccold") {
        found.reasons.push(Reason::LeftByReindex { replaced: name.ends_with("_ccold") });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::testing::{Shop, findings, verdict};

    #[test]
    fn invalid_index_ignores_builds_and_partitioned() {
        let mut shop = Shop::default();
        let building = shop.index("building", &[1]).invalid().oid;
        shop.building();
        let root = shop.index("root", &[2]).partitioned().invalid().oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, building), verdict(&plan, root)), (Verdict::Keep, Verdict::Keep));
    }

    #[test]
    fn invalid_index_is_review_and_covers_none() {
        let mut shop = Shop::default();
        let leftover = shop.index("left_ccnew1", &[1]).invalid().size(0).oid;
        let duplicate = shop.index("twin", &[1]).scans(100).oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, leftover), verdict(&plan, duplicate)), (Verdict::Review, Verdict::Keep));
        assert_eq!(findings(&plan, leftover), [IndexFinding::InvalidIndex]);
    }
}
