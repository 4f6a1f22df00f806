//! Dropping replication slots: which, what each holds and frees, what is lost, and which are not dropped and why.

mod asked;
mod covered;
mod ended;
mod freed;
mod refusal;
mod statement;
mod successor;
#[cfg(test)]
mod tests;

pub use asked::{Asked, Impossible};
pub use ended::{Checkpointed, Ended, Ending};
pub use freed::Freed;
pub use refusal::Refusal;
pub use statement::{require_start, statement};
pub use successor::successor;

use crate::{
    judge::slot::{Evidence, Judgement, Owner, PIPELINE_COST, Protection, Reason, STANDBY_COST, Verdict},
    model::{ServerIdentity, Slot, SlotType, Snapshot, Unavailable},
};
use jiff::Timestamp;
use serde::Serialize;

/// One slot that is to be dropped, as it was when the plan was made.
#[derive(Clone, Debug, Serialize)]
pub struct SlotDrop {
    /// As it was seen: at the moment of the drop it must still be so.
    pub slot: Slot,
    pub verdict: Verdict,
    pub protection: Option<Protection>,
    pub reasons: Vec<Reason>,
    pub owner: Option<Owner>,
    /// What it costs its owner.
    pub cost: String,
    /// Bytes of WAL from its position to now.
    pub holds_bytes: Option<u64>,
    /// What is freed when this slot alone goes.
    pub frees: Freed,
    /// The statement that makes an empty slot of the same name and kind. It starts now, not where this one stood.
    pub successor: String,
    /// Named on the command line or as droppable, not merely found to be stale.
    #[serde(skip)]
    pub is_named: bool,
}

/// A slot that was asked for and is not dropped.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedDrop {
    #[serde(flatten)]
    pub of: SlotDrop,
    pub refusals: Vec<Refusal>,
}

/// Which server the plan is for. Another one is not touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedServer {
    #[serde(flatten)]
    pub identity: ServerIdentity,
    pub database: String,
    pub looked_at: Timestamp,
}

/// The plan.
#[derive(Clone, Debug, Serialize)]
pub struct SlotDrops {
    pub server: PlannedServer,
    /// In the order they are dropped: whoever holds WAL back furthest first.
    pub drops: Vec<SlotDrop>,
    /// What all of them together free.
    pub together: Freed,
    pub refused: Vec<RefusedDrop>,
    /// `--checkpoint`: one is run when they are gone.
    pub checkpoint: bool,
    pub checkpoint_timeout_seconds: Option<u64>,
    #[serde(skip)]
    pub(super) allow_unproven: bool,
    /// What frees depends on, kept for the part of the plan that is confirmed.
    #[serde(skip)]
    pub(super) freeing: freed::Freeing,
}

impl SlotDrops {
    /// Plans for the slots that were asked for. A plan without drops says why.
    pub fn of(evidence: &Evidence, asked: &Asked) -> Result<SlotDrops, Impossible> {
        let snapshot = evidence.snapshot;
        let slots = snapshot.slots.as_result().map_err(|why: &Unavailable| Impossible::Unreadable(why.clone()))?;
        let wanted = asked.wanted(evidence, slots)?;
        asked.may(snapshot)?;
        let freeing = freed::Freeing::of(snapshot);
        let (mut drops, mut refused) = (Vec::new(), Vec::new());
        for (slot, judgement) in wanted {
            let refusals = refusal::refusals(slot, &judgement, asked, snapshot);
            let drop = slot_drop(slot, judgement, asked, snapshot, &freeing);
            if refusals.is_empty() { drops.push(drop) } else { refused.push(RefusedDrop { of: drop, refusals }) }
        }
        let server = &snapshot.server;
        let settings = snapshot.settings.known();
        let mut plan = SlotDrops {
            server: PlannedServer {
                identity: ServerIdentity::new(server, snapshot.control.known(), snapshot.instance.known()),
                database: server.database.clone(),
                looked_at: snapshot.collected_at,
            },
            together: Freed::default(),
            drops,
            refused,
            checkpoint: asked.checkpoint,
            checkpoint_timeout_seconds: settings
                .and_then(|settings| settings.text("checkpoint_timeout"))
                .and_then(|text| text.parse().ok()),
            allow_unproven: asked.allow_unproven,
            freeing,
        };
        plan.add_up();
        Ok(plan)
    }

    /// Orders the drops and adds up what they free.
    fn add_up(&mut self) {
        self.drops.sort_by(|a, b| {
            let from = |drop: &SlotDrop| drop.slot.holds_from().map_or(u64::MAX, |lsn| lsn.0);
            from(a).cmp(&from(b)).then_with(|| a.slot.slot_name.cmp(&b.slot.slot_name))
        });
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        self.together = self.freeing.freed_by(&slots);
    }

    /// What each drop frees when those before it are gone; these add up to what all free together.
    pub fn shares(&self) -> Vec<Option<u64>> {
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        let upto = |count: usize| self.freeing.freed_by(&slots[..count]).at_checkpoint_bytes;
        (0..slots.len()).map(|at| Some(upto(at + 1)?.saturating_sub(upto(at)?))).collect()
    }

    /// Why what is freed is not known, or not all of it.
    pub fn what_is_unknown(&self) -> Option<Unavailable> {
        self.freeing.unknown()
    }

    /// The names of those that are dropped, in the order of the plan.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.drops.iter().map(|drop| drop.slot.slot_name.as_str())
    }
}

fn slot_drop(
    slot: &Slot,
    judgement: Judgement,
    asked: &Asked,
    snapshot: &Snapshot,
    freeing: &freed::Freeing,
) -> SlotDrop {
    let generic = match slot.slot_type {
        SlotType::Physical => STANDBY_COST,
        SlotType::Logical => PIPELINE_COST,
    };
    SlotDrop {
        cost: judgement.owner.as_ref().map_or(generic, |owner| &owner.cost).to_owned(),
        verdict: judgement.verdict,
        protection: judgement.protection,
        reasons: judgement.reasons,
        owner: judgement.owner,
        holds_bytes: match slot.holds_from() {
            Some(from) => snapshot.current_lsn().map(|now| now.bytes_since(from)),
            None => Some(0),
        },
        frees: freeing.freed_by(&[slot]),
        successor: successor(slot, snapshot.server.major()),
        is_named: asked.names(&slot.slot_name),
        slot: slot.clone(),
    }
}
