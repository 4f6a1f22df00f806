//! Replication slots: which are in use, which are stuck, which nobody will come back for, and whose they are.
//!
//! `docs/decisions/0005-what-proves-a-slot-stale.md` says what one look can prove and what takes several.

mod causes;
mod limits;
mod owner;
mod owners;
mod protection;
mod reason;
mod standing;
#[cfg(test)]
mod tests;
mod verdict;

pub use limits::Limits;
pub use owner::{Confidence, Owner};
pub use owners::{PIPELINE_COST, STANDBY_COST};
pub use protection::Protection;
pub use reason::{Gate, KeptRows, Reason};
pub use verdict::Verdict;

use crate::model::{Slot, Snapshot, past::Memory};

/// What there is to judge by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub snapshot: &'a Snapshot,
    /// What earlier looks at the same server saw.
    pub memory: &'a Memory,
    pub limits: &'a Limits,
}

/// What a slot is judged to be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub protection: Option<Protection>,
    pub reasons: Vec<Reason>,
    pub owner: Option<Owner>,
}

impl Evidence<'_> {
    /// Judges one slot of the snapshot.
    pub fn judge(&self, slot: &Slot) -> Judgement {
        let owner = owner::owner(slot, self.snapshot);
        let (verdict, mut reasons) = verdict::verdict(self, slot);
        let (protection, why) = protection::protection(slot, self.snapshot, owner.as_ref());
        reasons.extend(why);
        Judgement { verdict, protection, reasons, owner }
    }
}
