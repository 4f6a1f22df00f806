//! A refusal, a verdict, a loss, as people read them.

use crate::{
    judge::slot::Verdict,
    model::SlotType,
    plan::slot_drop::Refusal,
    render::{Cell, Tone},
};

/// One sentence without its full stop.
pub fn refusal(refusal: &Refusal) -> String {
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
            format!("it is {}, and without a terminal only stale, lost and empty ones go", word(*verdict))
        }
        Refusal::NotNamed => {
            "without a terminal a slot must be named on the command line, or as droppable in the configuration"
                .to_owned()
        }
        Refusal::NotTyped => "its name was not typed".to_owned(),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "healthy",
        Verdict::Lagging => "lagging",
        Verdict::Inactive => "inactive, not proven to be forgotten",
        Verdict::Stale => "stale",
        Verdict::Lost => "lost",
        Verdict::Empty => "empty",
    }
}

/// The verdict in a word; what is not proven stands out.
pub fn verdict(verdict: Verdict) -> Cell {
    let short = word(verdict).split(',').next().unwrap_or_default();
    match verdict {
        Verdict::Stale | Verdict::Lost | Verdict::Empty => Cell::text(short),
        Verdict::Healthy | Verdict::Lagging | Verdict::Inactive => {
            Cell::text(format!("{short}: not proven")).toned(Tone::Bad)
        }
    }
}

/// What goes with the slot.
pub fn lost(slot_type: SlotType, verdict: Verdict) -> &'static str {
    match (verdict, slot_type) {
        (Verdict::Empty, _) => "nothing, it holds no position",
        (Verdict::Lost, SlotType::Logical) => "nothing more, the position is of no use any more",
        (_, SlotType::Logical) => "the position, and every change from there on to whatever takes its place",
        (_, SlotType::Physical) => "the hold on WAL its standby has not received",
    }
}
