//! What of the plan a consent covers.

use super::{Refusal, RefusedDrop, SlotDrop, SlotDrops};
use crate::actions::{Consent, Plan};
use crate::analysis::slot::SlotVerdict;

impl Plan for SlotDrops {
    /// The plan with every drop refused.
    type Unconfirmed = Box<SlotDrops>;

    /// On a terminal a slot goes when its name was typed. Without one it goes when it is stale, lost or empty *and*
    /// was named by the user; `--allow-unproven` waives the proof, never the name.
    fn restrict_to(mut self, consent: &Consent) -> Result<SlotDrops, Box<SlotDrops>> {
        let allow_unproven = self.allow_unproven;
        let refusals_for = |drop: &SlotDrop| match consent {
            Consent::Typed(names) if names.contains(&drop.slot.slot_name) => Vec::new(),
            Consent::Typed(_) => vec![Refusal::NotTyped],
            Consent::Unattended => {
                let proven = matches!(drop.verdict, SlotVerdict::Stale | SlotVerdict::Lost | SlotVerdict::Empty);
                let unproven = (!proven && !allow_unproven).then_some(Refusal::Unproven { verdict: drop.verdict });
                let not_named = (!drop.is_named).then_some(Refusal::NotNamed);
                [unproven, not_named].into_iter().flatten().collect()
            }
        };
        for drop in std::mem::take(&mut self.drops) {
            let refusals = refusals_for(&drop);
            if refusals.is_empty() {
                self.drops.push(drop);
            } else {
                self.refused.push(RefusedDrop { slot_drop: drop, refusals });
            }
        }
        self.update_totals();
        if self.drops.is_empty() { Err(Box::new(self)) } else { Ok(self) }
    }
}
