//! rarely-used-index: so few scans that they may be probes of the planner
//! (docs/reference/index-usage.md#what-idx_scan-counts).

use super::{RawFinding, scan_evidence::ScanEvidence, subject::IndexSubject};
use crate::analysis::index::{Confidence, IndexFinding, Reason, Verdict};
use jiff::Timestamp;

/// Evaluates an index with few scans. The limit is an absolute number, since the planner scans indexes to find the ends
/// of a range; from PostgreSQL 16 on, a last scan before the observation window is reason enough.
pub(super) fn evaluate_rarely_used(
    subject: &IndexSubject<'_>,
    scans: u64,
    evidence: &ScanEvidence,
    now: Timestamp,
) -> Option<RawFinding> {
    let index = subject.index;
    if scans == 0 || index.is_unique || index.is_exclusion || subject.root.is_some() {
        return None;
    }
    let limits = evidence.limits();
    let mut reasons = Vec::new();
    if scans <= limits.rare_scans {
        reasons.push(Reason::SeldomScanned { idx_scan: scans, limit: limits.rare_scans });
    }
    // The time of the last scan is known only for this server.
    if let Some(last_idx_scan) = subject.last_scan.filter(|_| evidence.nodes == 1 && limits.min_observation_seconds > 0)
    {
        let seconds = u64::try_from(now.duration_since(last_idx_scan).as_secs()).unwrap_or(0);
        if seconds >= limits.min_observation_seconds {
            reasons.push(Reason::NotScannedSince { last_idx_scan, seconds });
        }
    }
    (!reasons.is_empty()).then_some(RawFinding {
        finding: IndexFinding::RarelyUsedIndex,
        verdict: Verdict::Review,
        confidence: Confidence::Likely,
        of_counters: true,
        reasons,
        covered_by: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::testing::{Shop, findings, verdict};

    #[test]
    fn rarely_used_index_scan_limit() {
        let mut shop = Shop::default();
        let used = shop.index("used", &[1]).scans(51).oid;
        let rare = shop.index("rare", &[2]).scans(50).oid;
        let key = shop.index("key", &[3]).unique().scans(2).oid;
        let plan = shop.plan();
        assert_eq!([used, rare, key].map(|oid| verdict(&plan, oid)), [Verdict::Keep, Verdict::Review, Verdict::Keep]);
        assert_eq!(findings(&plan, rare), [IndexFinding::RarelyUsedIndex]);
    }
}
