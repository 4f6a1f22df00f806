//! A replication slot in earlier samples.

use crate::facts::{Slot, SlotType, Snapshot};
use crate::units::Lsn;
use jiff::Timestamp;
use serde::Serialize;

/// A slot over time, made of the store's samples, of snapshots, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotHistory {
    /// `pg_replication_slots.slot_name`.
    pub slot_name: String,
    /// The first sample that shows the name.
    pub first_seen: Timestamp,
    /// What the store records of it; `None` for a slot that only snapshots have.
    pub record: Option<SlotRecord>,
    /// Oldest first. The store thins old ones.
    pub samples: Vec<SlotSample>,
}

/// What of a slot outlives the thinning of samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotRecord {
    /// Since when it is certain to be the same slot.
    pub certain_since: Timestamp,
    /// The last sample that found it in use.
    pub last_active: Option<Timestamp>,
    /// The last sample that shows a visit: in use, an LSN that moved, or an `inactive_since` that moved although the
    /// server had not been restarted.
    pub last_connected: Option<Timestamp>,
    /// The sample since which neither LSN moved.
    pub frozen_since: Timestamp,
}

/// One sample of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotSample {
    /// The server's clock when the sample was taken.
    pub collected_at: Timestamp,
    /// The server's last start before the sample: each start sets `inactive_since`.
    pub started_at: Timestamp,
    /// Position of WAL at the sample; `None` where it could not be read.
    pub current_lsn: Option<Lsn>,
    /// `None`: there was no slot of that name.
    pub seen: Option<SlotState>,
}

/// The slot at one sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotState {
    /// `pg_replication_slots.slot_type`.
    pub slot_type: SlotType,
    /// `pg_replication_slots.plugin`; `None` for a physical slot.
    pub plugin: Option<String>,
    /// `None` for a physical slot, and where the sample does not have it.
    pub database: Option<String>,
    /// `pg_replication_slots.active`.
    pub is_active: bool,
    /// `pg_replication_slots.restart_lsn`.
    pub restart_lsn: Option<Lsn>,
    /// `pg_replication_slots.confirmed_flush_lsn`; `None` for a physical slot.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// `pg_replication_slots.inactive_since`; `None` before 17.
    pub inactive_since: Option<Timestamp>,
    /// Rows written in the slot's database so far, where it is known.
    pub rows_written: Option<u64>,
}

impl SlotSample {
    /// What a snapshot shows of the slot; `None` when it does not know the slots.
    pub fn from_snapshot(snapshot: &Snapshot, slot_name: &str) -> Option<SlotSample> {
        let slot = snapshot.slots.known()?.iter().find(|slot| slot.slot_name == slot_name);
        Some(SlotSample {
            collected_at: snapshot.collected_at,
            started_at: snapshot.server.started_at,
            current_lsn: snapshot.current_lsn(),
            seen: slot.map(|slot| SlotState::from_slot(slot, snapshot)),
        })
    }
}

impl SlotState {
    fn from_slot(slot: &Slot, snapshot: &Snapshot) -> SlotState {
        let written = snapshot.database_writes.known().zip(slot.database.as_ref()).and_then(|(writes, database)| {
            writes.iter().find(|writes| writes.database == *database).map(|writes| writes.rows_written)
        });
        SlotState {
            slot_type: slot.slot_type,
            plugin: slot.plugin.clone(),
            database: slot.database.clone(),
            is_active: slot.active,
            restart_lsn: slot.restart_lsn,
            confirmed_flush_lsn: slot.confirmed_flush_lsn,
            inactive_since: slot.inactive_since,
            rows_written: written,
        }
    }

    /// Returns whether it can be the same slot: type and plugin are equal, and the database where both have one.
    pub fn has_same_kind(&self, other: &SlotState) -> bool {
        let databases = self.database.as_ref().zip(other.database.as_ref());
        (self.slot_type, &self.plugin) == (other.slot_type, &other.plugin)
            && databases.is_none_or(|(ours, theirs)| ours == theirs)
    }

    /// Whether both positions are the same.
    pub fn has_same_positions(&self, other: &SlotState) -> bool {
        (self.restart_lsn, self.confirmed_flush_lsn) == (other.restart_lsn, other.confirmed_flush_lsn)
    }

    /// WAL that its consumer has not confirmed: of a standby, what it has not flushed.
    pub fn unconfirmed_bytes(&self, current_lsn: Option<Lsn>) -> Option<u64> {
        let position = match self.slot_type {
            SlotType::Logical => self.confirmed_flush_lsn.or(self.restart_lsn),
            SlotType::Physical => self.restart_lsn,
        };
        Some(current_lsn?.bytes_since(position?))
    }
}
