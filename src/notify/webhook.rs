//! The changes as JSON, for whatever takes a POST.

use super::letter::{Letter, line};
use crate::{
    model::past::{Change, ChangeKind},
    render::sentence,
};
use serde_json::{Value, json};

pub fn body(letter: &Letter) -> Value {
    let targets: Vec<Value> = letter
        .places
        .iter()
        .map(|place| {
            let changes: Vec<Value> = place.changes.iter().map(|one| change(one, letter)).collect();
            json!({"target": place.place, "status": place.status, "changes": changes})
        })
        .collect();
    json!({
        "schema_version": 1,
        "command": "check",
        "at": letter.at,
        "status": letter.status,
        "title": letter.title(),
        "targets": targets,
    })
}

fn change(one: &Change, letter: &Letter) -> Value {
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
        "message": sentence(&one.message),
        "advice": one.advice.as_ref().map(sentence).filter(|advice| !advice.is_empty()),
        "line": line(one, letter.at),
    })
}
