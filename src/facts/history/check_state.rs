//! The state that a run of `pgtend check` saves for the next.

use super::{Counters, KnownFinding};
use crate::facts::{Class, Level};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A notification of one finding that one recipient got.
#[derive(Clone, Debug, PartialEq)]
pub struct NotifiedFinding {
    /// [`Finding::id`](crate::facts::Finding::id) of the finding.
    pub finding_id: String,
    /// Name of the recipient in the configuration.
    pub recipient: String,
    /// When the notification was sent.
    pub at: Timestamp,
    /// The level that was notified.
    pub level: Level,
}

/// The state of one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckState {
    /// When the previous run read the server; `None` before the first run.
    pub checked_at: Option<Timestamp>,
    /// Counters of the previous run; `None` before the first run.
    pub counters: Option<Counters>,
    /// The findings of the previous run, without notifications: those are per recipient.
    pub findings: Vec<KnownFinding>,
    /// The notifications that were sent, per recipient.
    pub notified: Vec<NotifiedFinding>,
}

impl CheckState {
    /// Returns the findings with the notifications of one recipient.
    pub fn findings_for(&self, recipient: &str) -> Vec<KnownFinding> {
        let notified_finding = |id: &str| {
            self.notified.iter().find(|notified| notified.recipient == recipient && notified.finding_id == id)
        };
        let findings = self.findings.iter().cloned();
        findings
            .map(|finding| KnownFinding {
                notified: notified_finding(&finding.finding_id).map(|notified| (notified.at, notified.level)),
                ..finding
            })
            .collect()
    }

    /// Advances the state by one run: `now` is what was found, `is_over` tells which earlier findings have ended. An
    /// ended finding stays until all recipients of it are notified.
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
            finding.class == Class::Alert && notified.iter().any(|sent| sent.finding_id == finding.finding_id)
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
