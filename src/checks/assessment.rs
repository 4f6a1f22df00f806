//! The evaluation of a snapshot that all reports share.

use super::runner::{CheckResult, Checks};
use super::summary::{CheckSummary, SummaryOptions, summarize_checks};
use super::{Check, Evidence};

/// Results of the checks on one snapshot, with the user's limits and silences.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// One result per evaluated check.
    pub results: Vec<CheckResult>,
    /// Status and findings.
    pub summary: CheckSummary,
}

/// Evaluates the selected checks once. Reports take their findings from the result and have no rules of their own, so
/// that no two of them contradict each other.
pub fn assess(
    checks: &Checks,
    evidence: &Evidence<'_>,
    is_selected: impl Fn(&Check) -> bool,
    options: &SummaryOptions<'_>,
) -> Assessment {
    let results = checks.run_checks(evidence, is_selected);
    let mut summary = summarize_checks(&results, options, evidence.snapshot.collected_at);
    summary.reached_by(&evidence.snapshot.connection);
    Assessment { results, summary }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{DAY, healthy_snapshot, slot};
    use crate::checks::{CHECKS, ReportName};
    use crate::facts::history::HistoryView;
    use crate::facts::{FactGroups, Snapshot};
    use serde_json::json;

    #[test]
    fn assessment_of_report_is_part_of_check() {
        let mut snapshot = healthy_snapshot();
        snapshot["slots"] = json!({"known": [slot(7 * DAY, 1 << 30)]});
        let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
        let evidence = Evidence::new(&snapshot, HistoryView::default());
        let (checks, options) = (Checks::default(), SummaryOptions::default());
        let findings = assess(&checks, &evidence, |_| true, &options).summary.findings;
        let reports = [ReportName::Overview, ReportName::Slots, ReportName::Audit];
        for report in reports {
            let shown = assess(&checks, &evidence, |check| check.concerns(report), &options).summary.findings;
            assert!(!shown.is_empty() && shown.iter().all(|finding| findings.contains(finding)), "{report:?}");
        }
        let tables = assess(&checks, &evidence, |check| check.concerns(ReportName::Tables), &options);
        assert!(tables.summary.findings.is_empty());
    }

    #[test]
    fn reports_show_only_evaluated_checks() {
        for check in CHECKS.iter().filter(|check| check.nightly.is_none()) {
            assert!(check.reports.is_empty() && check.facts == FactGroups::NONE, "{}", check.name);
        }
    }
}
