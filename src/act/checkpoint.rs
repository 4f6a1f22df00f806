//! A checkpoint, which removes the WAL that nobody keeps any more.

use super::Journal;
use crate::{
    inspect::{SecondLook, wal_directory},
    model::past::{Intent, Outcome, OutcomeKind},
    pg::{Hand, SqlState, Undone},
    plan::slot_drop::{Checkpointed, Ending, require_start},
};
use jiff::Timestamp;

/// As the journal calls it.
pub const CHECKPOINT: &str = "checkpoint";

/// Runs one and measures pg_wal after it; `before` was taken before anything was dropped.
pub async fn checkpoint(
    hand: &Hand,
    journal: &Journal<'_>,
    now: &dyn Fn() -> Timestamp,
    before: &SecondLook,
) -> Checkpointed {
    let before_bytes = before.wal_directory.known().map(|directory| directory.directory_bytes);
    let unmeasured = |outcome, detail: String| Checkpointed {
        outcome,
        detail: Some(detail),
        before_bytes,
        after_bytes: None,
        recycled_bytes: None,
    };
    let intent = Intent {
        system_identifier: before.control.known().map(|control| control.system_identifier.clone()),
        server: hand.session().endpoint().to_string(),
        database: before.server.database.clone(),
        role: before.server.role.clone(),
        kind: CHECKPOINT.to_owned(),
        subject: "pg_wal".to_owned(),
        statement: "CHECKPOINT".to_owned(),
        seen: serde_json::json!({ "backend": before.backend.known(), "server": before.identity }),
        promised_bytes: None,
        gauge: None,
        before_bytes,
        begun_at: now(),
    };
    let open = match journal.open(&intent).await {
        Ok(open) => open,
        Err(why) => return unmeasured(Ending::Refused, format!("the journal cannot be written: {why}")),
    };
    let guard = require_start(before.identity.started_at);
    let outcome = match hand.perform_alone(&guard, &intent.statement).await {
        Ok(()) => Outcome { outcome: OutcomeKind::Done, detail: None, finished_at: now() },
        Err(Undone::Refused { sqlstate: SqlState::DIVISION_BY_ZERO, .. }) => {
            let detail = Some("the connection led to another server than planned".to_owned());
            Outcome { outcome: OutcomeKind::Refused, detail, finished_at: now() }
        }
        Err(undone @ Undone::Refused { .. }) => {
            Outcome { outcome: OutcomeKind::Failed, detail: Some(undone.to_string()), finished_at: now() }
        }
        Err(undone) => return unmeasured(Ending::Unknown, undone.to_string()),
    };
    let unjournalled = open.close(&outcome).await;
    if outcome.outcome != OutcomeKind::Done {
        let is_refused = outcome.outcome == OutcomeKind::Refused;
        let ending = if is_refused { Ending::Refused } else { Ending::Failed };
        return unmeasured(ending, outcome.detail.unwrap_or_default());
    }
    let after = wal_directory(hand.session()).await;
    let after = after.as_ref().ok().and_then(|directory| directory.known());
    Checkpointed {
        outcome: Ending::Done,
        detail: unjournalled,
        before_bytes,
        after_bytes: after.map(|directory| directory.directory_bytes),
        recycled_bytes: after.map(|directory| directory.recycled_bytes),
    }
}
