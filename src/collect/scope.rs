//! What a report needs to know, so that no more is asked.

use super::{ConnectionBudget, DatabaseSelection};
use crate::facts::FactGroup;

/// The groups of facts a report is made of. The server's identity and settings are always asked.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Collect the databases (`pg_database`).
    pub databases: bool,
    /// What tells the server from any other: for a plan that is to be carried out there.
    pub instance: bool,
    /// Temporary files, logs, slot spill.
    pub storage: bool,
    /// Their sizes cost the server a look at each of its files.
    pub tablespaces: bool,
    /// Slots and what else keeps WAL.
    pub slots: bool,
    /// Collect the statistics of WAL and what writes it.
    pub wal: bool,
    /// Tables and indexes of the databases.
    pub relations: bool,
    /// Definitions and column names of these indexes.
    pub definitions: Definitions,
    /// What verdicts on indexes rest on.
    pub index_facts: bool,
    /// Of these, which tables have an index built or dropped concurrently.
    pub index_builds: bool,
    /// What only the nightly check wants: sessions, replay, sequences, errors of subscriptions.
    pub health: bool,
    /// The relations whose bloat is estimated; by default none.
    pub bloat: BloatScope,
    /// What a prediction of the size after a logical copy rests on.
    pub copy_size: bool,
    /// Measure every relation.
    pub exact: bool,
    /// Which databases are read from inside.
    pub database_selection: DatabaseSelection,
    /// How many connections read at once.
    pub jobs: usize,
    /// What else may be open beside the connections that look.
    pub connection_budget: ConnectionBudget,
    /// Ask for the size of a large database over one more connection: for somebody who waits for a list, and not where
    /// many servers are looked at.
    pub concurrent_size: bool,
}

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

/// The relations whose bloat is estimated.
#[derive(Clone, Debug, Default)]
pub struct BloatScope {
    /// Estimate the bloat of tables.
    pub tables: bool,
    /// Estimate the bloat of B-tree indexes.
    pub indexes: bool,
    /// Name pattern of the schema; `None` matches all.
    pub schema: Option<glob::Pattern>,
    /// Name pattern of the table; `None` matches all.
    pub table: Option<glob::Pattern>,
    /// Bytes; smaller relations are left out.
    pub min_size: u64,
    /// Read every page of so many, the largest first; 0 for estimates alone.
    pub full_scans: usize,
}

impl Scope {
    /// What takes space in the whole cluster, and the relations of the databases.
    pub fn space() -> Scope {
        Scope {
            databases: true,
            storage: true,
            tablespaces: true,
            slots: true,
            wal: true,
            relations: true,
            ..Scope::default()
        }
    }

    /// The facts of a run of `pgtend check`: all that a check evaluates or the history keeps.
    pub fn nightly() -> Scope {
        Scope { definitions: Definitions::None, tablespaces: false, copy_size: false, ..Scope::everything() }
    }

    /// Adds the facts that checks need.
    #[must_use]
    pub fn with_groups<'a>(mut self, groups: impl IntoIterator<Item = &'a FactGroup>) -> Scope {
        for group in groups {
            match group {
                FactGroup::Databases => self.databases = true,
                FactGroup::Storage => self.storage = true,
                FactGroup::Slots => self.slots = true,
                FactGroup::Wal => self.wal = true,
                FactGroup::Relations => self.relations = true,
                FactGroup::IndexFacts => self.index_facts = true,
                FactGroup::IndexBuilds => self.index_builds = true,
                FactGroup::Health => self.health = true,
                FactGroup::TableBloat => self.bloat.tables = true,
                FactGroup::IndexBloat => self.bloat.indexes = true,
            }
        }
        self
    }

    /// As thorough as another, and by as many connections.
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

    /// Everything pgtend can know.
    pub fn everything() -> Scope {
        Scope {
            definitions: Definitions::Matching { schema: None, table: None, most: MAX_DEFINITIONS },
            index_facts: true,
            health: true,
            bloat: BloatScope { tables: true, indexes: true, ..BloatScope::default() },
            copy_size: true,
            jobs: 1,
            ..Scope::space()
        }
    }

    /// What is left for each of so many looks, of which `jobs` go on at once.
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

/// How many index definitions one look reads at most.
pub const MAX_DEFINITIONS: usize = 1_000;

/// Of how many tables, and of how many indexes, one look reads the statistics at most.
pub const MAX_STATISTICS: usize = 500;

/// How many tables, and how many indexes, one look reads whole at most.
pub const MAX_FULL_SCANS: usize = 100;
