//! Replication slots: which are in use, which are stuck, which nobody will come back for, and whose they are.
//!
//! `docs/decisions/0005-what-proves-a-slot-stale.md` says what one look can prove and what takes several.

mod activity;
mod causes;
mod owner;
mod owners;
mod protection;
mod reason;
/// The limits of the verdicts on slots; `docs/decisions/0005` says where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A logical slot that nobody used for so long is stale.
    pub stale_after_seconds: u64,
    /// The same of a physical one: a standby may be under repair.
    pub stale_after_physical_seconds: u64,
    /// Pipelines that run once a day have come back by then.
    pub daily_seconds: u64,
    /// Somebody in whose use a slot does not move for so long is stuck.
    pub frozen_after_seconds: u64,
    /// Looks that have to find a slot unused before that proves something, where the server keeps no record.
    pub samples: u64,
    /// The longest time between two of them.
    pub max_gap_seconds: u64,
    /// Transactions whose dead rows a slot in use may keep without a word.
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

pub use owner::{Confidence, Owner};
pub use owners::{PIPELINE_COST, STANDBY_COST};
pub use protection::Protection;
pub use reason::{Gate, KeptRows, Reason};
pub use verdict::SlotVerdict;

use crate::facts::history::HistoryView;
use crate::facts::{Slot, SlotType, Snapshot};

const DAY: u64 = 86_400;

/// What a slot is assessed with.
#[derive(Clone, Copy, Debug)]
pub struct SlotEvidence<'a> {
    pub snapshot: &'a Snapshot,
    /// What earlier looks at the same server saw.
    pub history: &'a HistoryView,
    pub limits: &'a Limits,
}

/// The verdict on a slot, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotAssessment {
    pub verdict: SlotVerdict,
    pub protection: Option<Protection>,
    pub reasons: Vec<Reason>,
    pub owner: Option<Owner>,
}

impl SlotEvidence<'_> {
    /// Assesses one slot of the snapshot.
    pub fn assess(&self, slot: &Slot) -> SlotAssessment {
        let owner = owner::detect_owner(slot, self.snapshot);
        let (verdict, mut reasons) = verdict::slot_verdict(self, slot);
        let (protection, why) = protection::detect_protection(slot, self.snapshot, owner.as_ref());
        reasons.extend(why);
        SlotAssessment { verdict, protection, reasons, owner }
    }
}
