//! The first round trip into a database: all that costs no lock.

use super::{
    Scope, ask, comparisons, database_size, dependencies,
    measure::Doubts,
    queries,
    relations::{TableRow, index, table},
    sequence_use,
};
use crate::{
    model::{Fact, Index, IndexFacts, LockedRelation, Obstacles, Sequences, StatisticsResets},
    pg::Session,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the first round trip brings of a database.
pub struct FirstLook {
    /// `None` until it is asked.
    pub database_bytes: Option<Fact<u64>>,
    pub tables: Fact<Vec<TableRow>>,
    pub indexes: Fact<Vec<Index>>,
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    pub sequences: Fact<Sequences>,
    pub sequence_use: Fact<sequence_use::Listed>,
    pub locked_relations: Fact<Vec<LockedRelation>>,
    pub statistics_resets: Fact<StatisticsResets>,
    pub index_facts: IndexFacts,
    pub obstacles: Fact<Obstacles>,
    pub may_stat_files: Fact<bool>,
    /// What is to be measured.
    pub doubts: Doubts,
    /// Which indexes are to be compared.
    pub compared: comparisons::Wanted,
}

#[derive(Deserialize)]
struct FileAccess {
    may_stat_files: bool,
}

/// Asks for them all at once.
pub async fn first_look(s: &Session, scope: &Scope) -> FirstLook {
    use queries::*;
    let wanted = scope.relations;
    ask::together! {
        sequences = ask::when(wanted, &SEQUENCES, ask::one(s, &SEQUENCES));
        sequence_use = ask::when(scope.health, &SEQUENCE_USE, ask::one(s, &SEQUENCE_USE));
        locked_relations = ask::when(wanted, &LOCKED_RELATIONS, ask::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        }));
        statistics_resets = ask::when(wanted, &STATISTICS_RESETS, ask::one(s, &STATISTICS_RESETS));
        file_access = ask::when(wanted, &FILE_ACCESS, ask::one::<FileAccess>(s, &FILE_ACCESS));
        relations = Box::pin(relations(s, scope));
        last_idx_scans = ask::when(wanted, &LAST_IDX_SCANS, ask::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        }));
        index_facts = Box::pin(dependencies::look(s, scope.judge));
        obstacles = ask::when(scope.arrival, &COPY_OBSTACLES, ask::one(s, &COPY_OBSTACLES));
    }
    let Relations { database_bytes, tables, indexes, doubts, compared } = relations;
    FirstLook {
        database_bytes,
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
        doubts,
        compared,
    }
}

/// The relations, and what follows from them alone.
struct Relations {
    database_bytes: Option<Fact<u64>>,
    tables: Fact<Vec<TableRow>>,
    indexes: Fact<Vec<Index>>,
    doubts: Doubts,
    compared: comparisons::Wanted,
}

/// Asks for them; puts them in order while the server answers what else it was asked.
async fn relations(s: &Session, scope: &Scope) -> Relations {
    use queries::*;
    let wanted = scope.relations;
    let tables = async {
        let tables = ask::when(wanted, &TABLES, ask::columns(s, &TABLES, table::Columns::NAMES, table::decode)).await;
        let whole = match tables.known() {
            Some(tables) if scope.beside => Box::pin(database_size::beside(s, tables.len())).await,
            _ => None,
        };
        (tables, whole)
    };
    let indexes = ask::when(wanted, &INDEXES, ask::columns(s, &INDEXES, index::Columns::NAMES, index::decode));
    // After the indexes, so that one whose constraint is just being made is not taken for one without.
    let constraints =
        ask::when(wanted, &INDEX_CONSTRAINTS, ask::rows(s, &INDEX_CONSTRAINTS, index::Constraint::decode));
    let ((mut tables, database_bytes), indexes, constraints) = tokio::join!(biased; tables, indexes, constraints);
    let mut indexes = index::constrained(indexes, constraints);
    let (mut doubts, mut compared) = (Doubts::default(), comparisons::Wanted::default());
    if let (Fact::Known(tables), Fact::Known(indexes)) = (&mut tables, &mut indexes) {
        tables.sort_unstable_by(|a, b| (&a.table.schema, &a.table.table).cmp(&(&b.table.schema, &b.table.table)));
        indexes.sort_unstable_by_key(|index| index.oid);
        doubts = Doubts::of(tables, indexes);
        if scope.judge {
            compared = comparisons::Wanted::of(indexes);
        }
    }
    Relations { database_bytes, tables, indexes, doubts, compared }
}
