//! Standbys of a cluster, with their scan counters.

use super::{Fact, Slot, StatisticsResets, Walsender};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest timeline history file: written when the server was promoted or restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct TimelineHistory {
    /// File name with the timeline in hexadecimal, such as `00000002.history`.
    pub file_name: Option<String>,
    /// Modification time of the file (`pg_ls_waldir`); `None` without such a file.
    pub modified_at: Option<Timestamp>,
}

/// A standby whose counters were read (`--replica`).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Replica {
    /// Its conninfo, without a password.
    pub name: String,
    /// The database whose counters were read.
    pub database: String,
    /// The counters, or the reason why they could not be read.
    pub used: Fact<ReplicaUse>,
}

/// How the sender of a standby knows the standby.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct StandbySource {
    /// `pg_stat_wal_receiver.slot_name`, else `primary_slot_name`; `None` without a slot.
    pub slot_name: Option<String>,
    /// `application_name` of the WAL receiver's connection; `None` while it is not connected, or hidden from the role.
    pub application_name: Option<String>,
}

/// Counters of a standby.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct ReplicaUse {
    /// `pg_control_system().system_identifier`; `None` where it could not be read.
    pub system_identifier: Option<String>,
    /// `pg_is_in_recovery()`; false means that it is no standby.
    pub in_recovery: bool,
    /// `pg_postmaster_start_time()`.
    pub started_at: Timestamp,
    /// Resets of the counters.
    pub statistics_resets: Fact<StatisticsResets>,
    /// How the sender of the standby knows it.
    #[serde(default)]
    pub source: Fact<StandbySource>,
    /// Rows of `pg_stat_replication` on the standby.
    #[serde(default)]
    pub walsenders: Fact<Vec<Walsender>>,
    /// Rows of `pg_replication_slots` on the standby.
    #[serde(default)]
    pub slots: Fact<Vec<Slot>>,
    /// Scans by index OID; a missing index was not scanned.
    pub idx_scans: Fact<BTreeMap<u32, u64>>,
}
