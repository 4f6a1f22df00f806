//! What stands in the way of a move to another server.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a logical copy does not carry over, or carries over in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObstacleKind {
    NoReplicaIdentity,
    Unlogged,
    MaterializedView,
    EventTrigger,
    ForeignServer,
    Publication,
    Extension,
    LargeObject,
}

/// How many there are, and some of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedObjects {
    pub count: u64,
    pub names: Vec<String>,
}

/// All of one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacles {
    pub found: BTreeMap<ObstacleKind, NamedObjects>,
}

/// A setting that waits for a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRestart {
    pub name: String,
}

/// For whom somebody set `default_transaction_read_only`; `None` for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOnlyOverride {
    pub role: Option<String>,
    pub database: Option<String>,
    pub setting: String,
}
