//! Obstacles to a move to another server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kind of object that a logical copy omits or treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObstacleKind {
    /// Tables without a replica identity: UPDATE and DELETE of them do not replicate.
    NoReplicaIdentity,
    /// Unlogged tables: their rows are not in WAL.
    Unlogged,
    /// Materialized views: they are not replicated.
    MaterializedView,
    /// Event triggers: they may fire during a restore.
    EventTrigger,
    /// Foreign servers: they must be reachable from the new server.
    ForeignServer,
    /// Publications.
    Publication,
    /// Installed extensions.
    Extension,
    /// Large objects: they are not replicated.
    LargeObject,
}

/// Number of objects, and some of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct NamedObjects {
    /// Number of objects.
    pub count: u64,
    /// Names of some of them, qualified where they have a schema.
    pub names: Vec<String>,
}

/// Obstacles of one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Obstacles {
    /// Obstacles by kind; a kind without objects is missing.
    pub found: BTreeMap<ObstacleKind, NamedObjects>,
}

/// A setting that waits for a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct PendingRestart {
    /// `pg_settings.name` where `pending_restart` is true.
    pub name: String,
}

/// A `default_transaction_read_only` that is set for a role or a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ReadOnlyOverride {
    /// Name of the role; `None` for all roles.
    pub role: Option<String>,
    /// Name of the database; `None` for all databases.
    pub database: Option<String>,
    /// The entry of `pg_db_role_setting.setconfig`.
    pub setting: String,
}
