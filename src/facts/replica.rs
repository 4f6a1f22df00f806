//! Standbys of a cluster: each counts its own scans.

use super::{Fact, Slot, StatisticsResets, Walsender};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest timeline history file: written when the server was promoted or restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineHistory {
    /// As `00000002.history`: the timeline in hexadecimal.
    pub file_name: Option<String>,
    /// Modification time of the file (`pg_ls_waldir`); `None` without such a file.
    pub modified_at: Option<Timestamp>,
}

/// A standby that was read for its own counters (`--replica`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// Its conninfo, without a password.
    pub name: String,
    /// The database whose counters were read.
    pub database: String,
    /// The counters, or why the standby did not answer.
    pub used: Fact<ReplicaUse>,
}

/// What a standby counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaUse {
    /// `pg_control_system().system_identifier`; `None` where it could not be read.
    pub system_identifier: Option<String>,
    /// `pg_is_in_recovery()`; false means that it is no standby.
    pub in_recovery: bool,
    /// `pg_postmaster_start_time()`.
    pub started_at: Timestamp,
    /// Since when it counts.
    pub statistics_resets: Fact<StatisticsResets>,
    /// The standby's own rows of `pg_stat_replication`.
    #[serde(default)]
    pub walsenders: Fact<Vec<Walsender>>,
    /// The standby's own rows of `pg_replication_slots`.
    #[serde(default)]
    pub slots: Fact<Vec<Slot>>,
    /// Scans by index OID; what is missing was not scanned.
    pub idx_scans: Fact<BTreeMap<u32, u64>>,
}
