//! Notifications of changes: Slack's incoming webhooks, plain JSON, and a heartbeat.

mod notification;
mod send;
mod slack;
mod webhook;

pub use notification::{Notification, TargetChanges};
pub use send::{NotifyError, RetryPolicy, Sender};

/// Format of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientKind {
    /// An incoming webhook of Slack, or of a service that accepts Slack's messages.
    Slack,
    /// An HTTP endpoint that receives the changes as JSON.
    Webhook,
    /// URL that is requested after every run. The monitoring service alerts when a request is missing.
    Heartbeat,
}

/// Recipient of notifications.
#[derive(Clone)]
pub struct Recipient {
    /// Name in the configuration.
    pub name: String,
    /// Format.
    pub kind: RecipientKind,
    /// URL. It is often a secret, so no message contains it.
    pub url: String,
    /// Interval in seconds after which an unresolved finding is sent again.
    pub remind_seconds: u64,
    /// Whether hygiene findings are sent too.
    pub hygiene: bool,
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl RecipientKind {
    /// Returns the body; `None` for a heartbeat.
    fn body(self, notification: &Notification) -> Option<serde_json::Value> {
        match self {
            RecipientKind::Slack => Some(slack::slack_body(notification)),
            RecipientKind::Webhook => Some(webhook::webhook_body(notification)),
            RecipientKind::Heartbeat => None,
        }
    }
}
