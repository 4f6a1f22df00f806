//! The facts that a report needs; no others are collected.

use super::{ConnectionBudget, DatabaseSelection};
use crate::facts::FactGroup;

/// The groups of facts a report is made of. The server's identity and settings are always collected.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Collect the databases (`pg_database`).
    pub databases: bool,
    /// Collect the identity of the server: for plans.
    pub instance: bool,
    /// Collect temporary files, logs and spilled slot data.
    pub storage: bool,
    /// Collect tablespaces; for their sizes the server opens each of their files.
    pub tablespaces: bool,
    /// Collect slots and what else keeps WAL.
    pub slots: bool,
    /// Collect the statistics of WAL and what writes it.
    pub wal: bool,
    /// Collect tables and indexes of the databases.
    pub relations: bool,
    /// Definitions and column names of these indexes.
    pub definitions: Definitions,
    /// Collect the facts that verdicts on indexes rest on.
    pub index_facts: bool,
    /// Collect which tables have an index built or dropped concurrently; part of `index_facts`.
    pub index_builds: bool,
    /// Collect what only `check` needs: sessions, replay, sequences, errors of subscriptions.
    pub health: bool,
    /// The relations whose bloat is estimated; by default none.
    pub bloat: BloatScope,
    /// Collect what the prediction of the size after a logical copy rests on.
    pub copy_size: bool,
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
    /// Number of relations that are read page by page, the largest first; 0 for estimates only.
    pub full_scans: usize,
}

impl Scope {
    /// Returns the facts about space in the whole cluster, and the relations of the databases.
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

    /// Returns all groups of facts.
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
