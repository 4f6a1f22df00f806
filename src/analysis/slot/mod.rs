//! Replication slots: which are in use, which are stuck, which nobody will come back for, and whose they are.
//!
//! `docs/decisions/0005-what-proves-a-slot-stale.md` says what one look can prove and what takes several.

mod activity;
mod causes;
mod limits;
mod owner;
mod owners;
mod protection;
mod reason;
#[cfg(test)]
mod tests;
mod verdict;

pub use limits::Limits;
pub use owner::{Confidence, Owner};
pub use owners::{PIPELINE_COST, STANDBY_COST};
pub use protection::Protection;
pub use reason::{Gate, KeptRows, Reason};
pub use verdict::SlotVerdict;

use crate::facts::history::HistoryView;
use crate::facts::{Slot, Snapshot};

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
