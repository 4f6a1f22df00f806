//! A replication slot in earlier samples.

use crate::facts::{Slot, SlotType, Snapshot};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// A slot over time, from samples of the store, snapshots, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotHistory {
    /// `pg_replication_slots.slot_name`.
    pub slot_name: String,
    /// The first sample with this name.
    pub first_seen: Timestamp,
    /// Record of the store; `None` for a slot that only snapshots have.
    pub record: Option<SlotRecord>,
    /// Samples, oldest first. The store thins old ones.
    pub samples: Vec<SlotSample>,
}

/// Data of a slot that is kept when samples are thinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotRecord {
    /// Time since which it is certainly the same slot.
    pub certain_since: Timestamp,
    /// The last sample that found it in use.
    pub last_active: Option<Timestamp>,
    /// The last sample that shows a connection: the slot is active, an LSN has changed, or `inactive_since` has changed
    /// without a server restart.
    pub last_connected: Option<Timestamp>,
    /// The sample since which neither LSN has changed.
    pub frozen_since: Timestamp,
}

/// One sample of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotSample {
    /// The server's clock when the sample was taken.
    pub collected_at: Timestamp,
    /// The server's last start before the sample: each start sets `inactive_since`.
    pub started_at: Timestamp,
    /// Position of WAL at the sample; `None` where it could not be read.
    pub current_lsn: Option<Lsn>,
    /// State of the slot; `None` if no slot had this name.
    pub seen: Option<SlotState>,
}

/// The slot at one sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotState {
    /// `pg_replication_slots.slot_type`.
    pub slot_type: SlotType,
    /// `pg_replication_slots.plugin`; `None` for a physical slot.
    pub plugin: Option<String>,
    /// Database; `None` for a physical slot, and if the sample does not have it.
    pub database: Option<String>,
    /// `pg_replication_slots.active`.
    pub is_active: bool,
    /// `pg_replication_slots.restart_lsn`.
    pub restart_lsn: Option<Lsn>,
    /// `pg_replication_slots.confirmed_flush_lsn`; `None` for a physical slot.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// `pg_replication_slots.inactive_since`; `None` before 17.
    pub inactive_since: Option<Timestamp>,
    /// Rows written in the slot's database since the last reset; `None` if unknown.
    pub rows_written: Option<u64>,
}

impl SlotSample {
    /// Returns the sample of a snapshot; `None` if its slots are unavailable.
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

    /// Returns whether both positions are the same.
    pub fn has_same_positions(&self, other: &SlotState) -> bool {
        (self.restart_lsn, self.confirmed_flush_lsn) == (other.restart_lsn, other.confirmed_flush_lsn)
    }

    /// Returns the bytes of WAL that its consumer has not confirmed; for a standby, not flushed.
    pub fn unconfirmed_bytes(&self, current_lsn: Option<Lsn>) -> Option<u64> {
        let position = match self.slot_type {
            SlotType::Logical => self.confirmed_flush_lsn.or(self.restart_lsn),
            SlotType::Physical => self.restart_lsn,
        };
        Some(current_lsn?.bytes_since(position?))
    }
}
