//! unused-index: not scanned on any server of the snapshot in the observation window
//! (docs/reference/index-usage.md#what-idx_scan-counts).

use super::{RawFinding, scan_evidence::ScanEvidence, subject::IndexSubject};
use crate::analysis::index::{Confidence, IndexFinding, Reason, Verdict};

/// Evaluates an index without scans. Unique indexes are exempt: uniqueness checks are not counted as scans.
pub(super) fn evaluate_unused(subject: &IndexSubject<'_>, scans: u64, evidence: &ScanEvidence) -> Option<RawFinding> {
    let index = subject.index;
    if scans > 0 || index.is_unique || index.is_exclusion || subject.root.is_some() {
        return None;
    }
    Some(RawFinding {
        finding: IndexFinding::UnusedIndex,
        verdict: Verdict::Drop,
        confidence: Confidence::Likely,
        of_counters: true,
        reasons: vec![Reason::NeverScanned { seconds: evidence.seconds_of(subject), nodes: evidence.nodes }],
        covered_by: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::IndexLimits;
    use crate::analysis::index::testing::{Shop, findings, verdict};
    use crate::facts::history::{DatabaseIndexHistory, HistoryView, IndexHistory};
    use crate::facts::{ConstraintKind, Fact, StatisticsResets};

    #[test]
    fn unused_index_keeps_enforcing_indexes() {
        let mut shop = Shop::default();
        let unique = shop.index("unique", &[1]).unique().oid;
        let key = shop.index("key", &[2]).unique().constraint(ConstraintKind::PrimaryKey).oid;
        let excluded = shop.index("excluded", &[3]).method("gist").constraint(ConstraintKind::Exclusion).oid;
        let identity = shop.index("identity", &[4]).replica_identity().oid;
        let behind = shop.index("behind", &[5, 1]).oid;
        shop.foreign_key(&[5], 0);
        let target = shop.index("target", &[6]).oid;
        shop.foreign_key(&[9], target);
        let plan = shop.plan();
        for oid in [unique, key, excluded, identity, behind, target] {
            assert_eq!(verdict(&plan, oid), Verdict::Keep, "{oid}");
        }
    }

    #[test]
    fn unused_index_keeps_one_foreign_key_index() {
        let mut shop = Shop::default();
        let first = shop.index("one", &[5, 1]).oid;
        let other = shop.index("other", &[5, 2]).oid;
        shop.foreign_key(&[5], 0);
        let plan = shop.plan();
        let dropped = [first, other].iter().filter(|oid| verdict(&plan, **oid) == Verdict::Drop).count();
        assert_eq!(dropped, 1);
    }

    #[test]
    fn unused_index_hazards_are_review() {
        let mut shop = Shop::default();
        let clustered = shop.index("clustered", &[1]).clustered().oid;
        let expression = shop.index("expression", &[0]).expression("lower(a)").oid;
        let root = shop.index("root", &[2]).partitioned().oid;
        let plan = shop.plan();
        for oid in [clustered, expression, root] {
            assert_eq!(verdict(&plan, oid), Verdict::Review, "{oid}");
            assert_eq!(findings(&plan, oid), [IndexFinding::UnusedIndex]);
        }
    }

    #[test]
    fn unused_index_verdict_follows_window() {
        const DAY: u64 = 86_400;
        let verdict_after = |days: u64| {
            let mut shop = Shop { days, limits: IndexLimits::default(), ..Shop::default() };
            let oid = shop.index("unused", &[1]).oid;
            verdict(&shop.plan(), oid)
        };
        // After 95 days it is still unknown whether the index is older than the window.
        assert_eq!(
            [1, 34, 35, 94, 95, 900].map(verdict_after),
            [Verdict::Keep, Verdict::Keep, Verdict::Review, Verdict::Review, Verdict::Review, Verdict::Review]
        );
        let mut waived = Shop { days: 0, ..Shop::default() };
        let oid = waived.index("unused", &[1]).oid;
        assert_eq!(verdict(&waived.plan(), oid), Verdict::Drop);
        let mut small = Shop::default();
        small.limits.min_reclaim_bytes = 9 * DAY;
        let oid = small.index("small", &[1]).size(9 * DAY - 1).oid;
        assert_eq!(verdict(&small.plan(), oid), Verdict::Keep);
    }

    /// An index first seen so many days ago, in a history that began so many days ago and lost some days to resets.
    fn evaluate_with_history(seen_days: i64, history_days: i64, lost_days: u64, scans: u64) -> (Verdict, Vec<Reason>) {
        let mut shop = Shop { days: 3, limits: IndexLimits::default(), ..Shop::default() };
        let oid = shop.index("unused", &[1]).oid;
        let now = shop.snapshot().0.collected_at;
        let ago = |days: i64| now - jiff::SignedDuration::from_hours(24 * days);
        // The counters were reset three days ago, and a sample of yesterday shows the reset.
        let index_history =
            IndexHistory { oid, certain_since: ago(seen_days), scans, idx_scan: 0, invalid_since: None };
        shop.history = Some(DatabaseIndexHistory {
            database: "shop".to_owned(),
            since: ago(history_days),
            until: ago(1),
            unobserved_seconds: lost_days * 86_400,
            indexes: [("shop".to_owned(), [("unused".to_owned(), index_history)].into())].into(),
        });
        let plan = shop.plan();
        let verdict = plan.verdicts().iter().find(|index_verdict| index_verdict.oid == oid).unwrap();
        (verdict.verdict, verdict.reasons.clone())
    }

    #[test]
    fn unused_index_samples_span_resets() {
        assert_eq!(evaluate_with_history(94, 94, 0, 0).0, Verdict::Review, "not long enough");
        assert_eq!(evaluate_with_history(100, 100, 6, 0).0, Verdict::Review, "what was lost was not watched");
        assert_eq!(evaluate_with_history(100, 100, 0, 51).0, Verdict::Keep, "used before the reset");
        assert_eq!(evaluate_with_history(100, 100, 0, 3).0, Verdict::Review, "rarely used before the reset");
        let (verdict, reasons) = evaluate_with_history(90, 100, 0, 0);
        assert_eq!(verdict, Verdict::Review, "the index itself is younger");
        assert!(reasons.iter().any(|reason| matches!(reason, Reason::SeenTooBriefly { .. })), "{reasons:?}");
        assert_eq!(evaluate_with_history(100, 100, 0, 0).0, Verdict::Drop);
        assert_eq!(evaluate_with_history(100, 100, 4, 0).0, Verdict::Drop);
    }

    /// Snapshots of so many days ago with so many scans, and one of today without scans; the counters were reset three
    /// days ago.
    fn evaluate_after(samples: &[(i64, i64)]) -> (Verdict, u64) {
        let mut shop = Shop { days: 3, limits: IndexLimits::default(), ..Shop::default() };
        let oid = shop.index("unused", &[1]).oid;
        let earlier: Vec<_> = samples
            .iter()
            .map(|&(days, scans)| {
                let (mut snapshot, mut db) = shop.snapshot();
                snapshot.collected_at -= jiff::SignedDuration::from_hours(24 * days);
                if days > 3 {
                    db.statistics_resets = resets_never();
                }
                let Fact::Known(indexes) = &mut db.indexes else { panic!("known") };
                indexes[0].idx_scan = scans;
                snapshot.database_snapshots = vec![db];
                snapshot
            })
            .collect();
        let mut history = HistoryView::default();
        history.add_snapshots(&earlier);
        shop.history = history.index_history("shop").cloned();
        let (snapshot, db) = shop.snapshot();
        let seconds = shop.history.as_ref().map_or(0, |past| past.observed_seconds(&db, snapshot.collected_at));
        (verdict(&shop.plan(), oid), seconds / 86_400)
    }

    fn resets_never() -> Fact<StatisticsResets> {
        Fact::Known(StatisticsResets { database_reset: None, shared_reset: None, track_counts: true })
    }

    #[test]
    fn unused_index_snapshots_count_as_samples() {
        assert_eq!(evaluate_after(&[]), (Verdict::Keep, 0), "three days are too short");
        assert_eq!(evaluate_after(&[(120, 0)]), (Verdict::Keep, 3), "what was counted up to the reset is lost");
        assert_eq!(
            evaluate_after(&[(4, 0), (120, 0)]),
            (Verdict::Drop, 119),
            "in any order; the day before the reset is lost"
        );
        assert_eq!(evaluate_after(&[(94, 0), (4, 0)]), (Verdict::Review, 93));
        assert_eq!(evaluate_after(&[(120, 0), (4, 99)]).0, Verdict::Keep, "it was used in that time");
        assert_eq!(evaluate_after(&[(120, 99), (4, 99)]), (Verdict::Drop, 119), "all of it before");
    }

    #[test]
    fn unused_index_needs_track_counts_and_reads() {
        let mut idle = Shop { table_scans: 0, ..Shop::default() };
        let oid = idle.index("unused", &[1]).oid;
        assert_eq!(verdict(&idle.plan(), oid), Verdict::Keep);
        let mut uncounted = Shop { track_counts: false, ..Shop::default() };
        let oid = uncounted.index("unused", &[1]).oid;
        assert_eq!(verdict(&uncounted.plan(), oid), Verdict::Keep);
    }

    #[test]
    fn unused_index_uncollected_standby_caps_verdict() {
        let mut shop = Shop { standbys: vec!["walreceiver"], ..Shop::default() };
        let unused = shop.index("unused", &[1]).oid;
        shop.index("twin", &[2]).scans(100);
        let other = shop.index("other", &[2]).scans(100).oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, unused), verdict(&plan, other)), (Verdict::Review, Verdict::Drop));
    }
}
