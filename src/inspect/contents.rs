//! The facts of one database: its tables and indexes, then the sizes that must be measured.

use super::{
    Definitions, Scope, ask, bloat, definitions,
    measure::{self, Measurement},
    queries,
    relations::{self, TableRow},
};
use crate::{
    model::{
        BtreePages, Contents, Fact, HeapTuples, Index, IndexKey, LockedRelation, Sequences, StatisticsResets,
        TableColumns, Unavailable,
    },
    pg::{Query, Session, SessionError},
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
}

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Asks for them all at once.
pub async fn first_look(session: &Session, scope: &Scope) -> FirstLook {
    use queries::*;
    let (s, wanted) = (session, scope.relations);
    let (database_bytes, sequences, locked_relations, statistics_resets, tables, indexes, last_idx_scans) = tokio::join!(biased;
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
    );
    FirstLook {
        database_bytes: database_bytes.map(|size| size.bytes),
        tables,
        indexes,
        last_idx_scans: last_idx_scans.map(|scans| scans.into_iter().collect()),
        sequences,
        locked_relations,
        statistics_resets,
    }
}

/// What the later round trips bring.
struct Later {
    exact_sizes: Fact<u64>,
    definitions: Fact<u64>,
    table_columns: Fact<BTreeMap<u32, TableColumns>>,
    index_keys: Fact<BTreeMap<u32, IndexKey>>,
    heap_tuples: Option<Fact<BTreeMap<u32, HeapTuples>>>,
    btree_pages: Option<Fact<BTreeMap<u32, BtreePages>>>,
}

impl Later {
    /// Nothing was asked, or all of it failed for one reason.
    fn missing(scope: &Scope, why: Option<&Unavailable>) -> Later {
        fn fact<T>(query: &Query, asked: bool, why: Option<&Unavailable>) -> Fact<T> {
            match why {
                Some(why) if asked => Fact::Unavailable(why.for_fact(query.fact)),
                _ => Fact::not_asked(query.fact),
            }
        }
        let (bloat, whole) = (&scope.bloat, scope.bloat.read_whole > 0);
        let defined = !matches!(scope.definitions, Definitions::None);
        Later {
            exact_sizes: fact(&queries::RELATION_SIZES, true, why),
            definitions: fact(&queries::INDEX_DEFINITIONS, defined, why),
            table_columns: fact(&queries::COLUMN_STATISTICS, bloat.tables, why),
            index_keys: fact(&queries::INDEX_KEY_STATISTICS, bloat.indexes, why),
            heap_tuples: (bloat.tables && whole).then(|| fact(&queries::HEAP_TUPLES, true, why)),
            btree_pages: (bloat.indexes && whole).then(|| fact(&queries::BTREE_PAGES, true, why)),
        }
    }
}

/// Measures what must be measured, and reads the statistics and definitions of what will be shown: two round trips at
/// most, and a long one where relations are read whole.
async fn look_again(
    session: &Session,
    scope: &Scope,
    whole: &Fact<u64>,
    sequences: &Fact<Sequences>,
    tables: &mut [TableRow],
    indexes: &mut [Index],
) -> Result<Later, SessionError> {
    let mut measurement = Measurement::of(tables, indexes);
    let statistics = bloat::Statistics::wanted(scope, tables, indexes);
    let first = measurement.first_round(scope);
    let asked = async { tokio::join!(biased; measure::ask(session, &first), statistics.ask(session)) };
    // Where there is nothing to ask, the answers are at hand without a round trip.
    let nothing = first.is_empty() && statistics.is_empty();
    let (sizes, read) = if nothing { asked.await } else { session.round(asked).await? };
    measurement.learn(sizes);
    measurement.ask_beside(session, scope).await?;
    measurement.enter(tables, indexes);

    let second = measurement.second_round(scope, whole, sequences);
    let wanted = definitions::Wanted::of(scope, tables, indexes);
    let mut answers = None;
    if !(second.is_empty() && wanted.is_empty()) {
        let asked = async { tokio::join!(biased; measure::ask(session, &second), wanted.ask(session)) };
        let (sizes, defined) = session.round(asked).await?;
        measurement.learn(sizes);
        measurement.enter(tables, indexes);
        answers = defined;
    }
    let (heap_tuples, btree_pages) = bloat::read_whole(session, scope, tables, indexes).await?;
    Ok(Later {
        exact_sizes: measurement.fact(),
        definitions: wanted.enter(session, scope, answers, indexes),
        table_columns: read.table_columns,
        index_keys: read.index_keys,
        heap_tuples,
        btree_pages,
    })
}

/// Completes a first look.
pub async fn complete(
    session: &Session,
    scope: &Scope,
    database: String,
    mut first: FirstLook,
) -> Result<Contents, SessionError> {
    let later = match (&mut first.tables, &mut first.indexes) {
        _ if !scope.relations => Later::missing(scope, None),
        (Fact::Known(tables), Fact::Known(indexes)) => {
            look_again(session, scope, &first.database_bytes, &first.sequences, tables, indexes).await?
        }
        (Fact::Unavailable(why), _) | (_, Fact::Unavailable(why)) => Later::missing(scope, Some(why)),
    };
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
        exact_sizes: later.exact_sizes,
        definitions: later.definitions,
        table_columns: later.table_columns,
        index_keys: later.index_keys,
        heap_tuples: later.heap_tuples,
        btree_pages: later.btree_pages,
    })
}
