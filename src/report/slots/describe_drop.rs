//! Text of refusals, verdicts and losses.

use crate::actions::drop_slot::plan::{LogicalDecodingEnd, Refusal};
use crate::analysis::slot::{SlotVerdict, StandbySlot};
use crate::facts::SlotType;
use crate::render::{Cell, Tone};

/// Describes a refusal as a sentence without a full stop.
pub fn describe_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Active { pid } => format!(
            "it is in use{}; stop its consumer first",
            pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
        ),
        Refusal::Repack { table } => format!(
            "REPACK (CONCURRENTLY){} uses it, and the server drops it when REPACK ends",
            table.as_ref().map(|table| format!(" of table {table}")).unwrap_or_default()
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
        Refusal::LastLogicalSlot => {
            "it is the last valid logical slot, and standbys may have logical slots, which would be invalidated".to_owned()
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

/// Describes the end of logical decoding, one sentence per line.
pub fn describe_logical_decoding_end(end: &LogicalDecodingEnd) -> Vec<String> {
    let standbys = &end.standbys;
    let mut lines = vec![format!("{LAST_LOGICAL_SLOT} A new slot does not make them valid again.")];
    if !standbys.slots.is_empty() {
        let name = |slot: &StandbySlot| {
            format!("{} on {}{}", slot.slot_name, slot.standby, if slot.active { " (in use)" } else { "" })
        };
        let slots: Vec<String> = standbys.slots.iter().map(name).collect();
        lines.push(format!("Logical slots that are lost: {}.", slots.join(", ")));
    }
    if !standbys.unread.is_empty() {
        lines.push(format!(
            "Standbys whose slots were not read (pass --replica for each): {}.",
            standbys.unread.join(", ")
        ));
    }
    for why in &standbys.unavailable {
        lines.push(format!("Standbys may be missing: {}: {}.", why.fact, why.reason));
    }
    if standbys.is_empty() {
        lines.push("No standby with a logical slot was found.".to_owned());
    }
    lines.push(
        "Standbys that are fed from an archive are not visible on this server. wal_level = logical (needs a restart) \
         prevents the loss."
            .to_owned(),
    );
    lines
}

/// Consequence of the loss of the last valid logical slot.
pub const LAST_LOGICAL_SLOT: &str = "Without a valid logical slot, this server ends logical decoding, because its wal_level \
                                     is replica. All logical slots of all standbys are then invalidated, active ones \
                                     included.";
