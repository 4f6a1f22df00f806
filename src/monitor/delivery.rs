//! Sends the notifications of a run, once for all targets, and saves the check states for the next run.

use super::Monitor;
use super::change::{add_delivered, build_notification};
use super::notify::{Notification, NotifyError, Recipient, RecipientKind, RetryPolicy, Sender};
use super::target::TargetResult;
use crate::facts::history::NotifiedFinding;
use crate::report::NotifiedLine;
use futures_util::future::join_all;
use std::collections::BTreeSet;

/// Name of a configured recipient, and the recipient or the reason why its URL could not be read.
pub type ConfiguredRecipient<'a> = (&'a str, Result<Recipient, String>);

/// One recipient with its notification, and the result of sending it.
struct SentNotification {
    recipient: Recipient,
    notification: Notification,
    result: Result<(), NotifyError>,
}

impl Monitor<'_> {
    /// Notifies each recipient of its changes unless `is_wanted` is false, then saves each check state. Returns one line
    /// per recipient.
    pub async fn notify_changes(
        &self,
        results: &mut [TargetResult],
        configured: Vec<ConfiguredRecipient<'_>>,
        is_wanted: bool,
    ) -> Vec<NotifiedLine> {
        let names: BTreeSet<&str> = configured.iter().map(|(name, _)| *name).collect();
        let mut notified: Vec<Vec<NotifiedFinding>> =
            results.iter().map(|result| previously_notified(result, &names)).collect();
        let mut lines = Vec::new();
        if is_wanted {
            let mut recipients = Vec::new();
            for (name, recipient) in configured {
                match recipient {
                    Ok(recipient) => recipients.push(recipient),
                    Err(why) => lines.push(NotifiedLine { name: name.to_owned(), changes: 0, error: Some(why) }),
                }
            }
            for sent in send_notifications(recipients, results, &mut lines).await {
                let SentNotification { recipient, notification, result } = sent;
                if result.is_ok() {
                    for (result, notified) in results.iter().zip(&mut notified) {
                        let target = notification.targets.iter().find(|target| target.target_key == result.target_key);
                        add_delivered(target, &recipient.name, &notification, notified);
                    }
                }
                let error = result.err().map(|error| error.to_string());
                lines.push(NotifiedLine { name: recipient.name, changes: notification.changes(), error });
            }
        }
        for (result, notified) in results.iter_mut().zip(notified) {
            let pending = result.pending.take();
            if let Err(error) = self.save_state(&result.target_key, pending, notified).await {
                result.envelope.report_mut().add_unknown("history", "history", &error.to_string());
            }
        }
        lines
    }
}

/// Returns the findings that earlier runs notified, without those of recipients that are no longer configured.
fn previously_notified(result: &TargetResult, names: &BTreeSet<&str>) -> Vec<NotifiedFinding> {
    let mut notified = result.pending.as_ref().map(|pending| pending.previous.notified.clone()).unwrap_or_default();
    notified.retain(|notified_finding| names.contains(notified_finding.recipient.as_str()));
    notified
}

async fn send_notifications(
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
            let line =
                |recipient: Recipient| NotifiedLine { name: recipient.name, changes: 0, error: Some(error.clone()) };
            lines.extend(recipients.into_iter().map(line));
            return Vec::new();
        }
    };
    let sending = recipients.into_iter().map(|recipient| {
        let (sender, notification) = (&sender, build_notification(&recipient, results));
        async move {
            let result = match (notification.changes(), recipient.kind) {
                (0, RecipientKind::Slack | RecipientKind::Webhook) => Ok(()),
                _ => sender.send(&recipient, &notification).await,
            };
            SentNotification { recipient, notification, result }
        }
    });
    join_all(sending).await
}
