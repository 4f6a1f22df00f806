//! Why a slot is not dropped.

use super::SlotDropRequest;
use crate::analysis::slot::{Reason, SlotAssessment, SlotVerdict};
use crate::facts::{Slot, SlotType, Snapshot};
use serde::Serialize;

/// One reason against a drop. Reports make the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "id", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Refusal {
    /// Somebody holds it. No flag helps.
    Active { pid: Option<i32> },
    /// It belongs to another session and ends with it. No flag helps.
    Temporary,
    /// A standby's copy: it is dropped on the primary. No flag helps.
    Synced,
    /// Standbys hold copies of it (`--allow-managed`).
    Failover,
    /// Named in `synchronized_standby_slots` (`--allow-managed`).
    GatesFailoverSlots,
    /// A program manages it, or may (`--allow-managed`).
    Managed { by: String },
    /// Whether it is managed could not be read (`--allow-managed`).
    ProtectionUnknown { fact: String },
    /// Without a terminal only what is proven goes (`--allow-unproven`).
    Unproven { verdict: SlotVerdict },
    /// Without a terminal only what the user named goes.
    NotNamed,
    /// On the terminal its name was not typed.
    NotTyped,
}

impl Refusal {
    /// The flag that would have allowed it.
    pub fn flag(&self) -> Option<&'static str> {
        match self {
            Refusal::Failover
            | Refusal::GatesFailoverSlots
            | Refusal::Managed { .. }
            | Refusal::ProtectionUnknown { .. } => Some("--allow-managed"),
            Refusal::Unproven { .. } => Some("--allow-unproven"),
            _ => None,
        }
    }
}

/// Everything that speaks against dropping it, whoever agrees.
pub fn collect_refusals(
    slot: &Slot,
    assessment: &SlotAssessment,
    request: &SlotDropRequest,
    snapshot: &Snapshot,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if slot.temporary {
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

/// The fact without which nobody can tell whether the slot is protected.
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
