//! Dropping replication slots.

use super::{ActError, Journal, checkpoint::checkpoint};
use crate::{
    inspect::{SecondLook, SlotRecheck, look_again, recheck_slots},
    model::{
        Fact, ServerIdentity, SlotSight, WalPosition,
        past::{Gauge, Intent, Outcome, OutcomeKind},
    },
    pg::{Hand, SqlState, Undone},
    plan::{
        ConfirmedPlan, SlotDrops,
        same_server::describe_differences,
        slot_drop::{Checkpointed, Ended, Ending, SlotDrop, statement},
    },
};
use jiff::Timestamp;

/// Why the dropping statement found no slot: its conditions do not tell one from the other.
const CHANGED: &str = "the slot changed after it was checked, or the statement reached another server";

/// As the journal calls it.
pub const DROP_SLOT: &str = "drop-slot";

/// What came of a plan: every drop of it, in its order.
#[derive(Debug)]
pub struct Done {
    pub ended: Vec<Ended>,
    pub checkpoint: Option<Checkpointed>,
}

struct Work<'a> {
    hand: &'a Hand,
    journal: &'a Journal<'a>,
    now: &'a dyn Fn() -> Timestamp,
    look: SecondLook,
    plan: &'a ConfirmedPlan<SlotDrops>,
}

/// Drops the slots of a plan, each looked at again, written down, and compared in the very statement that drops it.
pub async fn drop_slots(
    plan: ConfirmedPlan<SlotDrops>,
    hand: &Hand,
    journal: &Journal<'_>,
    now: &dyn Fn() -> Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<Done, ActError> {
    let look = Box::pin(look_again(hand.session())).await?;
    if let Some(differences) = describe_differences(&plan.plan().server.identity, &look.identity) {
        return Err(ActError::AnotherServer(differences));
    }
    let work = Work { hand, journal, now, look, plan: &plan };
    let mut ended: Vec<Ended> = Vec::new();
    let mut lost: Option<String> = None;
    for (drop, share) in plan.plan().drops.iter().zip(plan.plan().shares()) {
        let one = match &lost {
            None if stop() => end(drop, Ending::NotTried, "interrupted before its turn"),
            None => Box::pin(work.drop_slot(drop, share)).await,
            Some(why) => end(drop, Ending::NotTried, why.clone()),
        };
        if matches!(one.outcome, Ending::Unknown | Ending::NotTried) && lost.is_none() {
            lost = Some("the connection was lost before its turn".to_owned());
        }
        ended.push(one);
    }
    let dropped = ended.iter().any(|one| one.outcome == Ending::Done);
    let checkpoint = match plan.plan().checkpoint && dropped && lost.is_none() && !stop() {
        true => Some(checkpoint(hand, journal, now, &work.look).await),
        false => None,
    };
    Ok(Done { ended, checkpoint })
}

fn end(drop: &SlotDrop, outcome: Ending, detail: impl Into<String>) -> Ended {
    Ended {
        slot_name: drop.slot.slot_name.clone(),
        outcome,
        detail: Some(detail.into()),
        deed_id: None,
        unjournalled: None,
    }
}

impl Work<'_> {
    async fn drop_slot(&self, drop: &SlotDrop, share: Option<u64>) -> Ended {
        let name = &drop.slot.slot_name;
        let recheck = match recheck_slots(self.hand.session()).await {
            Ok(recheck) => recheck,
            Err(error) => return end(drop, Ending::NotTried, error.to_string()),
        };
        if let Some(why) = self.another_server(&recheck.identity) {
            return end(drop, Ending::Refused, why);
        }
        let SlotRecheck { slots, wal_position, identity } = recheck;
        let sights = match slots {
            Fact::Known(sights) => sights,
            Fact::Unavailable(why) => {
                return end(drop, Ending::Failed, format!("it could not be looked at again: {}", why.reason));
            }
        };
        let Some(sight) = sights.into_iter().find(|sight| sight.slot.slot_name == *name) else {
            return end(drop, Ending::Refused, "it is gone already");
        };
        if let Some(why) = changed(&sight, drop) {
            return end(drop, Ending::Refused, why);
        }
        let statement = statement(&sight, identity.version_num, identity.started_at);
        let intent = self.intent(drop, &sight, &wal_position, share, statement);
        let open = match self.journal.open(&intent).await {
            Ok(open) => open,
            Err(why) => return end(drop, Ending::Refused, format!("the journal cannot be written: {why}")),
        };
        let (outcome, detail) = match self.hand.perform(&intent.statement).await {
            Ok(0) => (Ending::Refused, Some(CHANGED.to_owned())),
            Ok(_) => (Ending::Done, None),
            Err(undone) => self.undone(name, undone).await,
        };
        let kind = match outcome {
            Ending::Done => Some(OutcomeKind::Done),
            Ending::Refused => Some(OutcomeKind::Refused),
            Ending::Failed => Some(OutcomeKind::Failed),
            // Nothing is known, so nothing is written: the intent stays open, and the next start looks.
            Ending::Unknown | Ending::NotTried => None,
        };
        let unjournalled = match kind {
            Some(kind) => {
                open.close(&Outcome { outcome: kind, detail: detail.clone(), finished_at: (self.now)() }).await
            }
            None => None,
        };
        Ended { slot_name: name.clone(), outcome, detail, deed_id: open.deed_id, unjournalled }
    }

    /// What an error means for the slot. These the server raises before it drops anything; any other, a cancellation
    /// among them, may come after: then only looking tells.
    async fn undone(&self, name: &str, undone: Undone) -> (Ending, Option<String>) {
        let (sqlstate, message) = match undone {
            Undone::Refused { sqlstate, message } => (sqlstate, message),
            Undone::Unanswered(_) => return (Ending::Unknown, Some(undone.to_string())),
        };
        if sqlstate == SqlState::OBJECT_IN_USE || sqlstate == SqlState::UNDEFINED_OBJECT {
            return (Ending::Refused, Some(message));
        }
        let before = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::FEATURE_NOT_SUPPORTED,
        ];
        if before.contains(&sqlstate) {
            return (Ending::Failed, Some(message));
        }
        let recheck = recheck_slots(self.hand.session()).await;
        if let Ok(recheck) = &recheck
            && let Some(why) = self.another_server(&recheck.identity)
        {
            return (Ending::Unknown, Some(format!("{message}; {why}")));
        }
        match recheck.map(|recheck| recheck.slots) {
            Ok(Fact::Known(sights)) if sights.iter().any(|sight| sight.slot.slot_name == *name) => {
                (Ending::Failed, Some(format!("{message}; looked again: it is still there")))
            }
            Ok(Fact::Known(_)) => (Ending::Unknown, Some(format!("{message}; looked again: it is gone"))),
            Ok(Fact::Unavailable(why)) => (Ending::Unknown, Some(format!("{message}; {}", why.reason))),
            Err(error) => (Ending::Unknown, Some(format!("{message}; {error}"))),
        }
    }

    /// Why the server that answered is not the planned one.
    fn another_server(&self, identity: &ServerIdentity) -> Option<String> {
        let differences = describe_differences(&self.plan.plan().server.identity, identity)?;
        Some(format!("the connection led to another server than planned: {differences}"))
    }

    fn intent(
        &self,
        drop: &SlotDrop,
        sight: &SlotSight,
        position: &Fact<WalPosition>,
        share: Option<u64>,
        statement: String,
    ) -> Intent {
        let planned = &self.plan.plan().server;
        let seen = serde_json::json!({
            "slot": sight,
            "wal_position": position.known(),
            "plan": drop,
            "consent": self.plan.consent(),
            "server": planned,
            "endpoint": self.hand.session().endpoint().to_string(),
            "timeline_id": self.look.identity.timeline_id,
            "backend": self.look.backend.known(),
        });
        Intent {
            system_identifier: planned.identity.system_identifier.clone(),
            server: self.hand.session().endpoint().to_string(),
            database: planned.database.clone(),
            role: planned.identity.role.clone(),
            kind: DROP_SLOT.to_owned(),
            subject: drop.slot.slot_name.clone(),
            statement,
            seen,
            promised_bytes: share,
            gauge: Some(Gauge::WalDirectory),
            before_bytes: self.look.wal_directory.known().map(|directory| directory.directory_bytes),
            begun_at: (self.now)(),
        }
    }
}

/// Why the slot is not the one that was seen any more.
fn changed(sight: &SlotSight, drop: &SlotDrop) -> Option<String> {
    if sight.slot.active {
        let by = sight.slot.active_pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        return Some(format!("somebody uses it now{by}"));
    }
    let columns = sight.differs_from(&drop.slot);
    (!columns.is_empty()).then(|| format!("it changed since it was looked at: {}", columns.join(", ")))
}
