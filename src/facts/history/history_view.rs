//! The history of the server of a report.

use super::{Counters, DatabaseIndexHistory, Growth, SlotHistory, SlotSample, WalInterval};
use crate::facts::Snapshot;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The history of one server: the samples of its cluster branch in the store, and the snapshots of `--since`. Empty
/// without a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryView {
    /// Source of the samples; `None` if the store has none of this server.
    pub origin: Option<HistorySource>,
    /// Slots, one entry per name.
    pub slots: Vec<SlotHistory>,
    /// Indexes, one entry per database.
    pub indexes: Vec<DatabaseIndexHistory>,
    /// WAL written between samples, oldest first. The last interval ends at the present snapshot.
    pub wal: Vec<WalInterval>,
    /// Sizes over time of databases and relations.
    pub growth: Vec<Growth>,
    /// Counters of earlier snapshots and of the last check, unordered.
    pub counters: Vec<Counters>,
}

/// The cluster branch whose samples were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySource {
    /// The store's address, without a password.
    pub store: String,
    /// Its name in the store: `7312…#2`.
    pub cluster_branch: String,
    /// Number of samples.
    pub samples: usize,
    /// `collected_at` of the oldest sample.
    pub oldest: Timestamp,
    /// `collected_at` of the newest sample.
    pub newest: Timestamp,
}

impl HistoryView {
    /// Returns the history of the slot of this name; `None` without a sample.
    pub fn slot_history(&self, slot_name: &str) -> Option<&SlotHistory> {
        self.slots.iter().find(|past| past.slot_name == slot_name)
    }

    /// Returns the history of this database's indexes; `None` without a sample.
    pub fn index_history(&self, database: &str) -> Option<&DatabaseIndexHistory> {
        self.indexes.iter().find(|past| past.database == database)
    }

    /// Adds earlier snapshots of the same server. A snapshot that is also in the store counts once.
    pub fn add_snapshots(&mut self, earlier: &[Snapshot]) {
        self.add_slots(earlier);
        self.add_indexes(earlier);
        self.counters.extend(earlier.iter().map(Counters::from_snapshot));
    }

    /// Uses the longer index history of store and snapshots, per database.
    fn add_indexes(&mut self, earlier: &[Snapshot]) {
        let mut snapshots: Vec<&Snapshot> = earlier.iter().collect();
        snapshots.sort_by_key(|sample| sample.collected_at);
        let databases: BTreeSet<&str> = snapshots
            .iter()
            .flat_map(|snapshot| &snapshot.database_snapshots)
            .map(|contents| contents.database.as_str())
            .collect();
        for database in databases {
            let Some(history) = DatabaseIndexHistory::from_snapshots(&snapshots, database) else { continue };
            match self.indexes.iter_mut().find(|known| known.database == database) {
                Some(known) if known.since <= history.since => {}
                Some(known) => *known = history,
                None => self.indexes.push(history),
            }
        }
    }

    fn add_slots(&mut self, earlier: &[Snapshot]) {
        let known = earlier.iter().filter_map(|snapshot| snapshot.slots.known());
        let mut names: BTreeSet<String> = known.flatten().map(|slot| slot.slot_name.clone()).collect();
        names.extend(self.slots.iter().map(|past| past.slot_name.clone()));
        for name in names {
            let mut samples: Vec<SlotSample> =
                earlier.iter().filter_map(|snapshot| SlotSample::from_snapshot(snapshot, &name)).collect();
            let position = self.slots.iter().position(|past| past.slot_name == name);
            let before = position.map(|position| self.slots.swap_remove(position));
            let (record, first_seen) = before.map_or((None, None), |past| {
                samples.extend(past.samples);
                (past.record, Some(past.first_seen))
            });
            // Of two samples with the same time, the snapshot's has more data. It comes first and stays.
            samples.sort_by_key(|sample| sample.collected_at);
            samples.dedup_by_key(|sample| sample.collected_at);
            let first_present = samples.iter().find(|sample| sample.seen.is_some()).map(|sample| sample.collected_at);
            if let Some(first_seen) = [first_seen, first_present].into_iter().flatten().min() {
                self.slots.push(SlotHistory { slot_name: name, first_seen, record, samples });
            }
        }
    }
}
