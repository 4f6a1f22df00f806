//! Dropping replication slots: which, what each holds and frees, what is lost, and which are not dropped and why.

mod reclaimable;
mod refusal;
mod request;
mod statement;
/// How one action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionOutcomeKind {
    /// The server said so.
    Done,
    /// It was no longer what was seen, or could not be journalled; nothing was done.
    Refused,
    /// The server would not; nothing was done.
    Failed,
    /// No answer came, or none that tells. It may have been done.
    Unknown,
    /// The connection was lost before its turn; nothing was done.
    NotTried,
}

/// What came of one drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotDropOutcome {
    pub slot_name: String,
    pub outcome: ActionOutcomeKind,
    /// The server's answer, or the reason.
    pub detail: Option<String>,
    /// Its number in the journal; null when it never came so far, or there is no journal.
    pub journal_id: Option<i64>,
    /// Why the journal does not have the outcome; its intent stays open.
    pub unjournalled: Option<String>,
}

/// What a checkpoint freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointOutcome {
    pub outcome: ActionOutcomeKind,
    pub detail: Option<String>,
    /// The pg_wal directory before the first drop; null when the role may not read it.
    pub before_bytes: Option<u64>,
    pub after_bytes: Option<u64>,
    /// What of it are segments recycled for WAL to come.
    pub recycled_bytes: Option<u64>,
}

/// The statement, as documentation: the slot it makes starts when it runs, not where the old one stood. A logical one is
/// made in its own database.
pub fn recreate_slot_statement(slot: &Slot, major: u32) -> String {
    let name = quote_literal(&slot.slot_name);
    match slot.slot_type {
        SlotType::Physical => {
            let reserve = slot.restart_lsn.is_some() || slot.is_lost();
            format!("SELECT pg_create_physical_replication_slot({name}, {reserve})")
        }
        SlotType::Logical => {
            let plugin = quote_literal(slot.plugin.as_deref().unwrap_or_default());
            let two_phase = slot.two_phase == Some(true);
            let failover = slot.failover == Some(true);
            let further = match (major, two_phase, failover) {
                (17.., _, true) => format!(", false, {two_phase}, true"),
                (14.., true, _) => ", false, true".to_owned(),
                _ => String::new(),
            };
            format!("SELECT pg_create_logical_replication_slot({name}, {plugin}{further})")
        }
    }
}

impl Plan for SlotDrops {
    /// The plan with every drop refused.
    type Unconfirmed = Box<SlotDrops>;

    /// On a terminal a slot goes when its name was typed. Without one it goes when it is stale, lost or empty *and*
    /// was named by the user; `--allow-unproven` waives the proof, never the name.
    fn restrict_to(mut self, consent: &Consent) -> Result<SlotDrops, Box<SlotDrops>> {
        let allow_unproven = self.allow_unproven;
        let refusals_for = |drop: &SlotDrop| match consent {
            Consent::Typed(names) if names.contains(&drop.slot.slot_name) => Vec::new(),
            Consent::Typed(_) => vec![Refusal::NotTyped],
            Consent::Unattended => {
                let proven = matches!(drop.verdict, SlotVerdict::Stale | SlotVerdict::Lost | SlotVerdict::Empty);
                let unproven = (!proven && !allow_unproven).then_some(Refusal::Unproven { verdict: drop.verdict });
                let not_named = (!drop.is_named).then_some(Refusal::NotNamed);
                [unproven, not_named].into_iter().flatten().collect()
            }
        };
        for drop in std::mem::take(&mut self.drops) {
            let refusals = refusals_for(&drop);
            if refusals.is_empty() {
                self.drops.push(drop);
            } else {
                self.refused.push(RefusedDrop { slot_drop: drop, refusals });
            }
        }
        self.update_totals();
        if self.drops.is_empty() { Err(Box::new(self)) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests;

pub use reclaimable::ReclaimableWal;
pub use refusal::Refusal;
pub use request::{SlotDropPlanError, SlotDropRequest};
pub use statement::{drop_slot_statement, server_start_guard};

use crate::actions::{Consent, Plan};
use crate::analysis::slot::{
    Owner, PIPELINE_COST, Protection, Reason, STANDBY_COST, SlotAssessment, SlotEvidence, SlotVerdict,
};
use crate::facts::{ServerIdentity, Slot, SlotType, Snapshot, Unavailable};
use crate::quote::quote_literal;
use jiff::Timestamp;
use serde::Serialize;

/// One slot that is to be dropped, as it was when the plan was made.
#[derive(Clone, Debug, Serialize)]
pub struct SlotDrop {
    /// As it was seen: at the moment of the drop it must still be so.
    pub slot: Slot,
    pub verdict: SlotVerdict,
    pub protection: Option<Protection>,
    pub reasons: Vec<Reason>,
    pub owner: Option<Owner>,
    /// What it costs its owner.
    pub cost: String,
    /// Bytes of WAL from its position to now.
    pub retained_bytes: Option<u64>,
    /// What is freed when this slot alone goes.
    pub reclaimable: ReclaimableWal,
    /// The statement that makes an empty slot of the same name and kind. It starts now, not where this one stood.
    pub recreate_statement: String,
    /// Named on the command line or as droppable, not merely found to be stale.
    #[serde(skip)]
    pub is_named: bool,
}

/// A slot that was asked for and is not dropped.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedDrop {
    #[serde(flatten)]
    pub slot_drop: SlotDrop,
    pub refusals: Vec<Refusal>,
}

/// Which server the plan is for. Another one is not touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedServer {
    #[serde(flatten)]
    pub identity: ServerIdentity,
    pub database: String,
    pub collected_at: Timestamp,
}

/// The plan.
#[derive(Clone, Debug, Serialize)]
pub struct SlotDrops {
    pub server: PlannedServer,
    /// In the order they are dropped: whoever holds WAL back furthest first.
    pub drops: Vec<SlotDrop>,
    /// What all of them together free.
    pub total_reclaimable: ReclaimableWal,
    pub refused: Vec<RefusedDrop>,
    /// `--checkpoint`: one is run when they are gone.
    pub checkpoint: bool,
    pub checkpoint_timeout_seconds: Option<u64>,
    #[serde(skip)]
    pub(super) allow_unproven: bool,
    /// What frees depends on, kept for the part of the plan that is confirmed.
    #[serde(skip)]
    pub(super) reclaim_estimator: reclaimable::ReclaimEstimator,
}

impl SlotDrops {
    /// Plans for the slots that were asked for. A plan without drops says why.
    pub fn new(evidence: &SlotEvidence, request: &SlotDropRequest) -> Result<SlotDrops, SlotDropPlanError> {
        let snapshot = evidence.snapshot;
        let slots =
            snapshot.slots.as_result().map_err(|why: &Unavailable| SlotDropPlanError::Unreadable(why.clone()))?;
        let requested = request.requested_slots(evidence, slots)?;
        request.check_privileges(snapshot)?;
        let reclaim_estimator = reclaimable::ReclaimEstimator::from_snapshot(snapshot);
        let (mut drops, mut refused) = (Vec::new(), Vec::new());
        for (slot, assessment) in requested {
            let refusals = refusal::collect_refusals(slot, &assessment, request, snapshot);
            let drop = plan_slot_drop(slot, assessment, request, snapshot, &reclaim_estimator);
            if refusals.is_empty() { drops.push(drop) } else { refused.push(RefusedDrop { slot_drop: drop, refusals }) }
        }
        let server = &snapshot.server;
        let settings = snapshot.settings.known();
        let mut plan = SlotDrops {
            server: PlannedServer {
                identity: ServerIdentity::new(server, snapshot.control.known(), snapshot.instance.known()),
                database: server.database.clone(),
                collected_at: snapshot.collected_at,
            },
            total_reclaimable: ReclaimableWal::default(),
            drops,
            refused,
            checkpoint: request.checkpoint,
            checkpoint_timeout_seconds: settings
                .and_then(|settings| settings.text("checkpoint_timeout"))
                .and_then(|text| text.parse().ok()),
            allow_unproven: request.allow_unproven,
            reclaim_estimator,
        };
        plan.update_totals();
        Ok(plan)
    }

    /// Orders the drops and adds up what they free.
    fn update_totals(&mut self) {
        self.drops.sort_by(|a, b| {
            let from = |drop: &SlotDrop| drop.slot.retained_from().map_or(u64::MAX, |lsn| lsn.0);
            from(a).cmp(&from(b)).then_with(|| a.slot.slot_name.cmp(&b.slot.slot_name))
        });
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        self.total_reclaimable = self.reclaim_estimator.reclaimable_by_dropping(&slots);
    }

    /// What each drop frees when those before it are gone; these add up to what all free together.
    pub fn reclaimable_per_drop(&self) -> Vec<Option<u64>> {
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        let upto = |count: usize| self.reclaim_estimator.reclaimable_by_dropping(&slots[..count]).at_checkpoint_bytes;
        (0..slots.len()).map(|at| Some(upto(at + 1)?.saturating_sub(upto(at)?))).collect()
    }

    /// Why what is freed is not known, or not all of it.
    pub fn missing_fact(&self) -> Option<Unavailable> {
        self.reclaim_estimator.missing_fact()
    }

    /// The names of those that are dropped, in the order of the plan.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.drops.iter().map(|drop| drop.slot.slot_name.as_str())
    }
}

fn plan_slot_drop(
    slot: &Slot,
    assessment: SlotAssessment,
    request: &SlotDropRequest,
    snapshot: &Snapshot,
    reclaim_estimator: &reclaimable::ReclaimEstimator,
) -> SlotDrop {
    let generic = match slot.slot_type {
        SlotType::Physical => STANDBY_COST,
        SlotType::Logical => PIPELINE_COST,
    };
    SlotDrop {
        cost: assessment.owner.as_ref().map_or(generic, |owner| &owner.cost).to_owned(),
        verdict: assessment.verdict,
        protection: assessment.protection,
        reasons: assessment.reasons,
        owner: assessment.owner,
        retained_bytes: match slot.retained_from() {
            Some(from) => snapshot.current_lsn().map(|now| now.bytes_since(from)),
            None => Some(0),
        },
        reclaimable: reclaim_estimator.reclaimable_by_dropping(&[slot]),
        recreate_statement: recreate_slot_statement(slot, snapshot.server.major()),
        is_named: request.is_named(&slot.slot_name),
        slot: slot.clone(),
    }
}
