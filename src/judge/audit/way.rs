//! Ways of moving a cluster to a smaller disk (fact sheet on slots and storage, E1 to E3).

use super::Amount;
use crate::model::Provider;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
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

impl Way {
    pub const ALL: [Way; 7] = [
        Way::BlueGreen,
        Way::BlueGreenUpgrade,
        Way::Shrink,
        Way::Basebackup,
        Way::Dump,
        Way::LogicalReplication,
        Way::Dms,
    ];

    /// Block by block: bloat moves along. Else every heap and index is written anew.
    pub fn is_physical(self) -> bool {
        matches!(self, Way::BlueGreen | Way::Shrink | Way::Basebackup)
    }

    /// Whether a provider has it.
    pub fn is_offered_by(self, provider: Provider) -> bool {
        match self {
            Way::BlueGreen | Way::BlueGreenUpgrade => provider == Provider::Rds,
            Way::Dms => matches!(provider, Provider::Rds | Provider::Aurora),
            Way::Shrink => provider == Provider::Cloudsql,
            Way::Basebackup => provider == Provider::Unknown,
            Way::Dump | Way::LogicalReplication => true,
        }
    }

    /// What most would take there.
    pub fn usual_for(provider: Provider) -> Way {
        match provider {
            Provider::Rds => Way::BlueGreen,
            Provider::Cloudsql => Way::Shrink,
            Provider::Unknown => Way::Basebackup,
            _ => Way::Dump,
        }
    }

    pub fn id(self) -> &'static str {
        match self {
            Way::BlueGreen => "blue-green",
            Way::BlueGreenUpgrade => "blue-green-upgrade",
            Way::Shrink => "shrink",
            Way::Basebackup => "basebackup",
            Way::Dump => "dump",
            Way::LogicalReplication => "logical-replication",
            Way::Dms => "dms",
        }
    }
}

/// A way, and what arrives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arrival {
    pub way: Way,
    pub is_physical: bool,
    pub is_offered: bool,
    /// After the clean-up, databases with what lies beside them; `None` where a part is not known.
    pub arrives: Option<Amount>,
    /// The smallest volume, after the provider's floor and step.
    pub minimum: Option<Amount>,
    pub recommended: Option<Amount>,
    /// What is known of the minimum where not all is.
    pub at_least_bytes: u64,
}
