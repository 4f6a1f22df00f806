//! Text of refusals, verdicts and losses.

use crate::actions::drop_slot::plan::Refusal;
use crate::analysis::slot::SlotVerdict;
use crate::facts::SlotType;
use crate::render::{Cell, Tone};

/// Describes a refusal as a sentence without a full stop.
pub fn describe_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Active { pid } => format!(
            "it is in use{}; stop its consumer first",
            pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
        ),
        Refusal::Temporary => {
            "temporary slot of another session: the server drops it when that session ends".to_owned()
        }
        Refusal::Synced => "synchronized from the primary: drop it there".to_owned(),
        Refusal::Failover => "failover slot: its copies on standbys are dropped with it".to_owned(),
        Refusal::GatesFailoverSlots => {
            "listed in synchronized_standby_slots: without it, consumers of failover slots wait indefinitely".to_owned()
        }
        Refusal::Managed { by } => {
            format!("{by} manages it, or may manage it, and would recreate it or fail without it")
        }
        Refusal::ProtectionUnknown { fact } => format!("{fact} cannot be read, so the slot may be managed"),
        Refusal::Unproven { verdict } => {
            format!(
                "its verdict is {}; without confirmation, only stale, lost and empty slots are dropped",
                verdict_label(*verdict)
            )
        }
        Refusal::NotNamed => {
            "without confirmation, a slot must be named on the command line or in [slots] droppable of the configuration"
                .to_owned()
        }
        Refusal::NotTyped => "its name was not entered".to_owned(),
    }
}

fn verdict_label(verdict: SlotVerdict) -> &'static str {
    match verdict {
        SlotVerdict::Healthy => "healthy",
        SlotVerdict::Lagging => "lagging",
        SlotVerdict::Inactive => "inactive",
        SlotVerdict::Stale => "stale",
        SlotVerdict::Lost => "lost",
        SlotVerdict::Empty => "empty",
    }
}

/// Returns the verdict. One that does not prove the slot abandoned is marked and highlighted.
pub fn verdict_cell(verdict: SlotVerdict) -> Cell {
    let label = verdict_label(verdict);
    match verdict {
        SlotVerdict::Stale | SlotVerdict::Lost | SlotVerdict::Empty => Cell::text(label),
        SlotVerdict::Healthy | SlotVerdict::Lagging | SlotVerdict::Inactive => {
            Cell::text(format!("{label} (unproven)")).with_tone(Tone::Bad)
        }
    }
}

/// Describes what is lost with the slot.
pub fn describe_loss(slot_type: SlotType, verdict: SlotVerdict) -> &'static str {
    match (verdict, slot_type) {
        (SlotVerdict::Empty, _) => "nothing, as it has no position",
        (SlotVerdict::Lost, SlotType::Logical) => "nothing, as its position is no longer usable",
        (_, SlotType::Logical) => "its position, and every change between that position and the start of a new slot",
        (_, SlotType::Physical) => "the reservation of WAL that its standby has not received",
    }
}
