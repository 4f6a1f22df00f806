//! What the user asked for, and why that may be impossible altogether.

use crate::analysis::slot::{Reason, SlotAssessment, SlotEvidence, SlotVerdict};
use crate::facts::{Provider, Slot, Snapshot, Unavailable};
use crate::quote::quote_identifier;

/// What was asked for on the command line and in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotDropRequest {
    /// The slots; none for `--stale`.
    pub names: Vec<String>,
    /// Those the configuration lets a run without a terminal drop.
    pub droppable: Vec<String>,
    pub allow_managed: bool,
    pub allow_unproven: bool,
    pub checkpoint: bool,
}

/// Why there is no plan at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotDropPlanError {
    Unreadable(Unavailable),
    /// The first name that no slot has.
    NoSuchSlot {
        name: String,
    },
    MissingPrivilege {
        role: String,
        hint: String,
    },
    MissingCheckpointPrivilege {
        role: String,
        hint: Option<String>,
    },
}

impl SlotDropRequest {
    /// The slots that are meant, each with its verdict.
    pub(super) fn requested_slots<'a>(
        &self,
        evidence: &SlotEvidence,
        slots: &'a [Slot],
    ) -> Result<Vec<(&'a Slot, SlotAssessment)>, SlotDropPlanError> {
        if self.names.is_empty() {
            let all = slots.iter().map(|slot| (slot, evidence.assess(slot)));
            return Ok(all.filter(|(_, assessment)| is_stale_or_lost(assessment)).collect());
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

    /// Whether the user named the slot, here or in the configuration.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.names.iter().chain(&self.droppable).any(|named| named == name)
    }

    /// Whether the role may do it. Only what the server is known to refuse is refused here.
    pub(super) fn check_privileges(&self, snapshot: &Snapshot) -> Result<(), SlotDropPlanError> {
        let role = snapshot.server.role.clone();
        let Some(rights) = snapshot.rights.known() else { return Ok(()) };
        if !rights.may_drop_slots {
            let quoted = quote_identifier(&role);
            let hint = match snapshot.provider() {
                Provider::Rds | Provider::Aurora => format!("GRANT rds_replication TO {quoted}"),
                _ => format!("ALTER ROLE {quoted} REPLICATION; being a member of such a role does not do"),
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

/// What `--stale` takes: stale ones, and lost ones that nobody can bring back to life.
fn is_stale_or_lost(assessment: &SlotAssessment) -> bool {
    match assessment.verdict {
        SlotVerdict::Stale => true,
        SlotVerdict::Lost => !assessment.reasons.contains(&Reason::MayLiveAgain),
        _ => false,
    }
}
