//! Measuring relations: which is decided by [`super::sizes`], here they are asked and the answers entered.

use super::{
    Scope, ask,
    contents::FirstLook,
    queries,
    relations::{self, TableRow},
    sizes::{self, BATCH, Doubt},
};
use crate::{
    model::{Fact, Index, SizeSource, StoredBytes, Unavailable},
    pg::{Query, Session, SessionError},
};
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use std::collections::HashMap;

/// Relations one server process is asked about with `--exact`, before the next connection takes over: about 85 MB.
const RELATIONS_PER_CONNECTION: usize = 25_000;

/// Fewer than these are not worth a connection of their own.
const WORTH_A_CONNECTION: usize = 2_500;

/// Measures the relations of a first look and enters their sizes; answers how many.
pub async fn measure(session: &Session, scope: &Scope, first: &mut FirstLook) -> Result<Fact<u64>, SessionError> {
    let (Fact::Known(tables), Fact::Known(indexes)) = (&mut first.tables, &mut first.indexes) else {
        let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
        return Ok(match missing {
            Some(why) => Fact::Unavailable(why.for_fact(queries::RELATION_SIZES.fact)),
            None => Fact::not_asked(queries::RELATION_SIZES.fact),
        });
    };
    // By their files where the role may: no relation is opened then, so none is remembered, locked or waited for.
    let query = match first.may_stat_files.known() {
        Some(true) => &queries::RELATION_FILES,
        _ => &queries::RELATION_SIZES,
    };
    let doubts = doubts(tables, indexes);
    let mut sizes = HashMap::new();
    let mut failure;
    if scope.exact {
        failure = ask_every_size(session, query, &doubts, scope.jobs, &mut sizes).await?;
    } else {
        failure = ask_sizes(session, query, &sizes::first_round(&doubts), &mut sizes).await?;
        if let (Some(whole), None) = (first.database_bytes.known(), &failure) {
            let other = first.sequences.known().map_or(0, |s| s.bytes);
            let more = sizes::second_round(&doubts, &sizes, *whole, other);
            failure = ask_sizes(session, query, &more, &mut sizes).await?;
        }
    }
    enter(tables, indexes, &sizes);
    Ok(match failure {
        Some(why) if sizes.is_empty() => Fact::Unavailable(why),
        _ => Fact::Known(sizes.len() as u64),
    })
}

/// All of them, in shares of which each has a connection of its own; `jobs` connections work at a time.
async fn ask_every_size(
    session: &Session,
    query: &Query,
    relations: &[Doubt],
    jobs: usize,
    sizes: &mut HashMap<u32, u64>,
) -> Result<Option<Unavailable>, SessionError> {
    let mut all: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
    // As they were made: what the catalogs say of neighbours lies side by side, which saves the server a third.
    all.sort_unstable();
    let shares = all.chunks(share(all.len(), jobs)).enumerate().map(|(number, share)| async move {
        let mut sizes = HashMap::new();
        let failure = match number {
            0 => ask_sizes(session, query, share, &mut sizes).await?,
            _ => ask_sizes(&session.open_beside(None).await?, query, share, &mut sizes).await?,
        };
        Ok::<_, SessionError>((sizes, failure))
    });
    let mut failure = None;
    let mut answers = stream::iter(shares).buffer_unordered(jobs.max(1));
    while let Some((measured, why)) = answers.try_next().await? {
        sizes.extend(measured);
        failure = failure.or(why);
    }
    Ok(failure)
}

/// How many relations a connection is asked about: as many rounds as memory demands, in each of which all jobs have
/// the same to do.
fn share(relations: usize, jobs: usize) -> usize {
    let jobs = jobs.clamp(1, relations.div_ceil(WORTH_A_CONNECTION).max(1));
    let rounds = relations.div_ceil(RELATIONS_PER_CONNECTION * jobs).max(1);
    relations.div_ceil(rounds * jobs).max(1)
}

/// Every relation that has files.
fn doubts(tables: &[TableRow], indexes: &[Index]) -> Vec<Doubt> {
    let by_oid: HashMap<u32, &TableRow> = tables.iter().map(|row| (row.table.oid, row)).collect();
    let heaps = tables
        .iter()
        .filter(|row| row.table.kind.has_storage())
        .flat_map(|row| [Some(row.heap), row.toast, row.toast_index].into_iter().flatten());
    let of_index = |index: &Index| match by_oid.get(&index.table_oid) {
        Some(table) => relations::index_doubt(index, table),
        None => Doubt { oid: index.oid, table_oid: index.table_oid, estimate: index.size.bytes, doubt: 0 },
    };
    heaps.chain(indexes.iter().filter(|index| !index.is_partitioned).map(of_index)).collect()
}

/// One round trip, in batches that fail alone. Answers what a failed batch said.
async fn ask_sizes(
    session: &Session,
    query: &Query,
    oids: &[u32],
    sizes: &mut HashMap<u32, u64>,
) -> Result<Option<Unavailable>, SessionError> {
    if oids.is_empty() {
        return Ok(None);
    }
    let batches: Vec<Vec<i64>> =
        oids.chunks(BATCH).map(|batch| batch.iter().map(|oid| i64::from(*oid)).collect()).collect();
    let questions = batches.iter().map(|batch| {
        session.read(query, Some(batch), |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("bytes")?))
        })
    });
    let mut failure = None;
    for answer in session.round(join_all(questions)).await? {
        match answer {
            // A relation dropped between the two looks has no size any more: its estimate stays.
            Ok(rows) => {
                sizes.extend(rows.into_iter().filter_map(|(oid, bytes)| Some((oid, u64::try_from(bytes?).ok()?))));
            }
            Err(error) => failure = Some(ask::unavailable(session, query, &error)),
        }
    }
    Ok(failure)
}

fn enter(tables: &mut [TableRow], indexes: &mut [Index], sizes: &HashMap<u32, u64>) {
    let measured = |doubt: &Doubt| match sizes.get(&doubt.oid) {
        Some(bytes) => StoredBytes { bytes: *bytes, source: SizeSource::Exact },
        None => StoredBytes { bytes: doubt.estimate, source: SizeSource::Estimated },
    };
    for row in tables.iter_mut().filter(|row| row.table.kind.has_storage()) {
        row.table.heap = measured(&row.heap);
        row.table.toast = [&row.toast, &row.toast_index]
            .into_iter()
            .flatten()
            .fold(StoredBytes::NONE, |sum, part| sum.plus(measured(part)));
    }
    for index in indexes {
        if let Some(bytes) = sizes.get(&index.oid) {
            index.size = StoredBytes { bytes: *bytes, source: SizeSource::Exact };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_is_asked_more_than_it_can_bear_and_no_job_is_idle() {
        for (relations, jobs, connections) in
            [(0, 1, 0), (300, 8, 1), (24_000, 1, 1), (119_000, 1, 5), (119_000, 2, 6), (119_000, 4, 8), (6_000, 8, 3)]
        {
            let each = share(relations, jobs);
            assert!(each <= RELATIONS_PER_CONNECTION, "{relations} by {jobs}: {each}");
            assert_eq!(relations.div_ceil(each), connections, "{relations} by {jobs}");
        }
    }
}
