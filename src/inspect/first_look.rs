//! The first round trip into a database: all that costs no lock.

use super::{
    Scope, ask, dependencies, queries,
    relations::{TableRow, index, table},
};
use crate::{
    model::{Fact, Index, IndexFacts, LockedRelation, Obstacles, SequenceUse, Sequences, StatisticsResets},
    pg::Session,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the first round trip brings of a database.
pub struct FirstLook {
    pub database_bytes: Fact<u64>,
    pub tables: Fact<Vec<TableRow>>,
    pub indexes: Fact<Vec<Index>>,
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    pub sequences: Fact<Sequences>,
    pub sequence_use: Fact<SequenceUse>,
    pub locked_relations: Fact<Vec<LockedRelation>>,
    pub statistics_resets: Fact<StatisticsResets>,
    pub index_facts: IndexFacts,
    pub obstacles: Fact<Obstacles>,
    pub may_stat_files: Fact<bool>,
}

#[derive(Deserialize)]
struct FileAccess {
    may_stat_files: bool,
}

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Asks for them all at once.
pub async fn first_look(session: &Session, scope: &Scope) -> FirstLook {
    use queries::*;
    let (s, wanted) = (session, scope.relations);
    ask::together! {
        sequences = ask::when(wanted, &SEQUENCES, ask::one(s, &SEQUENCES));
        sequence_use = ask::when(scope.health, &SEQUENCE_USE, ask::one(s, &SEQUENCE_USE));
        locked_relations = ask::when(wanted, &LOCKED_RELATIONS, ask::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        }));
        statistics_resets = ask::when(wanted, &STATISTICS_RESETS, ask::one(s, &STATISTICS_RESETS));
        file_access = ask::when(wanted, &FILE_ACCESS, ask::one::<FileAccess>(s, &FILE_ACCESS));
        tables = ask::when(wanted, &TABLES, ask::columns(s, &TABLES, table::Columns::NAMES, table::decode));
        indexes = ask::when(wanted, &INDEXES, ask::columns(s, &INDEXES, index::Columns::NAMES, index::decode));
        last_idx_scans = ask::when(wanted, &LAST_IDX_SCANS, ask::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        }));
        index_facts = Box::pin(dependencies::look(s, scope.judge));
        obstacles = ask::when(scope.arrival, &COPY_OBSTACLES, ask::one(s, &COPY_OBSTACLES));
        // Last: while the server counts files, what it has sent is decoded.
        database_bytes = ask::when(wanted, &DATABASE_SIZE, ask::one::<DatabaseSize>(s, &DATABASE_SIZE));
    }
    FirstLook {
        database_bytes: database_bytes.map(|size| size.bytes),
        tables,
        indexes,
        last_idx_scans: last_idx_scans.map(|scans| scans.into_iter().collect()),
        sequences,
        sequence_use,
        locked_relations,
        statistics_resets,
        index_facts,
        obstacles,
        may_stat_files: file_access.map(|access| access.may_stat_files),
    }
}
