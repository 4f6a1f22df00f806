//! Dropping replication slots.

use super::checkpoint::run_checkpoint;
use crate::actions::ActionError;
use crate::actions::ConfirmedPlan;
use crate::actions::Journal;
use crate::actions::drop_slot::SlotDrops;
use crate::actions::drop_slot::plan::{
    ActionOutcomeKind, CheckpointOutcome, SlotDrop, SlotDropOutcome, drop_slot_statement,
};
use crate::actions::same_server::describe_differences;
use crate::collect::{ServerRecheck, SlotRecheck, recheck_server, recheck_slots};
use crate::facts::history::{Intent, JournalOutcome, JournalOutcomeKind, MeasuredQuantity};
use crate::facts::{Fact, ServerIdentity, Slot, SlotIdentity, WalPosition};
use crate::postgres::{ExecuteError, SqlState, WriteSession};
use jiff::Timestamp;

/// Detail of a drop whose statement matched no slot. The statement does not tell which of its conditions failed.
const SLOT_CHANGED: &str = "the slot changed after it was checked, or the statement reached another server";

/// Name of the action in the journal.
pub const DROP_SLOT_ACTION: &str = "drop-slot";

/// Result of a plan.
#[derive(Debug)]
pub struct SlotDropsResult {
    /// Outcomes of all drops in the order of the plan.
    pub outcomes: Vec<SlotDropOutcome>,
    /// Outcome of the checkpoint; `None` when none was requested, or it was not reached.
    pub checkpoint: Option<CheckpointOutcome>,
}

struct SlotDropExecution<'a> {
    write_session: &'a WriteSession,
    journal: &'a Journal<'a>,
    now: &'a dyn Fn() -> Timestamp,
    server_recheck: ServerRecheck,
    plan: &'a ConfirmedPlan<SlotDrops>,
}

/// Drops the slots of a plan. Each slot is checked again, the intent is journalled, and the dropping statement compares
/// the slot once more.
pub async fn execute_slot_drops(
    plan: ConfirmedPlan<SlotDrops>,
    write_session: &WriteSession,
    journal: &Journal<'_>,
    now: &dyn Fn() -> Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<SlotDropsResult, ActionError> {
    let server_recheck = Box::pin(recheck_server(write_session.session())).await?;
    if let Some(differences) = describe_differences(&plan.plan().server.identity, &server_recheck.identity) {
        return Err(ActionError::AnotherServer(differences));
    }
    let execution = SlotDropExecution { write_session, journal, now, server_recheck, plan: &plan };
    let mut outcomes: Vec<SlotDropOutcome> = Vec::new();
    let mut lost_reason: Option<String> = None;
    for (drop, reclaimable_bytes) in plan.plan().drops.iter().zip(plan.plan().reclaimable_per_drop()) {
        let outcome = match &lost_reason {
            None if stop() => slot_drop_outcome(drop, ActionOutcomeKind::NotTried, "interrupted before this drop"),
            None => Box::pin(execution.drop_slot(drop, reclaimable_bytes)).await,
            Some(why) => slot_drop_outcome(drop, ActionOutcomeKind::NotTried, why.clone()),
        };
        if matches!(outcome.outcome, ActionOutcomeKind::Unknown | ActionOutcomeKind::NotTried) && lost_reason.is_none()
        {
            lost_reason = Some("the connection was lost before this drop".to_owned());
        }
        outcomes.push(outcome);
    }
    let dropped = outcomes.iter().any(|slot_drop_outcome| slot_drop_outcome.outcome == ActionOutcomeKind::Done);
    let checkpoint = match plan.plan().checkpoint && dropped && lost_reason.is_none() && !stop() {
        true => Some(run_checkpoint(write_session, journal, now, &execution.server_recheck).await),
        false => None,
    };
    Ok(SlotDropsResult { outcomes, checkpoint })
}

fn slot_drop_outcome(drop: &SlotDrop, outcome: ActionOutcomeKind, detail: impl Into<String>) -> SlotDropOutcome {
    SlotDropOutcome {
        slot_name: drop.slot.slot_name.clone(),
        outcome,
        detail: Some(detail.into()),
        journal_id: None,
        unjournalled: None,
    }
}

impl SlotDropExecution<'_> {
    async fn drop_slot(&self, drop: &SlotDrop, reclaimable_bytes: Option<u64>) -> SlotDropOutcome {
        let name = &drop.slot.slot_name;
        let recheck = match recheck_slots(self.write_session.session()).await {
            Ok(recheck) => recheck,
            Err(error) => return slot_drop_outcome(drop, ActionOutcomeKind::NotTried, error.to_string()),
        };
        if let Some(why) = self.describe_other_server(&recheck.identity) {
            return slot_drop_outcome(drop, ActionOutcomeKind::Refused, why);
        }
        let SlotRecheck { slots, walsenders, wal_position, identity } = recheck;
        let slot_identities = match slots {
            Fact::Known(sights) => sights,
            Fact::Unavailable(why) => {
                return slot_drop_outcome(
                    drop,
                    ActionOutcomeKind::Failed,
                    format!("the slot could not be re-checked: {}", why.reason),
                );
            }
        };
        let slots: Vec<Slot> = slot_identities.iter().map(|sight| sight.slot.clone()).collect();
        let Some(slot_identity) = slot_identities.into_iter().find(|sight| sight.slot.slot_name == *name) else {
            return slot_drop_outcome(drop, ActionOutcomeKind::Refused, "the slot does not exist any more");
        };
        if let Some(why) = describe_change(&slot_identity, drop) {
            return slot_drop_outcome(drop, ActionOutcomeKind::Refused, why);
        }
        let plan = self.plan.plan();
        if let Some(why) = plan.recheck_logical_decoding(name, self.plan.consent(), &slots, &walsenders) {
            return slot_drop_outcome(drop, ActionOutcomeKind::Refused, why);
        }
        let statement = drop_slot_statement(&slot_identity, identity.version_num, identity.started_at);
        let intent = self.build_intent(drop, &slot_identity, &wal_position, reclaimable_bytes, statement);
        let entry = match self.journal.open(&intent).await {
            Ok(open) => open,
            Err(why) => {
                return slot_drop_outcome(
                    drop,
                    ActionOutcomeKind::Refused,
                    format!("the journal cannot be written: {why}"),
                );
            }
        };
        let (outcome, detail) = match self.write_session.execute(&intent.statement).await {
            Ok(0) => (ActionOutcomeKind::Refused, Some(SLOT_CHANGED.to_owned())),
            Ok(_) => (ActionOutcomeKind::Done, None),
            Err(undone) => self.classify_error(name, undone).await,
        };
        let kind = match outcome {
            ActionOutcomeKind::Done => Some(JournalOutcomeKind::Done),
            ActionOutcomeKind::Refused => Some(JournalOutcomeKind::Refused),
            ActionOutcomeKind::Failed => Some(JournalOutcomeKind::Failed),
            // The outcome is unknown and not journalled. The intent stays open, and the next run reads the server.
            ActionOutcomeKind::Unknown | ActionOutcomeKind::NotTried => None,
        };
        let unjournalled = match kind {
            Some(kind) => {
                entry.close(&JournalOutcome { outcome: kind, detail: detail.clone(), finished_at: (self.now)() }).await
            }
            None => None,
        };
        SlotDropOutcome { slot_name: name.clone(), outcome, detail, journal_id: entry.journal_id, unjournalled }
    }

    /// Returns what an error means for the slot. These errors are raised before the server drops anything. Any other,
    /// including a cancellation, may follow the drop; then the slots are read again.
    async fn classify_error(&self, name: &str, undone: ExecuteError) -> (ActionOutcomeKind, Option<String>) {
        let (sqlstate, message) = match undone {
            ExecuteError::Refused { sqlstate, message } => (sqlstate, message),
            ExecuteError::NoResponse(_) => return (ActionOutcomeKind::Unknown, Some(undone.to_string())),
        };
        if sqlstate == SqlState::OBJECT_IN_USE || sqlstate == SqlState::UNDEFINED_OBJECT {
            return (ActionOutcomeKind::Refused, Some(message));
        }
        let not_executed_codes = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::FEATURE_NOT_SUPPORTED,
        ];
        if not_executed_codes.contains(&sqlstate) {
            return (ActionOutcomeKind::Failed, Some(message));
        }
        let recheck = recheck_slots(self.write_session.session()).await;
        if let Ok(recheck) = &recheck
            && let Some(why) = self.describe_other_server(&recheck.identity)
        {
            return (ActionOutcomeKind::Unknown, Some(format!("{message}; {why}")));
        }
        match recheck.map(|recheck| recheck.slots) {
            Ok(Fact::Known(sights)) if sights.iter().any(|sight| sight.slot.slot_name == *name) => {
                (ActionOutcomeKind::Failed, Some(format!("{message}; checked again: the slot still exists")))
            }
            Ok(Fact::Known(_)) => (
                ActionOutcomeKind::Unknown,
                Some(format!("{message}; checked again: the slot does not exist any more")),
            ),
            Ok(Fact::Unavailable(why)) => (ActionOutcomeKind::Unknown, Some(format!("{message}; {}", why.reason))),
            Err(error) => (ActionOutcomeKind::Unknown, Some(format!("{message}; {error}"))),
        }
    }

    /// Returns why the connected server is not the planned one; `None` when it is.
    fn describe_other_server(&self, identity: &ServerIdentity) -> Option<String> {
        let differences = describe_differences(&self.plan.plan().server.identity, identity)?;
        Some(format!("the connection reached a different server than planned: {differences}"))
    }

    fn build_intent(
        &self,
        drop: &SlotDrop,
        slot_identity: &SlotIdentity,
        position: &Fact<WalPosition>,
        reclaimable_bytes: Option<u64>,
        statement: String,
    ) -> Intent {
        let planned = &self.plan.plan().server;
        let seen = serde_json::json!({
            "slot": slot_identity,
            "wal_position": position.known(),
            "plan": drop,
            "consent": self.plan.consent(),
            "server": planned,
            "endpoint": self.write_session.session().endpoint().to_string(),
            "timeline_id": self.server_recheck.identity.timeline_id,
            "backend": self.server_recheck.backend.known(),
        });
        Intent {
            system_identifier: planned.identity.system_identifier.clone(),
            server: self.write_session.session().endpoint().to_string(),
            database: planned.database.clone(),
            role: planned.identity.role.clone(),
            kind: DROP_SLOT_ACTION.to_owned(),
            subject: drop.slot.slot_name.clone(),
            statement,
            seen,
            promised_bytes: reclaimable_bytes,
            quantity: Some(MeasuredQuantity::WalDirectory),
            before_bytes: self.server_recheck.wal_directory.known().map(|directory| directory.directory_bytes),
            begun_at: (self.now)(),
        }
    }
}

/// Returns how the slot differs from the planned one; `None` when it does not.
fn describe_change(slot_identity: &SlotIdentity, drop: &SlotDrop) -> Option<String> {
    if slot_identity.slot.active {
        let by = slot_identity.slot.active_pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        return Some(format!("the slot is now active{by}"));
    }
    let columns = slot_identity.differs_from(&drop.slot);
    (!columns.is_empty()).then(|| format!("the slot has changed since the plan: {}", columns.join(", ")))
}
