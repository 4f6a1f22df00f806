//! What the samples saw of a replication slot.

use crate::model::Lsn;
use jiff::Timestamp;
use serde::Serialize;

/// One sample's view of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotSample {
    pub collected_at: Timestamp,
    pub is_present: bool,
    pub is_active: bool,
    pub restart_lsn: Option<Lsn>,
    pub confirmed_flush_lsn: Option<Lsn>,
    pub wal_status: Option<String>,
    pub inactive_since: Option<Timestamp>,
}

/// A slot over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotPast {
    pub slot_name: String,
    pub first_seen: Timestamp,
    /// Since when it is certain to be the same slot.
    pub certain_since: Timestamp,
    /// The last sample that found it in use; survives pruning.
    pub last_active: Option<Timestamp>,
    /// The last sample that shows a visit: in use, an LSN that moved, or an `inactive_since` that moved although the
    /// server had not been restarted.
    pub last_visited: Option<Timestamp>,
    /// The sample since which neither LSN moved.
    pub frozen_since: Timestamp,
    pub samples: Vec<SlotSample>,
}

impl SlotPast {
    /// Frozen, but its consumer came by: it connects and fails.
    pub fn is_visited_but_frozen(&self) -> bool {
        self.last_visited.is_some_and(|visited| visited > self.frozen_since)
    }

    /// Samples that saw the slot, and those of them that found it in use.
    pub fn seen_and_active(&self) -> (usize, usize) {
        let seen = self.samples.iter().filter(|sample| sample.is_present);
        (seen.clone().count(), seen.filter(|sample| sample.is_active).count())
    }
}
