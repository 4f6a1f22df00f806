//! Telling people, and other programs, what changed: Slack's incoming webhooks, plain JSON, and a heartbeat.

mod notification;
mod send;
mod slack;
mod webhook;

pub use notification::{Notification, TargetChanges};
pub use send::{NotifyError, RetryPolicy, Sender};

/// In which form a recipient is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientKind {
    /// An incoming webhook of Slack, or of what understands its messages.
    Slack,
    /// The changes as JSON.
    Webhook,
    /// Pinged after every run: whoever misses the ping raises the alarm.
    Heartbeat,
}

/// Who is told, and how.
#[derive(Clone)]
pub struct Recipient {
    pub name: String,
    pub kind: RecipientKind,
    /// Often a secret by itself; it shows in no message.
    pub url: String,
    /// What lasts is told again after so many seconds.
    pub remind_seconds: u64,
    /// Hygiene is told, too.
    pub hygiene: bool,
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl RecipientKind {
    /// What is sent; `None` for a bare ping.
    fn body(self, notification: &Notification) -> Option<serde_json::Value> {
        match self {
            RecipientKind::Slack => Some(slack::slack_body(notification)),
            RecipientKind::Webhook => Some(webhook::webhook_body(notification)),
            RecipientKind::Heartbeat => None,
        }
    }
}
