//! The facts of one database: its tables and indexes, then the sizes that must be measured.

use super::{Scope, ask, definitions, index_facts, measure::measure, queries, relations, relations::TableRow};
use crate::{
    model::{Contents, Fact, Index, IndexFacts, LockedRelation, Sequences, StatisticsResets},
    pg::{Session, SessionError},
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
    pub locked_relations: Fact<Vec<LockedRelation>>,
    pub statistics_resets: Fact<StatisticsResets>,
    pub index_facts: IndexFacts,
}

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Asks for them all at once.
pub async fn first_look(session: &Session, scope: &Scope) -> FirstLook {
    use queries::*;
    let (s, wanted) = (session, scope.relations);
    let (database_bytes, sequences, locked_relations, statistics_resets, tables, indexes, last_idx_scans, index_facts) = tokio::join!(biased;
        ask::when(wanted, &DATABASE_SIZE, ask::one::<DatabaseSize>(s, &DATABASE_SIZE)),
        ask::when(wanted, &SEQUENCES, ask::one(s, &SEQUENCES)),
        ask::when(wanted, &LOCKED_RELATIONS, ask::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        })),
        ask::when(wanted, &STATISTICS_RESETS, ask::one(s, &STATISTICS_RESETS)),
        ask::when(wanted, &TABLES, ask::rows(s, &TABLES, relations::table)),
        ask::when(wanted, &INDEXES, ask::rows(s, &INDEXES, relations::index)),
        ask::when(wanted, &LAST_IDX_SCANS, ask::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        })),
        index_facts::first_look(s, scope.judge),
    );
    FirstLook {
        database_bytes: database_bytes.map(|size| size.bytes),
        tables,
        indexes,
        last_idx_scans: last_idx_scans.map(|scans| scans.into_iter().collect()),
        sequences,
        locked_relations,
        statistics_resets,
        index_facts,
    }
}

/// Measures what must be measured and reads the definitions that will be shown: two round trips at most.
pub async fn complete(
    session: &Session,
    scope: &Scope,
    database: String,
    mut first: FirstLook,
) -> Result<Contents, SessionError> {
    let mut exact_sizes = Fact::not_asked("relation sizes");
    let mut read_definitions = Fact::not_asked("index definitions");
    if scope.relations {
        exact_sizes = measure(session, scope, &mut first).await?;
        read_definitions = definitions::read(session, scope, &mut first).await?;
    }
    Ok(Contents {
        database,
        database_bytes: first.database_bytes,
        tables: first.tables.map(|rows| {
            let mut tables: Vec<_> = rows.into_iter().map(|row| row.table).collect();
            tables.sort_unstable_by(|a, b| (&a.schema, &a.table).cmp(&(&b.schema, &b.table)));
            tables
        }),
        indexes: first.indexes.map(|mut indexes| {
            indexes.sort_unstable_by(|a, b| (&a.index, a.oid).cmp(&(&b.index, b.oid)));
            indexes
        }),
        last_idx_scans: first.last_idx_scans,
        sequences: first.sequences,
        locked_relations: first.locked_relations,
        statistics_resets: first.statistics_resets,
        exact_sizes,
        definitions: read_definitions,
        index_facts: first.index_facts,
    })
}
