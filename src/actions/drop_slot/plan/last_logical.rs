//! Drops that end logical decoding: the last valid logical slot of a primary with `wal_level = replica`.

use super::{Refusal, RefusedDrop, SlotDrops};
use crate::actions::Consent;
use crate::analysis::slot::{StandbySlots, drops_last_logical_slot, keeps_logical_decoding, needs_logical_slot};
use crate::facts::{Fact, Replica, Slot, Snapshot, Walsender};
use schemars::JsonSchema;
use serde::Serialize;

/// The drops of a plan end logical decoding. All logical slots of all standbys are then invalidated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogicalDecodingEnd {
    /// What is known of the logical slots of the standbys. Standbys that are fed from an archive are not visible.
    pub standbys: StandbySlots,
}

/// Facts and options that decide whether a plan may end logical decoding.
#[derive(Clone, Debug)]
pub struct LogicalDecodingGuard {
    needs_logical_slot: bool,
    slots: Vec<Slot>,
    walsenders: Fact<Vec<Walsender>>,
    replicas: Vec<Replica>,
    /// `--allow-last-logical-slot`.
    is_allowed: bool,
    /// `--stale`: the user did not choose the slot.
    pub(super) is_selected_by_verdict: bool,
}

impl LogicalDecodingGuard {
    /// Takes the facts from the planning snapshot.
    pub fn new(snapshot: &Snapshot, is_allowed: bool, is_selected_by_verdict: bool) -> LogicalDecodingGuard {
        LogicalDecodingGuard {
            needs_logical_slot: needs_logical_slot(&snapshot.server, snapshot.settings.known()),
            slots: snapshot.slots.known().cloned().unwrap_or_default(),
            walsenders: snapshot.walsenders.clone(),
            replicas: snapshot.replicas.clone(),
            is_allowed,
            is_selected_by_verdict,
        }
    }

    /// Returns what ends if the named slots are dropped; `None` when logical decoding goes on.
    pub fn end_by_dropping(&self, names: &[&str]) -> Option<LogicalDecodingEnd> {
        self.end_with_facts(names, &self.slots, &self.walsenders)
    }

    fn end_with_facts(
        &self,
        names: &[&str],
        slots: &[Slot],
        walsenders: &Fact<Vec<Walsender>>,
    ) -> Option<LogicalDecodingEnd> {
        (self.needs_logical_slot && drops_last_logical_slot(slots, names))
            .then(|| LogicalDecodingEnd { standbys: StandbySlots::new(walsenders, slots, &self.replicas) })
    }
}

impl SlotDrops {
    /// Returns whether the standbys may lose logical slots by the drops.
    fn harms_standbys(&self) -> bool {
        self.ends_logical_decoding.as_ref().is_some_and(|end| !end.standbys.is_empty())
    }

    /// Refuses the last valid logical slot if standbys may have logical slots. The other drops of the plan remain.
    pub(super) fn refuse_last_logical_slot(&mut self) {
        if self.logical_decoding.is_allowed || !self.harms_standbys() {
            return;
        }
        let last = self.drops.iter().rposition(|drop| keeps_logical_decoding(&drop.slot));
        if let Some(position) = last {
            let slot_drop = self.drops.remove(position);
            self.refused.push(RefusedDrop { slot_drop, refusals: vec![Refusal::LastLogicalSlot] });
            self.last_slot_of_standbys = self.ends_logical_decoding.take();
            self.update_totals();
        }
    }

    /// Returns why a slot may not be dropped in the present state of the server; `None` when it may. The plan covers the end
    /// of logical decoding only if it announces it, and an unattended plan only if no standby has appeared since.
    pub fn recheck_logical_decoding(
        &self,
        name: &str,
        consent: &Consent,
        slots: &[Slot],
        walsenders: &Fact<Vec<Walsender>>,
    ) -> Option<String> {
        let guard = &self.logical_decoding;
        let end = guard.end_with_facts(&[name], slots, walsenders).filter(|_| !guard.is_allowed)?;
        if self.ends_logical_decoding.is_none() {
            return Some(
                "it is now the last valid logical slot: the other logical slots were dropped or invalidated after the plan"
                    .to_owned(),
            );
        }
        let is_unattended = matches!(consent, Consent::Unattended) || guard.is_selected_by_verdict;
        (is_unattended && !end.standbys.is_empty())
            .then(|| "it is the last valid logical slot, and a standby has connected since the plan".to_owned())
    }
}
