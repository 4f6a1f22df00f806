//! Methods of moving a cluster to a smaller volume (docs/reference/providers.md#methods-of-moving-to-a-smaller-volume).

use super::Amount;
use crate::facts::Provider;
use schemars::JsonSchema;
use serde::Serialize;

/// Method of moving a cluster to a smaller volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MoveMethod {
    /// RDS Blue/Green within a major version: a physical copy.
    BlueGreen,
    /// RDS Blue/Green with a major upgrade: a logical copy.
    BlueGreenUpgrade,
    /// Cloud SQL's storage shrink, in place.
    Shrink,
    /// pg_basebackup, or a standby, on a smaller volume.
    Basebackup,
    /// pg_dump and pg_restore.
    Dump,
    /// A publication and a subscription for each database.
    LogicalReplication,
    /// AWS Database Migration Service.
    Dms,
}

impl MoveMethod {
    /// All methods, in the order of the help.
    pub const ALL: [MoveMethod; 7] = [
        MoveMethod::BlueGreen,
        MoveMethod::BlueGreenUpgrade,
        MoveMethod::Shrink,
        MoveMethod::Basebackup,
        MoveMethod::Dump,
        MoveMethod::LogicalReplication,
        MoveMethod::Dms,
    ];

    /// Returns whether the method copies block by block, so that bloat is copied too. The others rewrite each heap and
    /// index.
    pub fn is_physical(self) -> bool {
        matches!(self, MoveMethod::BlueGreen | MoveMethod::Shrink | MoveMethod::Basebackup)
    }

    /// Returns whether a provider offers the method.
    pub fn is_offered_by(self, provider: Provider) -> bool {
        match self {
            MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => provider == Provider::Rds,
            MoveMethod::Dms => matches!(provider, Provider::Rds | Provider::Aurora),
            MoveMethod::Shrink => provider == Provider::Cloudsql,
            MoveMethod::Basebackup => provider == Provider::Unknown,
            MoveMethod::Dump | MoveMethod::LogicalReplication => true,
        }
    }

    /// Returns the usual method of a provider.
    pub fn default_for(provider: Provider) -> MoveMethod {
        match provider {
            Provider::Rds => MoveMethod::BlueGreen,
            Provider::Cloudsql => MoveMethod::Shrink,
            Provider::Unknown => MoveMethod::Basebackup,
            _ => MoveMethod::Dump,
        }
    }

    /// Returns the name in options, configuration and JSON.
    pub fn id(self) -> &'static str {
        match self {
            MoveMethod::BlueGreen => "blue-green",
            MoveMethod::BlueGreenUpgrade => "blue-green-upgrade",
            MoveMethod::Shrink => "shrink",
            MoveMethod::Basebackup => "basebackup",
            MoveMethod::Dump => "dump",
            MoveMethod::LogicalReplication => "logical-replication",
            MoveMethod::Dms => "dms",
        }
    }
}

/// A method and the volume sizes that it leads to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MethodEstimate {
    /// The method.
    pub method: MoveMethod,
    /// Whether it copies block by block.
    pub is_physical: bool,
    /// Whether the provider offers it.
    pub is_offered: bool,
    /// Size of all data after clean-up and move; `None` when a part is unknown.
    pub size_after_bytes: Option<Amount>,
    /// Smallest volume that works, rounded up to a size that the provider offers; `None` when a part is unknown.
    pub minimum: Option<Amount>,
    /// Minimum plus growth and margin, rounded up likewise; `None` when a part is unknown.
    pub recommended: Option<Amount>,
    /// Lower bound of the minimum in bytes, from the known parts.
    pub at_least_bytes: u64,
}
