//! Slots that pgtend does not drop, or only with an additional option, for every verdict.

use super::{Owner, Reason, owner::find_walsender};
use crate::facts::{Slot, SlotType, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

/// Protection of a slot from a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// The server drops it when its session ends.
    Temporary,
    /// A standby's copy of a slot of its primary. The server refuses to drop it there.
    Synced,
    /// Standbys have copies of it, which are dropped with it.
    Failover,
    /// A program manages it, or `synchronized_standby_slots` contains it.
    Managed,
}

/// Returns the first protection that applies, and the reasons of all that do.
pub fn detect_protection(slot: &Slot, snapshot: &Snapshot, owner: Option<&Owner>) -> (Option<Protection>, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut found = Vec::new();
    let mut protect = |protection, reason| {
        found.push(protection);
        reasons.push(reason);
    };
    if slot.temporary {
        protect(Protection::Temporary, Reason::Temporary);
    }
    // After a promotion, the flag may stay set without effect (docs/reference/slots.md#synced-slots).
    if slot.synced == Some(true) && snapshot.server.in_recovery {
        protect(Protection::Synced, Reason::SyncedCopy);
    }
    if slot.failover == Some(true) {
        protect(Protection::Failover, Reason::Failover);
    }
    if gates_failover_slots(slot, snapshot) {
        protect(Protection::Managed, Reason::GatesFailoverSlots);
    }
    if let Some(owner) = owner.filter(|owner| owner.is_managed) {
        protect(Protection::Managed, Reason::Managed { by: owner.name.clone() });
    } else if slot.slot_type == SlotType::Physical
        && let Some((by, sign)) = detect_manager(snapshot)
    {
        protect(Protection::Managed, Reason::ManagerSeen { by, sign });
    }
    (found.first().copied(), reasons)
}

/// Returns the slot names in `synchronized_standby_slots`.
pub fn synchronized_standby_slots(snapshot: &Snapshot) -> Vec<&str> {
    let list = snapshot.settings.known().and_then(|settings| settings.text("synchronized_standby_slots"));
    list.unwrap_or_default()
        .split(',')
        .map(|name| name.trim().trim_matches('"'))
        .filter(|name| !name.is_empty())
        .collect()
}

fn gates_failover_slots(slot: &Slot, snapshot: &Snapshot) -> bool {
    slot.slot_type == SlotType::Physical && synchronized_standby_slots(snapshot).contains(&slot.slot_name.as_str())
}

/// Returns the manager of high availability and how it was detected: by its objects, its slot names, or a walsender.
fn detect_manager(snapshot: &Snapshot) -> Option<(String, String)> {
    if let Some((by, sign)) = snapshot.managers.known().and_then(|marks| marks.manager()) {
        return Some((by.to_owned(), sign));
    }
    snapshot.slots.known()?.iter().find_map(|slot| {
        let owner =
            super::owner::owner_by_name(slot, find_walsender(slot, snapshot)).filter(|owner| owner.manages_standbys)?;
        Some((owner.name, format!("slot {}", slot.slot_name)))
    })
}
