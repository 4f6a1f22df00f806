//! What the user requested, and why there may be no plan.

use crate::analysis::slot::{Reason, SlotAssessment, SlotEvidence, SlotVerdict};
use crate::facts::{Provider, Slot, Snapshot, Unavailable};
use crate::quote::quote_identifier;

/// Request of the command line and the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotDropRequest {
    /// Names of the slots; empty for `--stale`.
    pub names: Vec<String>,
    /// Names that the configuration allows to drop without a terminal.
    pub droppable: Vec<String>,
    /// `--allow-managed`: drop protected slots.
    pub allow_managed: bool,
    /// `--allow-unproven`: drop slots without proof when there is no terminal.
    pub allow_unproven: bool,
    /// `--allow-last-logical-slot`: end logical decoding although standbys may have logical slots.
    pub allow_last_logical_slot: bool,
    /// `--checkpoint`: run a checkpoint after the drops.
    pub checkpoint: bool,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotDropPlanError {
    /// The slots could not be read.
    Unreadable(Unavailable),
    /// No slot has this name.
    NoSuchSlot {
        /// First of the names without a slot.
        name: String,
    },
    /// The role may not drop slots.
    MissingPrivilege {
        /// Name of the role.
        role: String,
        /// Statement that grants the privilege, and a remark where membership is not sufficient.
        hint: String,
    },
    /// The role may not run CHECKPOINT.
    MissingCheckpointPrivilege {
        /// Name of the role.
        role: String,
        /// Statement that grants the privilege; `None` when none does in this version.
        hint: Option<String>,
    },
}

impl SlotDropRequest {
    /// Returns the requested slots with their assessments.
    pub(super) fn requested_slots<'a>(
        &self,
        evidence: &SlotEvidence,
        slots: &'a [Slot],
    ) -> Result<Vec<(&'a Slot, SlotAssessment)>, SlotDropPlanError> {
        if self.names.is_empty() {
            let assessed = slots.iter().map(|slot| (slot, evidence.assess(slot)));
            return Ok(assessed.filter(|(_, assessment)| is_stale_or_lost(assessment)).collect());
        }
        let mut requested: Vec<(&Slot, SlotAssessment)> = Vec::new();
        for name in &self.names {
            let Some(slot) = slots.iter().find(|slot| slot.slot_name == *name) else {
                return Err(SlotDropPlanError::NoSuchSlot { name: name.clone() });
            };
            if !requested.iter().any(|(known, _)| known.slot_name == *name) {
                requested.push((slot, evidence.assess(slot)));
            }
        }
        Ok(requested)
    }

    /// Returns whether the user named the slot, on the command line or in the configuration.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.names.iter().chain(&self.droppable).any(|named| named == name)
    }

    /// Checks the privileges of the role. Only what the server is known to refuse is an error.
    pub(super) fn check_privileges(&self, snapshot: &Snapshot) -> Result<(), SlotDropPlanError> {
        let role = snapshot.server.role.clone();
        let Some(rights) = snapshot.rights.known() else { return Ok(()) };
        if !rights.may_drop_slots {
            let quoted = quote_identifier(&role);
            let hint = match snapshot.provider() {
                Provider::Rds | Provider::Aurora => format!("GRANT rds_replication TO {quoted}"),
                _ => {
                    format!("ALTER ROLE {quoted} REPLICATION; membership in a role with REPLICATION is not sufficient")
                }
            };
            return Err(SlotDropPlanError::MissingPrivilege { role, hint });
        }
        if self.checkpoint && !rights.may_checkpoint {
            let quoted = quote_identifier(&role);
            let hint = (snapshot.server.major() >= 15).then(|| format!("GRANT pg_checkpoint TO {quoted}"));
            return Err(SlotDropPlanError::MissingCheckpointPrivilege { role, hint });
        }
        Ok(())
    }
}

/// Returns whether `--stale` selects the slot: stale, or lost without a chance of recovery.
fn is_stale_or_lost(assessment: &SlotAssessment) -> bool {
    match assessment.verdict {
        SlotVerdict::Stale => true,
        SlotVerdict::Lost => !assessment.reasons.contains(&Reason::MayLiveAgain),
        _ => false,
    }
}
