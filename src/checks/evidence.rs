//! What checks evaluate: a snapshot, its history, and computations that several checks share.

use crate::analysis::index::{IndexAssessment, IndexLimits};
use crate::analysis::{index, slot};
use crate::facts::history::{Counters, HistoryView};
use crate::facts::{DatabaseSnapshot, Fact, Setting, Slot, Snapshot, Unavailable};
use crate::quote::{ShellCommand, code_span, grant};
use std::cell::OnceCell;

/// A snapshot and its history.
pub struct Evidence<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The history of the server.
    pub history: HistoryView,
    slot_limits: slot::Limits,
    index_limits: IndexLimits,
    slot_assessments: OnceCell<Vec<slot::SlotAssessment>>,
    index_assessments: OnceCell<Vec<IndexAssessment>>,
}

impl<'a> Evidence<'a> {
    /// Returns evidence with the default limits of verdicts.
    pub fn new(snapshot: &'a Snapshot, history: HistoryView) -> Evidence<'a> {
        Evidence {
            snapshot,
            history,
            slot_limits: slot::Limits::default(),
            index_limits: IndexLimits::default(),
            slot_assessments: OnceCell::new(),
            index_assessments: OnceCell::new(),
        }
    }

    /// Assesses slots and indexes with other limits than the defaults.
    #[must_use]
    pub fn with_limits(self, slot_limits: slot::Limits, index_limits: IndexLimits) -> Evidence<'a> {
        Evidence { slot_limits, index_limits, ..self }
    }

    /// Assesses indexes with other limits than the defaults.
    #[must_use]
    pub fn with_index_limits(self, index_limits: IndexLimits) -> Evidence<'a> {
        Evidence { index_limits, ..self }
    }

    /// Returns the newest counters from before this snapshot.
    pub fn previous_counters(&self) -> Option<&Counters> {
        let earlier =
            self.history.counters.iter().filter(|counters| counters.collected_at < self.snapshot.collected_at);
        earlier.max_by_key(|counters| counters.collected_at)
    }

    /// Returns every slot with its assessment.
    pub fn assessed_slots(&self) -> Result<impl Iterator<Item = (&'a Slot, &slot::SlotAssessment)>, Unavailable> {
        let slots = self.snapshot.slots.as_result().map_err(Clone::clone)?;
        Ok(slots.iter().zip(self.slot_assessments()))
    }

    /// Returns the assessments of the slots, in the order of the snapshot; none where the slots are unknown.
    pub fn slot_assessments(&self) -> &[slot::SlotAssessment] {
        self.slot_assessments.get_or_init(|| {
            let evidence =
                slot::SlotEvidence { snapshot: self.snapshot, history: &self.history, limits: &self.slot_limits };
            self.snapshot.slots.known().into_iter().flatten().map(|slot| evidence.assess(slot)).collect()
        })
    }

    /// Returns the verdicts on the indexes of every database that was read.
    pub fn assessed_indexes(&self) -> impl Iterator<Item = (&'a DatabaseSnapshot, &IndexAssessment)> {
        self.snapshot.database_snapshots.iter().zip(self.index_assessments())
    }

    /// Returns the verdicts on indexes in the order of the snapshot's databases.
    pub fn index_assessments(&self) -> &[IndexAssessment] {
        self.index_assessments.get_or_init(|| {
            let databases = self.snapshot.database_snapshots.iter();
            let assess = |db: &DatabaseSnapshot| {
                index::assess_indexes(self.snapshot, db, self.history.index_history(&db.database), &self.index_limits)
            };
            databases.map(assess).collect()
        })
    }

    /// Returns a setting.
    ///
    /// # Errors
    ///
    /// Returns the reason when the setting is hidden from the role, or does not exist in this version.
    pub fn setting(&self, name: &str) -> Result<&'a Setting, Unavailable> {
        let settings = self.snapshot.settings.as_result().map_err(Clone::clone)?;
        settings.get(name).ok_or_else(|| self.missing_setting(name))
    }

    /// Returns why a setting is missing. Nothing is hidden from a member of pg_monitor.
    pub fn missing_setting(&self, name: &str) -> Unavailable {
        let server = &self.snapshot.server;
        if server.role_is_superuser || server.role_is_monitor {
            return Unavailable::new("settings", format!("{name} was not read"));
        }
        self.hidden_fact("settings", &format!("{name} is hidden from this role"))
    }

    /// Returns a setting that is a plain number; `None` when it is missing or not a number.
    pub fn setting_number(&self, name: &str) -> Option<u64> {
        self.snapshot.settings.known()?.get(name)?.setting.parse().ok()
    }

    /// Returns the reason for a fact that a member of pg_monitor can read, with the GRANT.
    pub fn hidden_fact(&self, fact: &str, reason: &str) -> Unavailable {
        Unavailable::new(fact, reason).with_hint(Some(grant("pg_monitor", &self.snapshot.server.role)))
    }

    /// Returns the WAL that a slot retains, in bytes: 0 for a slot that has reserved none.
    ///
    /// # Errors
    ///
    /// Returns the reason when the current position of WAL is unknown.
    pub fn retained_bytes(&self, slot: &Slot) -> Result<u64, Unavailable> {
        match (slot.retained_from(), self.snapshot.current_lsn()) {
            (None, _) => Ok(0),
            (Some(from), Some(now)) => Ok(now.bytes_since(from)),
            (Some(_), None) => Err(self.unknown_position()),
        }
    }

    /// Returns why the current position of WAL is unknown.
    pub fn unknown_position(&self) -> Unavailable {
        let hidden = || self.hidden_fact("wal position", "the current WAL position is unknown");
        self.snapshot.wal_position.as_result().err().cloned().unwrap_or_else(hidden)
    }

    /// Returns the whole seconds from a time until the snapshot.
    pub fn seconds_since(&self, time: jiff::Timestamp) -> u64 {
        u64::try_from(self.snapshot.collected_at.duration_since(time).as_secs()).unwrap_or(0)
    }
}

/// Returns a fact of every database where it is known, and adds the reasons of the others to the outcome.
pub fn collect_database_facts<'a, T: 'a>(
    snapshot: &'a Snapshot,
    fact: impl Fn(&'a DatabaseSnapshot) -> &'a Fact<T>,
    outcome: &mut super::CheckOutcome,
) -> Vec<(&'a DatabaseSnapshot, &'a T)> {
    if snapshot.database_snapshots.is_empty()
        && !snapshot.skipped.iter().any(|skipped| snapshot.is_skipped_gap(skipped))
    {
        outcome.add_unavailable(&Unavailable::new("database contents", "no database was read"));
    }
    let mut known = Vec::new();
    for db in &snapshot.database_snapshots {
        match fact(db).as_result() {
            Ok(value) => known.push((db, value)),
            Err(why) => outcome.add_unavailable(&Unavailable {
                reason: format!("in database {}: {}", db.database, why.reason),
                ..why.clone()
            }),
        }
    }
    for skipped in snapshot.skipped.iter().filter(|skipped_database| snapshot.is_skipped_gap(skipped_database)) {
        let reason = format!("database {} was skipped: {}", skipped.database, skipped.reason);
        outcome.add_unavailable(&Unavailable::new("database contents", reason).with_hint(skipped.hint.clone()));
    }
    known
}

/// Returns the command that shows the evidence on a slot, as a code span.
pub fn slots_why_command(slot_name: &str) -> String {
    code_span(&ShellCommand::new("pgtend slots why").operand(slot_name).to_string())
}

/// Returns a relation's name for messages and silences, such as `shop/public.orders`.
pub fn relation_subject(database: &str, schema: &str, name: &str) -> String {
    format!("{database}/{schema}.{name}")
}
