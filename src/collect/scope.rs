//! The facts that a command collects, and how.

use super::ConnectionBudget;
use crate::facts::{FactGroup, FactGroups};

/// The facts to collect, and how.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The groups of facts. A fact of another group is [`Fact::not_requested`](crate::facts::Fact::not_requested).
    pub facts: FactGroups,
    /// The indexes whose definitions and column names are read.
    pub definitions: Definitions,
    /// The relations whose bloat is estimated.
    pub bloat: BloatFilter,
    /// Measure every relation.
    pub exact: bool,
    /// The databases that are read over a connection.
    pub database_selection: DatabaseSelection,
    /// Number of concurrent connections.
    pub jobs: usize,
    /// Budget of further connections.
    pub connection_budget: ConnectionBudget,
    /// Read the size of a large database over another connection: for reports on one server, not for fleets.
    pub concurrent_size: bool,
}

/// Disk usage of the whole cluster, and the relations of the databases.
const SPACE: FactGroups = FactGroups::new(&[
    FactGroup::Databases,
    FactGroup::Storage,
    FactGroup::Tablespaces,
    FactGroup::Slots,
    FactGroup::Wal,
    FactGroup::Relations,
]);

/// Facts that only some reports need.
const DETAILS: FactGroups = FactGroups::new(&[
    FactGroup::IndexFacts,
    FactGroup::IndexBuilds,
    FactGroup::Autovacuum,
    FactGroup::Health,
    FactGroup::TableBloat,
    FactGroup::IndexBloat,
    FactGroup::PostUpdate,
    FactGroup::CopySize,
]);

/// Facts that neither a check nor the history uses.
const UNCHECKED: FactGroups = FactGroups::new(&[FactGroup::Tablespaces, FactGroup::CopySize]);

/// The indexes whose definitions are read; each needs a lock.
#[derive(Clone, Debug, Default)]
pub enum Definitions {
    /// Read no definitions.
    #[default]
    None,
    /// Those that remain after the filters, largest first.
    Matching {
        /// Name pattern of the schema; `None` matches all.
        schema: Option<glob::Pattern>,
        /// Name pattern of the table; `None` matches all.
        table: Option<glob::Pattern>,
        /// Maximum number of definitions.
        most: usize,
    },
}

/// The relations whose bloat is estimated, if the fact groups include it.
#[derive(Clone, Debug, Default)]
pub struct BloatFilter {
    /// Name pattern of the schema; `None` matches all.
    pub schema: Option<glob::Pattern>,
    /// Name pattern of the table; `None` matches all.
    pub table: Option<glob::Pattern>,
    /// Minimum size in bytes.
    pub min_size: u64,
    /// Number of relations that are read page by page, the largest first; 0 for estimates only.
    pub full_scans: usize,
}

impl Scope {
    /// Returns the facts about disk usage of the whole cluster, and the relations of the databases.
    pub fn space() -> Scope {
        Scope { facts: SPACE, ..Scope::default() }
    }

    /// Returns the facts of `pgtend check`: those that a check evaluates or the history stores.
    pub fn nightly() -> Scope {
        let everything = Scope::everything();
        Scope { facts: everything.facts.without(UNCHECKED), definitions: Definitions::None, ..everything }
    }

    /// Copies precision and connections of another scope.
    pub fn with_options_of(self, other: &Scope) -> Scope {
        let Scope { exact, jobs, .. } = *other;
        Scope {
            exact,
            jobs,
            database_selection: other.database_selection.clone(),
            connection_budget: other.connection_budget.clone(),
            ..self
        }
    }

    /// Returns everything that a snapshot file has.
    pub fn everything() -> Scope {
        Scope {
            facts: SPACE.union(DETAILS),
            definitions: Definitions::Matching { schema: None, table: None, most: MAX_DEFINITIONS },
            jobs: 1,
            ..Scope::default()
        }
    }

    /// Returns the scope of each of this many databases, of which `jobs` are read at the same time.
    pub fn share_for(&self, databases: usize) -> Scope {
        let jobs = self.jobs.max(1);
        let at_once = databases.clamp(1, jobs);
        Scope {
            jobs: jobs / at_once,
            connection_budget: ConnectionBudget::for_concurrent(at_once, jobs),
            concurrent_size: false,
            ..self.clone()
        }
    }
}

/// Maximum number of index definitions in a snapshot.
pub const MAX_DEFINITIONS: usize = 1_000;

/// Maximum number of tables, and of indexes, with statistics in a snapshot.
pub const MAX_STATISTICS: usize = 500;

/// Maximum number of tables, and of indexes, that a snapshot scans completely.
pub const MAX_FULL_SCANS: usize = 100;

/// The databases to read. Each needs a separate connection, except for the connected one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DatabaseSelection {
    /// The connected database.
    #[default]
    Connected,
    /// The databases of a target's list; the connected database only if it is in the list.
    Listed(Vec<String>),
    /// All databases that the role may connect to.
    All,
}

impl DatabaseSelection {
    /// Returns whether rows may come from several databases, so that each needs the name of its database.
    pub fn may_select_several(&self) -> bool {
        *self != DatabaseSelection::Connected
    }

    /// Returns whether the connected database is read.
    pub(super) fn includes_connected(&self, name: &str) -> bool {
        match self {
            DatabaseSelection::Connected | DatabaseSelection::All => true,
            DatabaseSelection::Listed(names) => names.iter().any(|listed| listed == name),
        }
    }
}
