//! Replication slots.

use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `pg_replication_slots.slot_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotType {
    /// Streams WAL to a standby or an archive.
    Physical,
    /// Decodes WAL of one database.
    Logical,
}

/// Availability of the WAL that a slot needs (PostgreSQL manual, 52.19 "pg_replication_slots").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WalStatus {
    /// The retained WAL is within `max_wal_size`.
    Reserved,
    /// The retained WAL exceeds `max_wal_size`, and the files are still retained.
    Extended,
    /// The slot no longer retains its WAL: the next checkpoint removes some of it.
    Unreserved,
    /// WAL that the slot needs is removed: the slot cannot be used.
    Lost,
}

/// One row of `pg_replication_slots`, every column of every version from 13 to 19; what a version does not have is
/// `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Slot {
    /// `pg_replication_slots.slot_name`.
    pub slot_name: String,
    /// Output plugin of a logical slot; `None` for a physical slot.
    pub plugin: Option<String>,
    /// `pg_replication_slots.slot_type`.
    pub slot_type: SlotType,
    /// Database of a logical slot; `None` for a physical slot.
    pub database: Option<String>,
    /// Whether it is dropped at the end of its session.
    pub temporary: bool,
    /// A process uses the slot now.
    pub active: bool,
    /// The process that uses the slot; `None` when it is inactive.
    pub active_pid: Option<i32>,
    /// The oldest WAL its consumer may need; `None` when it never reserved WAL or was invalidated.
    pub restart_lsn: Option<Lsn>,
    /// Position that the consumer has confirmed; logical slots only.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// State of its WAL; `None` when it never reserved WAL.
    pub wal_status: Option<WalStatus>,
    /// Bytes of WAL until the slot may be lost; `None` when lost, or without a limit.
    pub safe_wal_size: Option<i64>,
    /// Age of `xmin` in transactions: rows of all tables that VACUUM cannot remove.
    pub xmin_age: Option<i64>,
    /// Age of `catalog_xmin` in transactions: the same for catalogs.
    pub catalog_xmin_age: Option<i64>,
    /// 14 and newer.
    #[serde(default)]
    pub two_phase: Option<bool>,
    /// 18 and newer.
    #[serde(default)]
    pub two_phase_at: Option<Lsn>,
    /// 16 and newer; logical slots only.
    #[serde(default)]
    pub conflicting: Option<bool>,
    /// 17 and newer. Every server start sets it, so inactivity may have begun earlier
    /// (docs/reference/slots.md#inactive_since).
    #[serde(default)]
    pub inactive_since: Option<Timestamp>,
    /// 17 and newer.
    #[serde(default)]
    pub invalidation_reason: Option<String>,
    /// 17 and newer.
    #[serde(default)]
    pub failover: Option<bool>,
    /// 17 and newer.
    #[serde(default)]
    pub synced: Option<bool>,
    /// On a standby: why the last synchronization of the copy was skipped, such as `wal_not_flushed`; `None` after a success.
    /// 19 and newer.
    #[serde(default)]
    pub slotsync_skip_reason: Option<String>,
    /// `pg_stat_replication_slots.slotsync_skip_count`: skipped synchronizations. 19 and newer.
    #[serde(default)]
    pub slotsync_skip_count: Option<u64>,
    /// `pg_stat_replication_slots.slotsync_last_skip`: time of the last skipped synchronization. 19 and newer.
    #[serde(default)]
    pub slotsync_last_skip: Option<Timestamp>,
    /// The REPACK (CONCURRENTLY) that uses the slot; `None` without one, or when its process is hidden. 19 and newer.
    #[serde(default)]
    pub repack: Option<SlotRepack>,
}

/// A REPACK (CONCURRENTLY), which decodes the changes of its table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SlotRepack {
    /// Process that runs REPACK (`pg_stat_progress_repack.pid`).
    pub pid: i32,
    /// Quoted name of the table; `None` in another database than the connected one, or when hidden.
    pub table: Option<String>,
}

impl Slot {
    /// Returns whether the slot is invalidated: WAL or rows that it needed were removed, and it retains nothing.
    /// On 18 a slot that timed out still has a `restart_lsn` (docs/reference/slots.md#invalidation).
    pub fn is_lost(&self) -> bool {
        self.wal_status == Some(WalStatus::Lost) || self.invalidation_reason.is_some()
    }

    /// Returns whether it is the temporary slot of a REPACK (CONCURRENTLY). Such slots count toward
    /// `max_repack_replication_slots`, not toward `max_replication_slots` (docs/reference/slots.md#slots-of-repack).
    pub fn is_of_repack(&self) -> bool {
        self.temporary && self.plugin.as_deref() == Some("pgrepack")
    }

    /// Returns the position from which the slot retains WAL; `None` if it retains none.
    pub fn retained_from(&self) -> Option<Lsn> {
        if self.is_lost() { None } else { self.restart_lsn }
    }
}
