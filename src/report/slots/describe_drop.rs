//! Text of refusals, verdicts and losses.

use crate::actions::drop_slot::plan::Refusal;
use crate::analysis::slot::SlotVerdict;
use crate::facts::SlotType;
use crate::render::{Cell, Tone};

/// Describes a refusal as a sentence without a full stop.
pub fn describe_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Active { pid } => format!(
            "somebody uses it{}; stop the consumer first",
            pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
        ),
        Refusal::Temporary => "it is another session's, and ends with it".to_owned(),
        Refusal::Synced => "a copy that this standby syncs from its primary: drop it there".to_owned(),
        Refusal::Failover => "a failover slot: standbys keep copies, which go with it".to_owned(),
        Refusal::GatesFailoverSlots => {
            "synchronized_standby_slots names it: without it the consumers of failover slots wait for ever".to_owned()
        }
        Refusal::Managed { by } => format!("{by} manages it, or may: it would make it anew, or miss it"),
        Refusal::ProtectionUnknown { fact } => format!("{fact} cannot be read, so it may be managed"),
        Refusal::Unproven { verdict } => {
            format!("it is {}, and without a terminal only stale, lost and empty ones go", verdict_label(*verdict))
        }
        Refusal::NotNamed => {
            "without a terminal a slot must be named on the command line, or as droppable in the configuration"
                .to_owned()
        }
        Refusal::NotTyped => "its name was not typed".to_owned(),
    }
}

fn verdict_label(verdict: SlotVerdict) -> &'static str {
    match verdict {
        SlotVerdict::Healthy => "healthy",
        SlotVerdict::Lagging => "lagging",
        SlotVerdict::Inactive => "inactive, not proven to be forgotten",
        SlotVerdict::Stale => "stale",
        SlotVerdict::Lost => "lost",
        SlotVerdict::Empty => "empty",
    }
}

/// Returns the verdict as one word. One without proof is highlighted.
pub fn verdict_cell(verdict: SlotVerdict) -> Cell {
    let short = verdict_label(verdict).split(',').next().unwrap_or_default();
    match verdict {
        SlotVerdict::Stale | SlotVerdict::Lost | SlotVerdict::Empty => Cell::text(short),
        SlotVerdict::Healthy | SlotVerdict::Lagging | SlotVerdict::Inactive => {
            Cell::text(format!("{short}: not proven")).with_tone(Tone::Bad)
        }
    }
}

/// Describes what is lost with the slot.
pub fn describe_loss(slot_type: SlotType, verdict: SlotVerdict) -> &'static str {
    match (verdict, slot_type) {
        (SlotVerdict::Empty, _) => "nothing, it holds no position",
        (SlotVerdict::Lost, SlotType::Logical) => "nothing more, the position is of no use any more",
        (_, SlotType::Logical) => "the position, and every change from there on to whatever takes its place",
        (_, SlotType::Physical) => "the hold on WAL its standby has not received",
    }
}
