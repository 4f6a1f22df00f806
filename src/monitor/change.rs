//! The changes that one recipient has not been notified of.

use super::notify::{Notification, Recipient, TargetChanges};
use super::target::TargetResult;
use crate::facts::history::{Change, ChangeKind, KnownFinding, NotifiedFinding, detect_changes};
use crate::facts::{Class, Finding, Status};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// Builds the notification of one recipient: the changes of every target since its last notification.
pub fn build_notification(recipient: &Recipient, results: &[TargetResult]) -> Notification {
    let wants = |class: Class| class == Class::Alert || recipient.hygiene;
    let remind = SignedDuration::from_secs(i64::try_from(recipient.remind_seconds).unwrap_or(i64::MAX));
    let pending = || results.iter().filter_map(|result| Some((result, result.pending.as_ref()?)));
    let mut targets: Vec<TargetChanges> = pending()
        .map(|(result, pending)| {
            let known: Vec<KnownFinding> = pending.previous.findings_for(&recipient.name);
            // A silenced finding has not recovered: it is left out.
            let known: Vec<KnownFinding> = known
                .into_iter()
                .filter(|finding| wants(finding.class) && !pending.silenced.contains(&finding.finding_id))
                .collect();
            let now: Vec<Finding> = pending.findings.iter().filter(|finding| wants(finding.class)).cloned().collect();
            let evaluated: BTreeSet<&str> = pending.evaluated.iter().map(String::as_str).collect();
            let changes: Vec<Change> = detect_changes(&known, &now, &evaluated, pending.at, remind);
            TargetChanges {
                target_key: result.target_key.clone(),
                status: pending.status,
                server: pending.server.clone(),
                changes,
            }
        })
        .filter(|target| !target.changes.is_empty())
        .collect();
    targets.sort_by_key(|target| match target.status {
        Status::Critical => 0,
        Status::Warning => 1,
        Status::Unknown => 2,
        Status::Ok => 3,
    });
    let status = pending().fold(Status::Ok, |status, (_, pending)| status.or_worse(pending.status));
    let timestamp = pending().map(|(_, pending)| pending.at).max().unwrap_or_default();
    Notification { at: timestamp, status, targets }
}

/// Records the changes of one target that were delivered to a recipient.
pub fn add_delivered(
    target: Option<&TargetChanges>,
    recipient: &str,
    notification: &Notification,
    notified: &mut Vec<NotifiedFinding>,
) {
    for change in target.into_iter().flat_map(|target| &target.changes) {
        notified.retain(|notified_finding| {
            notified_finding.recipient != recipient || notified_finding.finding_id != change.finding_id
        });
        if change.kind != ChangeKind::Recovered {
            notified.push(NotifiedFinding {
                finding_id: change.finding_id.clone(),
                recipient: recipient.to_owned(),
                at: notification.at,
                level: change.level,
            });
        }
    }
}
