//! Which facts a command collects, and how.

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
    /// Which databases are read from inside.
    pub database_selection: DatabaseSelection,
    /// Number of concurrent connections.
    pub jobs: usize,
    /// Budget of further connections.
    pub connection_budget: ConnectionBudget,
    /// Read the size of a large database over one more connection: for lists on a terminal, not for fleets.
    pub concurrent_size: bool,
}

/// What takes space in the whole cluster, and the relations of the databases.
const SPACE: FactGroups = FactGroups::new(&[
    FactGroup::Databases,
    FactGroup::Storage,
    FactGroup::Tablespaces,
    FactGroup::Slots,
    FactGroup::Wal,
    FactGroup::Relations,
]);

/// What only some reports need.
const DETAILS: FactGroups = FactGroups::new(&[
    FactGroup::IndexFacts,
    FactGroup::IndexBuilds,
    FactGroup::Health,
    FactGroup::TableBloat,
    FactGroup::IndexBloat,
    FactGroup::CopySize,
]);

/// What neither a check nor the history uses.
const UNCHECKED: FactGroups = FactGroups::new(&[FactGroup::Tablespaces, FactGroup::CopySize]);

/// Which indexes' definitions are read: they cost the server a lock each.
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
        /// The most definitions that are read.
        most: usize,
    },
}

/// The relations whose bloat is estimated, where the groups of facts include it.
#[derive(Clone, Debug, Default)]
pub struct BloatFilter {
    /// Name pattern of the schema; `None` matches all.
    pub schema: Option<glob::Pattern>,
    /// Name pattern of the table; `None` matches all.
    pub table: Option<glob::Pattern>,
    /// Bytes; smaller relations are left out.
    pub min_size: u64,
    /// Number of relations that are read page by page, the largest first; 0 for estimates only.
    pub full_scans: usize,
}

impl Scope {
    /// Returns the facts about space in the whole cluster, and the relations of the databases.
    pub fn space() -> Scope {
        Scope { facts: SPACE, ..Scope::default() }
    }

    /// The facts of a run of `pgtend check`: all that a check evaluates or the history keeps.
    pub fn nightly() -> Scope {
        let everything = Scope::everything();
        Scope { facts: everything.facts.without(UNCHECKED), definitions: Definitions::None, ..everything }
    }

    /// Takes over thoroughness and connections of another scope.
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

    /// Returns the share of each of this many databases, of which `jobs` are read at once.
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

/// Most index definitions that one snapshot reads.
pub const MAX_DEFINITIONS: usize = 1_000;

/// Most tables, and most indexes, whose statistics one snapshot reads.
pub const MAX_STATISTICS: usize = 500;

/// Most tables, and most indexes, that one snapshot reads page by page.
pub const MAX_FULL_SCANS: usize = 100;

/// Each database costs a connection of its own, but for the one that is connected to anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DatabaseSelection {
    /// The one that is connected to.
    #[default]
    Connected,
    /// Those of a target's list, and no other: the one that is connected to only if it is among them.
    Listed(Vec<String>),
    /// All that the role may connect to.
    All,
}

impl DatabaseSelection {
    /// Whether what is read may come from more than one database, so that each row has to say from which.
    pub fn may_select_several(&self) -> bool {
        *self != DatabaseSelection::Connected
    }

    /// Whether the database that is connected to is read.
    pub(super) fn includes_connected(&self, name: &str) -> bool {
        match self {
            DatabaseSelection::Connected | DatabaseSelection::All => true,
            DatabaseSelection::Listed(names) => names.iter().any(|listed| listed == name),
        }
    }
}
