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
    pg::{Session, SessionError},
};
use futures_util::future::join_all;
use std::collections::HashMap;

/// Relations one server process is asked about with `--exact`, before the next connection takes over: about 85 MB.
const RELATIONS_PER_CONNECTION: usize = 25_000;

/// Measures the relations of a first look and enters their sizes; answers how many.
pub async fn measure(session: &Session, scope: &Scope, first: &mut FirstLook) -> Result<Fact<u64>, SessionError> {
    let (Fact::Known(tables), Fact::Known(indexes)) = (&mut first.tables, &mut first.indexes) else {
        let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
        return Ok(match missing {
            Some(why) => Fact::Unavailable(why.for_fact(queries::RELATION_SIZES.fact)),
            None => Fact::not_asked(queries::RELATION_SIZES.fact),
        });
    };
    let doubts = doubts(tables, indexes);
    let mut sizes = HashMap::new();
    let mut failure = None;
    if scope.exact {
        let all: Vec<u32> = doubts.iter().map(|d| d.oid).collect();
        for (number, share) in all.chunks(RELATIONS_PER_CONNECTION).enumerate() {
            if number == 0 {
                failure = ask_sizes(session, share, &mut sizes).await?;
            } else {
                let beside = session.open_beside(None).await?;
                failure = ask_sizes(&beside, share, &mut sizes).await?.or(failure);
            }
        }
    } else {
        failure = ask_sizes(session, &sizes::first_round(&doubts), &mut sizes).await?;
        if let (Some(whole), None) = (first.database_bytes.known(), &failure) {
            let other = first.sequences.known().map_or(0, |s| s.bytes);
            let more = sizes::second_round(&doubts, &sizes, *whole, other);
            failure = ask_sizes(session, &more, &mut sizes).await?;
        }
    }
    enter(tables, indexes, &sizes);
    Ok(match failure {
        Some(why) if sizes.is_empty() => Fact::Unavailable(why),
        _ => Fact::Known(sizes.len() as u64),
    })
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
    oids: &[u32],
    sizes: &mut HashMap<u32, u64>,
) -> Result<Option<Unavailable>, SessionError> {
    if oids.is_empty() {
        return Ok(None);
    }
    let query = &queries::RELATION_SIZES;
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
