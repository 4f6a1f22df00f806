//! The state that a run of `pgtend check` saves for the next.

use super::{Counters, KnownFinding};
use crate::facts::{Class, Level};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a recipient was told of one finding, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct NotifiedFinding {
    pub finding_id: String,
    pub recipient: String,
    pub at: Timestamp,
    pub level: Level,
}

/// The state of one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckState {
    pub checked_at: Option<Timestamp>,
    pub counters: Option<Counters>,
    /// Without what anybody was told: that is each recipient's own.
    pub findings: Vec<KnownFinding>,
    pub notified: Vec<NotifiedFinding>,
}

impl CheckState {
    /// The findings as one recipient knows them.
    pub fn findings_for(&self, recipient: &str) -> Vec<KnownFinding> {
        let notified_finding =
            |id: &str| self.notified.iter().find(|one| one.recipient == recipient && one.finding_id == id);
        let findings = self.findings.iter().cloned();
        findings
            .map(|finding| KnownFinding {
                notified: notified_finding(&finding.finding_id).map(|told| (told.at, told.level)),
                ..finding
            })
            .collect()
    }

    /// The night after this one: `now` is what was found, `is_over` which of the earlier findings have ended. What has
    /// ended stays until all who were told of it know.
    #[must_use]
    pub fn advance(
        &self,
        checked_at: Timestamp,
        counters: Option<Counters>,
        findings: Vec<KnownFinding>,
        has_recovered: impl Fn(&KnownFinding) -> bool,
        notified: Vec<NotifiedFinding>,
    ) -> CheckState {
        let found: BTreeSet<String> = findings.iter().map(|finding| finding.finding_id.clone()).collect();
        let awaits_notification = |finding: &&KnownFinding| {
            finding.class == Class::Alert && notified.iter().any(|told| told.finding_id == finding.finding_id)
        };
        let earlier = self.findings.iter().filter(|finding| !found.contains(&finding.finding_id));
        let kept: Vec<KnownFinding> =
            earlier.filter(|finding| !has_recovered(finding) || awaits_notification(finding)).cloned().collect();
        let findings: Vec<KnownFinding> = findings.into_iter().chain(kept).collect();
        let ids: BTreeSet<&str> = findings.iter().map(|finding| finding.finding_id.as_str()).collect();
        let notified = notified
            .iter()
            .filter(|notified_finding| ids.contains(notified_finding.finding_id.as_str()))
            .cloned()
            .collect();
        CheckState {
            checked_at: Some(checked_at),
            counters: counters.or_else(|| self.counters.clone()),
            findings,
            notified,
        }
    }
}
