//! The facts of one database: after the first look the sizes that must be measured and the texts that will be shown.

use super::{
    Scope, arrival, bloat, definitions,
    first_look::FirstLook,
    measure::{Measuring, ask_sizes},
    queries, sequence_use,
};
use crate::{
    model::{Contents, Fact},
    pg::{Session, SessionError},
};

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
    let mut index_shapes = Fact::not_asked(queries::INDEX_SHAPES.fact);
    let mut toast_samples = Fact::not_asked(queries::TOAST_SAMPLES.fact);
    let mut sequence_values = Vec::new();
    if scope.relations {
        let measuring = Measuring::begin(session, scope, &mut first).await?;
        let more = measuring.as_ref().map_or(Vec::new(), Measuring::next);
        let how = measuring.as_ref().map_or(&queries::RELATION_SIZES, Measuring::query);
        let wanted = definitions::wanted(scope, &first);
        let judged = bloat::Judged::of(scope, &first);
        let arriving = arrival::Wanted::of(scope, &first);
        let compared = std::mem::take(&mut first.compared);
        let sequences = sequence_use::shares(&first.sequence_use);
        let rest = async {
            tokio::join!(biased;
                ask_sizes(session, how, &more),
                definitions::ask(session, wanted.known()),
                judged.ask(session),
                Box::pin(arriving.ask(session)),
                Box::pin(compared.ask(session)),
                Box::pin(sequence_use::ask(session, sequences.first().map_or(&[], Vec::as_slice))),
            )
        };
        // Where there is nothing to ask, the answers are at hand without a round trip.
        let nothing = matches!(wanted, Fact::Unavailable(_))
            && more.is_empty()
            && judged.is_empty()
            && arriving.is_empty()
            && compared.is_empty()
            && sequences.is_empty();
        let (answers, definitions, read, arrived, comparisons, values) =
            if nothing { rest.await } else { session.round(rest).await? };
        sequence_values.push(values);
        for share in sequences.iter().skip(1) {
            sequence_values.push(session.round(Box::pin(sequence_use::ask(session, share))).await?);
        }
        statistics = read;
        if scope.arrival {
            (statistics.table_columns, index_shapes) = (arrived.table_columns, arrived.index_shapes);
        }
        if scope.judge {
            comparisons.enter(&mut first.index_facts);
        }
        exact_sizes = match measuring {
            Ok(mut measuring) => {
                measuring.take(answers);
                measuring.finish(session, scope, &mut first).await
            }
            Err(why) => why,
        };
        read_definitions = match wanted {
            Fact::Known(wanted) => definitions::enter(session, wanted, definitions, &mut first),
            Fact::Unavailable(why) => Fact::Unavailable(why),
        };
        counted = bloat::read_whole(session, scope, &first).await?;
        toast_samples = Box::pin(arriving.sample(session)).await?;
    }
    Ok(Contents {
        database,
        database_bytes: first.database_bytes.unwrap_or_else(|| Fact::not_asked(queries::DATABASE_SIZE.fact)),
        tables: first.tables.map(|rows| {
            let mut tables: Vec<_> = rows.into_iter().map(|row| row.table).collect();
            tables.shrink_to_fit();
            tables
        }),
        indexes: first.indexes,
        last_idx_scans: first.last_idx_scans,
        sequences: first.sequences,
        sequence_use: sequence_use::complete(first.sequence_use, sequence_values),
        locked_relations: first.locked_relations,
        statistics_resets: first.statistics_resets,
        exact_sizes,
        definitions: read_definitions,
        index_facts: first.index_facts,
        table_columns: statistics.table_columns,
        index_keys: statistics.index_keys,
        heap_tuples: counted.heap_tuples,
        btree_pages: counted.btree_pages,
        index_shapes,
        obstacles: first.obstacles,
        toast_samples,
    })
}
