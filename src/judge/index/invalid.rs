//! invalid-index: what a failed CREATE INDEX CONCURRENTLY, REINDEX or DROP left behind (fact sheet on indexes, A6).

use super::{Found, subject::Subject};
use crate::model::{Confidence, Contents, IndexFinding, Reason, Verdict};
use jiff::Timestamp;

/// Seconds.
const A_DAY: i64 = 86_400;

/// Three different things are invalid: one being built, a partitioned one whose children are still missing, and a
/// leftover. Until a sample of a day ago or earlier has seen it invalid, too, a leftover is `review`: whoever failed to
/// build it may be about to try again.
pub(super) fn judge(subject: &Subject<'_>, contents: &Contents, now: Timestamp) -> Option<Found> {
    let index = subject.index;
    if index.is_valid && index.is_live {
        return None;
    }
    let mut found = Found {
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
    match contents.index_facts.builds.known() {
        None => {
            found.verdict = Verdict::Review;
            found.reasons.push(Reason::NotRead { fact: "index builds".to_owned() });
        }
        Some(tables) if tables.contains(&index.table_oid) => {
            found.reasons.push(Reason::BeingBuilt);
            return Some(found);
        }
        Some(_) => {
            let left = subject.invalid_since.filter(|since| now.duration_since(*since).as_secs() >= A_DAY);
            found.verdict = if left.is_some() { Verdict::Drop } else { Verdict::Review };
            found.reasons.extend(left.map(|since| Reason::InvalidSince { since }));
        }
    }
    found.reasons.insert(
        0,
        Reason::LeftInvalid {
            enforces_uniqueness: index.is_unique && index.is_ready,
            costs_writes: index.is_ready && index.is_live,
        },
    );
    // REINDEX CONCURRENTLY names its copies so; with `old`, the rebuild succeeded.
    let name = index.index.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.ends_with("_ccnew") || name.ends_with("_ccold") {
        found.reasons.push(Reason::LeftByReindex { replaced: name.ends_with("_ccold") });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, findings, verdict};
    use super::*;

    #[test]
    fn what_is_being_built_or_awaits_its_children_is_left_alone() {
        let mut shop = Shop::default();
        let building = shop.index("building", &[1]).invalid().oid;
        shop.building();
        let root = shop.index("root", &[2]).partitioned().invalid().oid;
        let plan = shop.judge();
        assert_eq!((verdict(&plan, building), verdict(&plan, root)), (Verdict::Keep, Verdict::Keep));
    }

    #[test]
    fn a_leftover_is_for_review_however_small_and_covers_nobody() {
        let mut shop = Shop::default();
        let left = shop.index("left_ccnew1", &[1]).invalid().size(0).oid;
        let twin = shop.index("twin", &[1]).scans(100).oid;
        let plan = shop.judge();
        assert_eq!((verdict(&plan, left), verdict(&plan, twin)), (Verdict::Review, Verdict::Keep));
        assert_eq!(findings(&plan, left), [IndexFinding::InvalidIndex]);
    }
}
