//! Sends the notifications of a run, once for all targets, and saves the check state for the next run.

use super::target_check::{CheckRun, PendingState, TargetResult};
use crate::facts::history::{Change, ChangeKind, KnownFinding, NotifiedFinding, detect_changes};
use crate::facts::{Class, Finding, Status};
use crate::monitor::notify::{Notification, NotifyError, Recipient, RecipientKind, RetryPolicy, Sender, TargetChanges};
use crate::report::NotifiedLine;
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// One recipient with its letter, and how sending it went.
struct SentNotification {
    recipient: Recipient,
    notification: Notification,
    result: Result<(), NotifyError>,
}

impl CheckRun<'_> {
    /// Notifies each recipient of its changes, then saves each check state. Returns how notifying went.
    pub async fn notify_changes(&self, results: &mut [TargetResult], is_wanted: bool) -> Vec<NotifiedLine> {
        let mut notified: Vec<Vec<NotifiedFinding>> =
            results.iter().map(|target_result| previously_notified(target_result.pending.as_ref())).collect();
        let mut lines = Vec::new();
        let mut recipients = Vec::new();
        for (name, recipient) in self.config.recipients(&self.context.environment) {
            match recipient {
                Ok(recipient) => recipients.push(recipient),
                Err(why) => lines.push(NotifiedLine { name: name.to_owned(), changes: 0, error: Some(why) }),
            }
        }
        let names: BTreeSet<&str> =
            self.config.recipients(&self.context.environment).iter().map(|(name, _)| *name).collect();
        for notified in &mut notified {
            // Nobody waits for who is no longer in the configuration.
            notified.retain(|notified_finding| names.contains(notified_finding.recipient.as_str()));
        }
        if is_wanted {
            for sent in self.send_notifications(recipients, results, &mut lines).await {
                let changes = sent.notification.changes();
                if sent.result.is_ok() {
                    for (result, notified) in results.iter().zip(&mut notified) {
                        let target_changes =
                            sent.notification.targets.iter().find(|one| one.target_key == result.target_key);
                        update_notified(target_changes, &sent, notified);
                    }
                }
                let error = sent.result.err().map(|error| error.to_string());
                lines.push(NotifiedLine { name: sent.recipient.name, changes, error });
            }
        } else {
            lines.clear();
        }
        for (one, notified) in results.iter_mut().zip(notified) {
            self.save_state(one, notified).await;
        }
        lines
    }

    async fn send_notifications(
        &self,
        recipients: Vec<Recipient>,
        results: &[TargetResult],
        lines: &mut Vec<NotifiedLine>,
    ) -> Vec<SentNotification> {
        if recipients.is_empty() {
            return Vec::new();
        }
        let sender = match Sender::new(RetryPolicy::default()) {
            Ok(sender) => sender,
            Err(error) => {
                let error = error.to_string();
                let line = |one: Recipient| NotifiedLine { name: one.name, changes: 0, error: Some(error.clone()) };
                lines.extend(recipients.into_iter().map(line));
                return Vec::new();
            }
        };
        let sending = recipients.into_iter().map(|recipient| {
            let (sender, letter) = (&sender, build_notification(&recipient, results));
            async move {
                let result = match (letter.changes(), recipient.kind) {
                    (0, RecipientKind::Slack | RecipientKind::Webhook) => Ok(()),
                    _ => sender.send(&recipient, &letter).await,
                };
                SentNotification { recipient, notification: letter, result }
            }
        });
        join_all(sending).await
    }

    /// Saves the check state for the next run, and releases the lease.
    async fn save_state(&self, result: &mut TargetResult, notified: Vec<NotifiedFinding>) {
        let (Some(pending), Some(store)) =
            (result.pending.take().filter(|pending_state| pending_state.is_claimed), self.store)
        else {
            return;
        };
        let PendingState { at: timestamp, previous: before, findings, silenced, evaluated: answered, counters, .. } =
            pending;
        let now: Vec<KnownFinding> =
            findings.iter().map(|finding| known_finding(finding, &before.findings, timestamp)).collect();
        let notified =
            notified.into_iter().filter(|notified_finding| !silenced.contains(&notified_finding.finding_id)).collect();
        let is_over =
            |finding: &KnownFinding| answered.contains(&finding.check) || silenced.contains(&finding.finding_id);
        if let Err(error) = store
            .save_check_state(&result.target_key, &before.advance(timestamp, counters, now, is_over, notified))
            .await
        {
            result.envelope.report_mut().add_unknown("history", "history", &error.to_string());
        }
        self.release_target(&result.target_key).await;
    }
}

fn previously_notified(pending: Option<&PendingState>) -> Vec<NotifiedFinding> {
    pending.map(|pending| pending.previous.notified.clone()).unwrap_or_default()
}

/// What one recipient does not know yet.
fn build_notification(to: &Recipient, results: &[TargetResult]) -> Notification {
    let wants = |class: Class| class == Class::Alert || to.hygiene;
    let remind = SignedDuration::from_secs(i64::try_from(to.remind_seconds).unwrap_or(i64::MAX));
    let pending = || results.iter().filter_map(|result| Some((result, result.pending.as_ref()?)));
    let mut targets: Vec<TargetChanges> = pending()
        .map(|(result, pending)| {
            let known: Vec<KnownFinding> = pending.previous.findings_for(&to.name);
            // What is silenced has not recovered: nothing is said of it at all.
            let known: Vec<KnownFinding> = known
                .into_iter()
                .filter(|finding| wants(finding.class) && !pending.silenced.contains(&finding.finding_id))
                .collect();
            let now: Vec<Finding> = pending.findings.iter().filter(|finding| wants(finding.class)).cloned().collect();
            let answered: BTreeSet<&str> = pending.evaluated.iter().map(String::as_str).collect();
            let changes: Vec<Change> = detect_changes(&known, &now, &answered, pending.at, remind);
            TargetChanges {
                target_key: result.target_key.clone(),
                status: pending.status,
                server: pending.server.clone(),
                changes,
            }
        })
        .filter(|place| !place.changes.is_empty())
        .collect();
    targets.sort_by_key(|place| match place.status {
        Status::Critical => 0,
        Status::Warning => 1,
        Status::Unknown => 2,
        Status::Ok => 3,
    });
    let status = pending().fold(Status::Ok, |all, (_, pending)| all.or_worse(pending.status));
    let timestamp = pending().map(|(_, pending)| pending.at).max().unwrap_or_default();
    Notification { at: timestamp, status, targets }
}

/// What a recipient knows after a letter got through.
fn update_notified(target: Option<&TargetChanges>, sent: &SentNotification, notified: &mut Vec<NotifiedFinding>) {
    let recipient = &sent.recipient.name;
    for change in target.into_iter().flat_map(|place| &place.changes) {
        notified.retain(|notified_finding| {
            notified_finding.recipient != *recipient || notified_finding.finding_id != change.finding_id
        });
        if change.kind != ChangeKind::Recovered {
            notified.push(NotifiedFinding {
                finding_id: change.finding_id.clone(),
                recipient: recipient.clone(),
                at: sent.notification.at,
                level: change.level,
            });
        }
    }
}

fn known_finding(finding: &Finding, previous: &[KnownFinding], timestamp: jiff::Timestamp) -> KnownFinding {
    let id = finding.id();
    let since = previous
        .iter()
        .find(|known_finding| known_finding.finding_id == id)
        .map_or(timestamp, |known_finding| known_finding.since);
    KnownFinding {
        finding_id: id,
        check: finding.check.clone(),
        class: finding.class,
        subject: finding.subject.clone(),
        level: finding.level,
        message: finding.message.clone(),
        since,
        notified: None,
    }
}
