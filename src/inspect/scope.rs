//! What a report needs to know, so that no more is asked.

/// The groups of facts a report is made of. The server's identity and settings are always asked.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub databases: bool,
    /// Tablespaces, temporary files, logs, slot spill.
    pub storage: bool,
    /// Slots and what else keeps WAL.
    pub slots: bool,
    pub wal: bool,
    /// Tables and indexes of the databases.
    pub relations: bool,
    /// Definitions and column names of these indexes.
    pub definitions: Definitions,
    /// What verdicts on indexes rest on.
    pub judge: bool,
    /// Measure every relation.
    pub exact: bool,
    pub all_databases: bool,
    /// How many databases are read at once.
    pub jobs: usize,
}

/// Which indexes' definitions are read: they cost the server a lock each.
#[derive(Clone, Debug, Default)]
pub enum Definitions {
    #[default]
    None,
    /// Those that remain after the filters, largest first, at most so many.
    Matching { schema: Option<glob::Pattern>, table: Option<glob::Pattern>, most: usize },
}

impl Scope {
    /// Everything pgtend can know.
    pub fn everything() -> Scope {
        Scope {
            databases: true,
            storage: true,
            slots: true,
            wal: true,
            relations: true,
            definitions: Definitions::Matching { schema: None, table: None, most: MOST_DEFINITIONS },
            judge: true,
            exact: false,
            all_databases: false,
            jobs: 1,
        }
    }
}

/// How many index definitions one look reads at most.
pub const MOST_DEFINITIONS: usize = 1_000;
