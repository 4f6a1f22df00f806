//! The facts of one database: its tables and indexes, then the sizes that must be measured.

use super::{
    Scope, ask, bloat, definitions, index_facts,
    measure::{Measuring, ask_sizes},
    queries, relations,
    relations::TableRow,
};
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
    let (
        database_bytes,
        sequences,
        locked_relations,
        statistics_resets,
        file_access,
        tables,
        indexes,
        last_idx_scans,
        index_facts,
    ) = tokio::join!(biased;
        ask::when(wanted, &DATABASE_SIZE, ask::one::<DatabaseSize>(s, &DATABASE_SIZE)),
        ask::when(wanted, &SEQUENCES, ask::one(s, &SEQUENCES)),
        ask::when(wanted, &LOCKED_RELATIONS, ask::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        })),
        ask::when(wanted, &STATISTICS_RESETS, ask::one(s, &STATISTICS_RESETS)),
        ask::when(wanted, &FILE_ACCESS, ask::one::<FileAccess>(s, &FILE_ACCESS)),
        ask::when(wanted, &TABLES, ask::rows(s, &TABLES, relations::table)),
        ask::when(wanted, &INDEXES, ask::rows(s, &INDEXES, relations::index)),
        ask::when(wanted, &LAST_IDX_SCANS, ask::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        })),
        Box::pin(index_facts::first_look(s, scope.judge)),
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
        may_stat_files: file_access.map(|access| access.may_stat_files),
    }
}

/// Measures what must be measured and reads the definitions that will be shown: two round trips, and more only where
/// one process of the server would have to be asked about too many relations.
pub async fn complete(
    session: &Session,
    scope: &Scope,
    database: String,
    mut first: FirstLook,
) -> Result<Contents, SessionError> {
    let mut exact_sizes = Fact::not_asked("relation sizes");
    let mut read_definitions = Fact::not_asked("index definitions");
    let mut statistics = bloat::Statistics::default();
    let mut counted = bloat::Counts::default();
    if scope.relations {
        let measuring = Measuring::begin(session, scope, &mut first).await?;
        let more = measuring.as_ref().map_or(Vec::new(), Measuring::next);
        let how = measuring.as_ref().map_or(&queries::RELATION_SIZES, Measuring::query);
        let wanted = definitions::wanted(scope, &first);
        let judged = bloat::Judged::of(scope, &first);
        let decisive = if scope.judge { index_facts::Wanted::of(&first) } else { index_facts::Wanted::default() };
        let rest = async {
            tokio::join!(biased;
                ask_sizes(session, how, &more),
                definitions::ask(session, wanted.known()),
                judged.ask(session),
                Box::pin(index_facts::second_look(session, &decisive)),
            )
        };
        // Where there is nothing to ask, the answers are at hand without a round trip.
        let nothing =
            matches!(wanted, Fact::Unavailable(_)) && more.is_empty() && judged.is_empty() && decisive.is_empty();
        let (answers, definitions, read, texts) = if nothing { rest.await } else { session.round(rest).await? };
        statistics = read;
        if scope.judge {
            (first.index_facts.texts, first.index_facts.correlations) = texts;
        }
        exact_sizes = match measuring {
            Ok(mut measuring) => {
                measuring.take(answers);
                measuring.finish(session, &mut first).await
            }
            Err(why) => why,
        };
        read_definitions = match wanted {
            Fact::Known(wanted) => definitions::enter(session, wanted, definitions, &mut first),
            Fact::Unavailable(why) => Fact::Unavailable(why),
        };
        counted = bloat::read_whole(session, scope, &first).await?;
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
        table_columns: statistics.table_columns,
        index_keys: statistics.index_keys,
        heap_tuples: counted.heap_tuples,
        btree_pages: counted.btree_pages,
    })
}
