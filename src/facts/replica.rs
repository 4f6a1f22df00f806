//! The other servers of a cluster, which count scans of their own.

use super::{Fact, Slot, StatisticsResets, Walsender};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest file that tells of a change of timeline: written when the server was promoted or restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineHistory {
    /// As `00000002.history`: the timeline in hexadecimal.
    pub file_name: Option<String>,
    pub modified_at: Option<Timestamp>,
}

/// A standby that was asked for its own counters (`--replica`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// Where it is, without a password.
    pub name: String,
    pub database: String,
    pub used: Fact<ReplicaUse>,
}

/// What a standby counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaUse {
    pub system_identifier: Option<String>,
    pub in_recovery: bool,
    pub started_at: Timestamp,
    /// Since when it counts.
    pub statistics_resets: Fact<StatisticsResets>,
    /// Who streams from it in turn.
    #[serde(default)]
    pub walsenders: Fact<Vec<Walsender>>,
    #[serde(default)]
    pub slots: Fact<Vec<Slot>>,
    /// Scans by index OID; what is missing was not scanned.
    pub idx_scans: Fact<BTreeMap<u32, u64>>,
}
