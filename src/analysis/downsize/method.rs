//! Ways of moving a cluster to a smaller disk (fact sheet on slots and storage, E1 to E3).

use super::Amount;
use crate::facts::Provider;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
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
    pub const ALL: [MoveMethod; 7] = [
        MoveMethod::BlueGreen,
        MoveMethod::BlueGreenUpgrade,
        MoveMethod::Shrink,
        MoveMethod::Basebackup,
        MoveMethod::Dump,
        MoveMethod::LogicalReplication,
        MoveMethod::Dms,
    ];

    /// Block by block: bloat moves along. Else every heap and index is written anew.
    pub fn is_physical(self) -> bool {
        matches!(self, MoveMethod::BlueGreen | MoveMethod::Shrink | MoveMethod::Basebackup)
    }

    /// Whether a provider has it.
    pub fn is_offered_by(self, provider: Provider) -> bool {
        match self {
            MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => provider == Provider::Rds,
            MoveMethod::Dms => matches!(provider, Provider::Rds | Provider::Aurora),
            MoveMethod::Shrink => provider == Provider::Cloudsql,
            MoveMethod::Basebackup => provider == Provider::Unknown,
            MoveMethod::Dump | MoveMethod::LogicalReplication => true,
        }
    }

    /// What most would take there.
    pub fn default_for(provider: Provider) -> MoveMethod {
        match provider {
            Provider::Rds => MoveMethod::BlueGreen,
            Provider::Cloudsql => MoveMethod::Shrink,
            Provider::Unknown => MoveMethod::Basebackup,
            _ => MoveMethod::Dump,
        }
    }

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

/// A method and its estimated size after the move.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodEstimate {
    pub method: MoveMethod,
    pub is_physical: bool,
    pub is_offered: bool,
    /// After the clean-up, databases with what lies beside them; `None` where a part is not known.
    pub size_after_bytes: Option<Amount>,
    /// The smallest volume, after the provider's floor and step.
    pub minimum: Option<Amount>,
    pub recommended: Option<Amount>,
    /// What is known of the minimum where not all is.
    pub at_least_bytes: u64,
}
