//! Replication slots: verdict, protection and probable owner.
//!
//! `docs/decisions/0005-what-proves-a-slot-stale.md` describes what one snapshot proves and what needs several.

mod activity;
mod causes;
mod logical_decoding;
mod output_plugin;
mod owner;
mod owners;
mod protection;
mod reason;
/// Limits of the verdicts on slots; the reasons are in `docs/decisions/0005`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds after which an unused logical slot is stale.
    pub stale_after_seconds: u64,
    /// Seconds after which an unused physical slot is stale. A standby may be under repair.
    pub stale_after_physical_seconds: u64,
    /// Seconds within which a daily pipeline reconnects.
    pub daily_seconds: u64,
    /// Seconds without progress after which a slot in use is stuck.
    pub frozen_after_seconds: u64,
    /// Minimum number of samples without a consumer, where the server has no `inactive_since`.
    pub samples: u64,
    /// Longest gap in seconds between two of these samples.
    pub max_gap_seconds: u64,
    /// Age of `xmin` or `catalog_xmin` in transactions from which a healthy slot gets a reason.
    pub xmin_age: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stale_after_seconds: 7 * DAY,
            stale_after_physical_seconds: 14 * DAY,
            daily_seconds: DAY,
            frozen_after_seconds: 600,
            samples: 24,
            max_gap_seconds: 36 * 3_600,
            xmin_age: 10_000_000,
        }
    }
}

impl Limits {
    /// Returns the seconds after which an unused slot of this type is stale.
    pub fn stale_after(&self, slot_type: SlotType) -> u64 {
        match slot_type {
            SlotType::Logical => self.stale_after_seconds,
            SlotType::Physical => self.stale_after_physical_seconds,
        }
    }
}

#[cfg(test)]
mod tests;
mod verdict;

pub use logical_decoding::{
    StandbySlot, StandbySlots, drops_last_logical_slot, keeps_logical_decoding, may_lose_logical_decoding,
    needs_logical_slot,
};
pub use output_plugin::{DEFAULT_OUTPUT_PLUGINS, hidden_plugin_list, plugin_remedy};
pub use owner::{Confidence, Owner};
pub use owners::{EMPTY_COST, PIPELINE_COST, STANDBY_COST};
pub use protection::Protection;
pub use reason::{Gate, KeptRows, Reason};
pub use verdict::SlotVerdict;

use crate::facts::history::HistoryView;
use crate::facts::{Slot, SlotType, Snapshot};

const DAY: u64 = 86_400;

/// Input of the assessment of a slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotEvidence<'a> {
    /// Snapshot with the slot.
    pub snapshot: &'a Snapshot,
    /// Values of earlier samples of the same server.
    pub history: &'a HistoryView,
    /// Limits of the verdict.
    pub limits: &'a Limits,
}

/// Verdict on a slot, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotAssessment {
    /// The verdict.
    pub verdict: SlotVerdict,
    /// What protects the slot from a drop; `None` for nothing.
    pub protection: Option<Protection>,
    /// Reasons of the verdict and of the protection.
    pub reasons: Vec<Reason>,
    /// Probable owner; `None` when no rule matches.
    pub owner: Option<Owner>,
}

impl SlotEvidence<'_> {
    /// Assesses one slot of the snapshot.
    pub fn assess(&self, slot: &Slot) -> SlotAssessment {
        let owner = owner::detect_owner(slot, self.snapshot);
        let (verdict, mut reasons) = verdict::slot_verdict(self, slot);
        let (protection, why) = protection::detect_protection(slot, self.snapshot, owner.as_ref());
        reasons.extend(why);
        if slot.synced == Some(true)
            && self.snapshot.server.in_recovery
            && let Some(cause) = slot.slotsync_skip_reason.clone().filter(|cause| cause != "none")
        {
            let (count, last) = (slot.slotsync_skip_count, slot.slotsync_last_skip);
            reasons.push(Reason::SyncSkipped { cause, count, last });
        }
        if let Some(plugin) = slot.plugin.clone().filter(|_| !slot.is_lost() && !slot.is_of_repack())
            && let Some(remedy) = plugin_remedy(self.snapshot, &plugin)
        {
            reasons.push(Reason::PluginNotListed { plugin, remedy });
        }
        if let Some(slots) = self.snapshot.slots.known()
            && needs_logical_slot(&self.snapshot.server, self.snapshot.settings.known())
            && drops_last_logical_slot(slots, &[&slot.slot_name])
        {
            reasons.push(Reason::LastLogicalSlot);
        }
        SlotAssessment { verdict, protection, reasons, owner }
    }
}
