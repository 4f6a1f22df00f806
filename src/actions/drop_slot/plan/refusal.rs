//! Reasons against dropping a slot.

use super::SlotDropRequest;
use crate::analysis::slot::{Reason, SlotAssessment, SlotVerdict};
use crate::facts::{Slot, SlotType, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

/// One reason against a drop. Reports turn it into a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "id", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Refusal {
    /// A consumer is connected. No option allows the drop.
    Active {
        /// Process ID; `None` when unknown.
        pid: Option<i32>,
    },
    /// A REPACK (CONCURRENTLY) uses it, with which it ends. No option allows the drop.
    Repack {
        /// Quoted name of the table; `None` when unknown.
        table: Option<String>,
    },
    /// It belongs to another session and ends with it. No option allows the drop.
    Temporary,
    /// A standby's copy, which must be dropped on the primary. No option allows the drop.
    Synced,
    /// Standbys have copies of it (`--allow-managed`).
    Failover,
    /// `synchronized_standby_slots` names it (`--allow-managed`).
    GatesFailoverSlots,
    /// A program manages it, or may manage it (`--allow-managed`).
    Managed {
        /// Name of the program.
        by: String,
    },
    /// A fact that shows whether it is managed could not be read (`--allow-managed`).
    ProtectionUnknown {
        /// Name of the fact.
        fact: String,
    },
    /// It is not proven to be unused, and there is no terminal (`--allow-unproven`).
    Unproven {
        /// Verdict on the slot.
        verdict: SlotVerdict,
    },
    /// The last valid logical slot: without it, the standbys lose theirs (`--allow-last-logical-slot`). Refused for
    /// `--stale`, and without a terminal.
    LastLogicalSlot,
    /// The user did not name it, and there is no terminal.
    NotNamed,
    /// The user did not type its name on the terminal.
    NotTyped,
}

impl Refusal {
    /// Returns the option that allows the drop; `None` when no option does.
    pub fn flag(&self) -> Option<&'static str> {
        match self {
            Refusal::Failover
            | Refusal::GatesFailoverSlots
            | Refusal::Managed { .. }
            | Refusal::ProtectionUnknown { .. } => Some("--allow-managed"),
            Refusal::Unproven { .. } => Some("--allow-unproven"),
            Refusal::LastLogicalSlot => Some("--allow-last-logical-slot"),
            _ => None,
        }
    }
}

/// Returns all reasons against the drop that do not depend on consent.
pub fn collect_refusals(
    slot: &Slot,
    assessment: &SlotAssessment,
    request: &SlotDropRequest,
    snapshot: &Snapshot,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if slot.is_of_repack() {
        let table = slot.repack.as_ref().and_then(|repack| repack.table.clone());
        refusals.push(Refusal::Repack { table });
    } else if slot.temporary {
        refusals.push(Refusal::Temporary);
    } else if let Some(pid) = find_slot_user(slot, assessment) {
        refusals.push(Refusal::Active { pid });
    }
    if slot.synced == Some(true) && snapshot.server.in_recovery {
        refusals.push(Refusal::Synced);
    }
    if !request.allow_managed {
        refusals.extend(assessment.reasons.iter().filter_map(|reason| match reason {
            Reason::Failover => Some(Refusal::Failover),
            Reason::GatesFailoverSlots => Some(Refusal::GatesFailoverSlots),
            Reason::Managed { by } | Reason::ManagerSeen { by, .. } => Some(Refusal::Managed { by: by.clone() }),
            _ => None,
        }));
        refusals.extend(find_unreadable_protection(slot, snapshot).map(|fact| Refusal::ProtectionUnknown { fact }));
    }
    refusals
}

/// Returns the user of the slot, from the server or from the assessment: while a table is copied, no process holds its slot.
fn find_slot_user(slot: &Slot, assessment: &SlotAssessment) -> Option<Option<i32>> {
    if slot.active || slot.active_pid.is_some() {
        return Some(slot.active_pid);
    }
    assessment.reasons.iter().find_map(|reason| match reason {
        Reason::InUse { pid, .. } => Some(*pid),
        _ => None,
    })
}

/// Returns the fact without which it is unknown whether the slot is protected.
fn find_unreadable_protection(slot: &Slot, snapshot: &Snapshot) -> Option<String> {
    if slot.slot_type == SlotType::Logical {
        return None;
    }
    let settings = snapshot.settings.known();
    let gate = settings.and_then(|settings| settings.get("synchronized_standby_slots"));
    if snapshot.server.major() >= 17 && gate.is_none() {
        return Some("synchronized_standby_slots".to_owned());
    }
    snapshot.managers.as_result().err().map(|why| why.fact.clone())
}
