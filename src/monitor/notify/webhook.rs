//! The changes as JSON for any HTTP endpoint.

use super::notification::{Notification, format_change};
use crate::facts::history::{Change, ChangeKind};
use crate::render::format_message;
use serde_json::{Value, json};

pub fn webhook_body(notification: &Notification) -> Value {
    let targets: Vec<Value> = notification
        .targets
        .iter()
        .map(|place| {
            let changes: Vec<Value> = place.changes.iter().map(|change| change_json(change, notification)).collect();
            json!({"target": place.target_key, "status": place.status, "changes": changes})
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

fn change_json(one: &Change, notification: &Notification) -> Value {
    let kind = match one.kind {
        ChangeKind::New => "new",
        ChangeKind::Worse => "worse",
        ChangeKind::Reminder => "reminder",
        ChangeKind::Recovered => "recovered",
    };
    json!({
        "change": kind,
        "id": one.finding_id,
        "check": one.check,
        "subject": one.subject,
        "status": one.level.name(),
        "since": one.since,
        "message": format_message(&one.message),
        "advice": one.advice.as_ref().map(format_message).filter(|advice| !advice.is_empty()),
        "line": format_change(one, notification.at),
    })
}
