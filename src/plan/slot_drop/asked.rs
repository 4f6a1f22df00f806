//! What the user asked for, and why that may be impossible altogether.

use crate::{
    judge::slot::{Evidence, Judgement, Reason, Verdict},
    model::{Provider, Slot, Snapshot, Unavailable, quote_identifier},
};

/// What was asked for on the command line and in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
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
pub enum Impossible {
    Unreadable(Unavailable),
    /// The first name that no slot has.
    NoSuchSlot {
        name: String,
    },
    NoRight {
        role: String,
        hint: String,
    },
    NoRightToCheckpoint {
        role: String,
        hint: Option<String>,
    },
}

impl Asked {
    /// The slots that are meant, each with its verdict.
    pub(super) fn wanted<'a>(
        &self,
        evidence: &Evidence,
        slots: &'a [Slot],
    ) -> Result<Vec<(&'a Slot, Judgement)>, Impossible> {
        if self.names.is_empty() {
            let all = slots.iter().map(|slot| (slot, evidence.judge(slot)));
            return Ok(all.filter(|(_, judgement)| is_forgotten(judgement)).collect());
        }
        let mut wanted: Vec<(&Slot, Judgement)> = Vec::new();
        for name in &self.names {
            let Some(slot) = slots.iter().find(|slot| slot.slot_name == *name) else {
                return Err(Impossible::NoSuchSlot { name: name.clone() });
            };
            if !wanted.iter().any(|(known, _)| known.slot_name == *name) {
                wanted.push((slot, evidence.judge(slot)));
            }
        }
        Ok(wanted)
    }

    /// Whether the user named the slot, here or in the configuration.
    pub(super) fn names(&self, name: &str) -> bool {
        self.names.iter().chain(&self.droppable).any(|named| named == name)
    }

    /// Whether the role may do it. Only what the server is known to refuse is refused here.
    pub(super) fn may(&self, snapshot: &Snapshot) -> Result<(), Impossible> {
        let role = snapshot.server.role.clone();
        let Some(rights) = snapshot.rights.known() else { return Ok(()) };
        if !rights.may_drop_slots {
            let quoted = quote_identifier(&role);
            let hint = match snapshot.provider() {
                Provider::Rds | Provider::Aurora => format!("GRANT rds_replication TO {quoted}"),
                _ => format!("ALTER ROLE {quoted} REPLICATION; being a member of such a role does not do"),
            };
            return Err(Impossible::NoRight { role, hint });
        }
        if self.checkpoint && !rights.may_checkpoint {
            let quoted = quote_identifier(&role);
            let hint = (snapshot.server.major() >= 15).then(|| format!("GRANT pg_checkpoint TO {quoted}"));
            return Err(Impossible::NoRightToCheckpoint { role, hint });
        }
        Ok(())
    }
}

/// What `--stale` takes: stale ones, and lost ones that nobody can bring back to life.
fn is_forgotten(judgement: &Judgement) -> bool {
    match judgement.verdict {
        Verdict::Stale => true,
        Verdict::Lost => !judgement.reasons.contains(&Reason::MayLiveAgain),
        _ => false,
    }
}
