//! The changes as JSON for any HTTP endpoint.

use super::notification::{Notification, format_change};
use crate::facts::history::{Change, ChangeKind};
use crate::render::format_message;
use serde_json::{Value, json};

pub fn webhook_body(notification: &Notification) -> Value {
    let targets: Vec<Value> = notification
        .targets
        .iter()
        .map(|target| {
            let changes: Vec<Value> = target.changes.iter().map(|change| change_json(change, notification)).collect();
            json!({"target": target.target_key, "status": target.status, "changes": changes})
        })
        .collect();
    json!({
        "schema_version": 1,
        "command": "check",
        "at": notification.at,
        "status": notification.status,
        "title": notification.title(),
        "targets": targets,
    })
}

fn change_json(change: &Change, notification: &Notification) -> Value {
    let kind = match change.kind {
        ChangeKind::New => "new",
        ChangeKind::Worse => "worse",
        ChangeKind::Reminder => "reminder",
        ChangeKind::Recovered => "recovered",
    };
    json!({
        "change": kind,
        "id": change.finding_id,
        "check": change.check,
        "subject": change.subject,
        "status": change.level.name(),
        "since": change.since,
        "message": format_message(&change.message),
        "advice": change.advice.as_ref().map(format_message).filter(|advice| !advice.is_empty()),
        "line": format_change(change, notification.at),
    })
}
