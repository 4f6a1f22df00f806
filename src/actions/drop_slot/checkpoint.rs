//! A checkpoint, which removes WAL that nothing retains any more.

use crate::actions::Journal;
use crate::actions::drop_slot::plan::{ActionOutcomeKind, CheckpointOutcome, server_start_guard};
use crate::collect::{ServerRecheck, read_wal_directory};
use crate::facts::history::{Intent, JournalOutcome, JournalOutcomeKind};
use crate::postgres::{ExecuteError, SqlState, WriteSession};
use jiff::Timestamp;

/// Name of the action in the journal.
pub const CHECKPOINT_ACTION: &str = "checkpoint";

/// Runs a checkpoint and measures `pg_wal` after it. `recheck` has the size before the first drop.
pub async fn run_checkpoint(
    write_session: &WriteSession,
    journal: &Journal<'_>,
    now: &dyn Fn() -> Timestamp,
    recheck: &ServerRecheck,
) -> CheckpointOutcome {
    let before_bytes = recheck.wal_directory.known().map(|directory| directory.directory_bytes);
    let unmeasured = |outcome, detail: String| CheckpointOutcome {
        outcome,
        detail: Some(detail),
        before_bytes,
        after_bytes: None,
        recycled_bytes: None,
    };
    let intent = Intent {
        system_identifier: recheck.control.known().map(|control| control.system_identifier.clone()),
        server: write_session.session().endpoint().to_string(),
        database: recheck.server.database.clone(),
        role: recheck.server.role.clone(),
        kind: CHECKPOINT_ACTION.to_owned(),
        subject: "pg_wal".to_owned(),
        statement: "CHECKPOINT".to_owned(),
        seen: serde_json::json!({ "backend": recheck.backend.known(), "server": recheck.identity }),
        promised_bytes: None,
        quantity: None,
        before_bytes,
        begun_at: now(),
    };
    let entry = match journal.open(&intent).await {
        Ok(open) => open,
        Err(why) => return unmeasured(ActionOutcomeKind::Refused, format!("the journal cannot be written: {why}")),
    };
    let guard = server_start_guard(recheck.identity.started_at);
    let outcome = match write_session.execute_guarded(&guard, &intent.statement).await {
        Ok(()) => JournalOutcome { outcome: JournalOutcomeKind::Done, detail: None, finished_at: now() },
        Err(ExecuteError::Refused { sqlstate: SqlState::DIVISION_BY_ZERO, .. }) => {
            let detail = Some("the connection reached a different server than planned".to_owned());
            JournalOutcome { outcome: JournalOutcomeKind::Refused, detail, finished_at: now() }
        }
        Err(undone @ ExecuteError::Refused { .. }) => {
            JournalOutcome { outcome: JournalOutcomeKind::Failed, detail: Some(undone.to_string()), finished_at: now() }
        }
        Err(undone) => return unmeasured(ActionOutcomeKind::Unknown, undone.to_string()),
    };
    let unjournalled = entry.close(&outcome).await;
    if outcome.outcome != JournalOutcomeKind::Done {
        let is_refused = outcome.outcome == JournalOutcomeKind::Refused;
        let outcome_kind = if is_refused { ActionOutcomeKind::Refused } else { ActionOutcomeKind::Failed };
        return unmeasured(outcome_kind, outcome.detail.unwrap_or_default());
    }
    let after = read_wal_directory(write_session.session()).await;
    let after = after.as_ref().ok().and_then(|directory| directory.known());
    CheckpointOutcome {
        outcome: ActionOutcomeKind::Done,
        detail: unjournalled,
        before_bytes,
        after_bytes: after.map(|directory| directory.directory_bytes),
        recycled_bytes: after.map(|directory| directory.recycled_bytes),
    }
}
