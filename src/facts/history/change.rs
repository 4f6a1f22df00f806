//! Changes since the previous run: new, worse and recovered findings, and reminders. Only these are notified.

use crate::facts::{Class, Finding, Level};
use crate::message::Message;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A finding of an earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownFinding {
    /// [`Finding::id`]: the check and its subject.
    pub finding_id: String,
    /// Id of the check, such as `stale-slot`.
    pub check: String,
    /// Whether the finding sets the exit code.
    pub class: Class,
    /// Object of the finding.
    pub subject: String,
    /// Level in the last run that had it.
    pub level: Level,
    /// Message of that run.
    pub message: Message,
    /// Time of the first run that had it.
    pub since: Timestamp,
    /// Time of the last notification, and the level at that time; `None` when none was sent.
    pub notified: Option<(Timestamp, Level)>,
}

/// Kind of change since the previous run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The finding did not exist, or was never notified.
    New,
    /// The level rose since the last notification.
    Worse,
    /// The finding is unresolved, and the last notification is older than the reminder interval.
    Reminder,
    /// A notified alert no longer exists, and its check was evaluated.
    Recovered,
}

/// One entry of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What changed.
    pub kind: ChangeKind,
    /// [`Finding::id`]: the check and its subject.
    pub finding_id: String,
    /// Id of the check, such as `stale-slot`.
    pub check: String,
    /// Object of the finding.
    pub subject: String,
    /// Present level; the notified level for a recovered finding.
    pub level: Level,
    /// Time of the first run that had it.
    pub since: Timestamp,
    /// Message; the last one for a recovered finding.
    pub message: Message,
    /// Remedy; `None` for a recovered finding.
    pub advice: Option<Message>,
}

/// Returns the changes to send to one recipient: the worst first, recovered findings last. `known` contains the
/// findings of the previous run with the notifications of this recipient. A known finding is recovered only if
/// `evaluated_checks` contains its check.
pub fn detect_changes(
    known: &[KnownFinding],
    findings: &[Finding],
    evaluated_checks: &BTreeSet<&str>,
    checked_at: Timestamp,
    remind_after: SignedDuration,
) -> Vec<Change> {
    let before = |finding: &Finding| known.iter().find(|known_finding| known_finding.finding_id == finding.id());
    let last_notified = |finding: &Finding| before(finding).and_then(|known_finding| known_finding.notified);
    // When one reminder is due, all unresolved findings are sent again: one message instead of one per finding.
    let is_due = findings
        .iter()
        .filter_map(last_notified)
        .any(|(notified_at, _)| checked_at.duration_since(notified_at) >= remind_after);
    let mut changes = Vec::new();
    for finding in findings {
        let id = finding.id();
        let before = before(finding);
        let kind = match last_notified(finding) {
            None => ChangeKind::New,
            Some((_, level)) if finding.level > level => ChangeKind::Worse,
            Some(_) if is_due => ChangeKind::Reminder,
            Some(_) => continue,
        };
        changes.push(Change {
            kind,
            finding_id: id,
            check: finding.check.clone(),
            subject: finding.subject.clone(),
            level: finding.level,
            since: before.map_or(checked_at, |known_finding| known_finding.since),
            message: finding.message.clone(),
            advice: Some(finding.advice.clone()),
        });
    }
    for before in known {
        // Resolved hygiene findings are not notified. Some, such as stats-lost, disappear in the next run anyway.
        let is_alert = before.class == Class::Alert;
        let has_recovered = is_alert
            && evaluated_checks.contains(before.check.as_str())
            && findings.iter().all(|finding| finding.id() != before.finding_id);
        if let (true, Some((_, level))) = (has_recovered, before.notified) {
            changes.push(Change {
                kind: ChangeKind::Recovered,
                finding_id: before.finding_id.clone(),
                check: before.check.clone(),
                subject: before.subject.clone(),
                level,
                since: before.since,
                message: before.message.clone(),
                advice: None,
            });
        }
    }
    changes.sort_by(|a, b| {
        let recovered = |change: &Change| change.kind == ChangeKind::Recovered;
        let order = (recovered(a), std::cmp::Reverse(a.level)).cmp(&(recovered(b), std::cmp::Reverse(b.level)));
        order.then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.finding_id.cmp(&b.finding_id))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn finding(check: &str, level: Level) -> Finding {
        Finding {
            check: check.into(),
            class: Class::Alert,
            level,
            subject: "s".into(),
            message: "m".into(),
            measured: None,
            threshold: None,
            advice: "a".into(),
        }
    }

    fn known_finding(check: &str, level: Level, notified: Option<(i64, Level)>) -> KnownFinding {
        let finding = finding(check, level);
        KnownFinding {
            finding_id: finding.id(),
            check: check.into(),
            class: Class::Alert,
            subject: "s".into(),
            level,
            message: "m".into(),
            since: at_day(0),
            notified: notified.map(|(day, level)| (at_day(day), level)),
        }
    }

    fn change_kinds(known: &[KnownFinding], now: &[Finding], evaluated_checks: &[&str], day: i64) -> Vec<ChangeKind> {
        let evaluated_checks = evaluated_checks.iter().copied().collect();
        let week = SignedDuration::from_hours(7 * 24);
        detect_changes(known, now, &evaluated_checks, at_day(day), week).into_iter().map(|change| change.kind).collect()
    }

    #[test]
    fn reminder_waits_for_remind_after() {
        let notified = known_finding("c", Level::Warning, Some((0, Level::Warning)));
        assert_eq!(change_kinds(std::slice::from_ref(&notified), &[finding("c", Level::Warning)], &["c"], 6), []);
        assert_eq!(change_kinds(&[notified], &[finding("c", Level::Warning)], &["c"], 7), [ChangeKind::Reminder]);
    }

    #[test]
    fn recovery_needs_evaluation_and_notification() {
        let notified = known_finding("c", Level::Warning, Some((0, Level::Warning)));
        assert_eq!(change_kinds(std::slice::from_ref(&notified), &[], &["another"], 1), []);
        assert_eq!(change_kinds(&[notified], &[], &["c"], 1), [ChangeKind::Recovered]);
        assert_eq!(change_kinds(&[known_finding("c", Level::Warning, None)], &[], &["c"], 1), []);
    }

    #[test]
    fn undelivered_finding_is_new_next_run() {
        let not_notified = known_finding("c", Level::Critical, None);
        assert_eq!(change_kinds(&[not_notified], &[finding("c", Level::Critical)], &["c"], 1), [ChangeKind::New]);
    }

    #[test]
    fn changes_are_sorted_by_severity() {
        let before = [
            known_finding("a", Level::Warning, Some((0, Level::Warning))),
            known_finding("b", Level::Critical, Some((0, Level::Critical))),
            known_finding("c", Level::Critical, Some((0, Level::Critical))),
        ];
        let now = [finding("b", Level::Warning), finding("a", Level::Critical), finding("d", Level::Unknown)];
        assert_eq!(
            change_kinds(&before, &now, &["a", "b", "c", "d"], 1),
            [ChangeKind::Worse, ChangeKind::New, ChangeKind::Recovered]
        );
    }
}
