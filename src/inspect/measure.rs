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

/// How many more connections a default look may use where the sum is wrong and one process has been asked enough.
const MORE_CONNECTIONS: usize = 5;

/// The measuring of one database's relations, round by round.
pub struct Measuring {
    doubts: Vec<Doubt>,
    sizes: HashMap<u32, u64>,
    failure: Option<Unavailable>,
    /// The database, and those of its bytes that are none of the relations here.
    whole: Option<(u64, u64)>,
}

impl Measuring {
    /// The first round: the largest and the doubtful, or with `--exact` all. Answers why none can be measured where the
    /// relations are not known.
    pub async fn begin(
        session: &Session,
        scope: &Scope,
        first: &mut FirstLook,
    ) -> Result<Result<Measuring, Fact<u64>>, SessionError> {
        let (Fact::Known(tables), Fact::Known(indexes)) = (&mut first.tables, &mut first.indexes) else {
            let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
            return Ok(Err(match missing {
                Some(why) => Fact::Unavailable(why.for_fact(queries::RELATION_SIZES.fact)),
                None => Fact::not_asked(queries::RELATION_SIZES.fact),
            }));
        };
        let other = first.sequences.known().map_or(0, |sequences| sequences.bytes);
        let whole = first.database_bytes.known().map(|whole| (*whole, other));
        let doubts = doubts(tables, indexes);
        let mut measuring = Measuring { doubts, sizes: HashMap::new(), failure: None, whole };
        if scope.exact {
            measuring.whole = None;
            let all: Vec<u32> = measuring.doubts.iter().map(|d| d.oid).collect();
            for (number, share) in all.chunks(RELATIONS_PER_CONNECTION).enumerate() {
                let beside = if number == 0 { None } else { Some(session.open_beside(None).await?) };
                measuring.ask(beside.as_ref().unwrap_or(session), share).await?;
            }
        } else {
            let largest = sizes::first_round(&measuring.doubts);
            measuring.ask(session, &largest).await?;
        }
        // So that what is decided by size next is decided by the best that is known.
        enter(tables, indexes, &measuring.sizes);
        Ok(Ok(measuring))
    }

    /// What is to be measured next because the parts and the whole differ.
    pub fn next(&self) -> Vec<u32> {
        match (self.whole, &self.failure) {
            (Some((whole, other)), None) => sizes::second_round(&self.doubts, &self.sizes, whole, other),
            _ => Vec::new(),
        }
    }

    /// Takes what a round has answered.
    pub fn take(&mut self, answers: Answers) {
        self.sizes.extend(answers.sizes);
        self.failure = answers.failure.or(self.failure.take());
    }

    /// More rounds over connections of their own, as long as the sum is wrong; then enters the sizes and answers how
    /// many were measured.
    pub async fn finish(mut self, session: &Session, first: &mut FirstLook) -> Fact<u64> {
        for _ in 0..MORE_CONNECTIONS {
            let Some((whole, other)) = self.whole else { break };
            let more = sizes::further_round(&self.doubts, &self.sizes, whole, other);
            if more.is_empty() || self.failure.is_some() {
                break;
            }
            // A limit on connections is no reason to lose what is known: the rest stays unaccounted.
            let Ok(beside) = session.open_beside(None).await else { break };
            if self.ask(&beside, &more).await.is_err() {
                break;
            }
        }
        if let (Fact::Known(tables), Fact::Known(indexes)) = (&mut first.tables, &mut first.indexes) {
            enter(tables, indexes, &self.sizes);
        }
        match self.failure {
            Some(why) if self.sizes.is_empty() => Fact::Unavailable(why),
            _ => Fact::Known(self.sizes.len() as u64),
        }
    }

    async fn ask(&mut self, session: &Session, oids: &[u32]) -> Result<(), SessionError> {
        if !oids.is_empty() {
            let answers = session.round(ask_sizes(session, oids)).await?;
            self.take(answers);
        }
        Ok(())
    }
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

/// Measured relations, and what a failed batch said.
#[derive(Default)]
pub struct Answers {
    sizes: HashMap<u32, u64>,
    failure: Option<Unavailable>,
}

/// Part of a round, in batches that fail alone.
pub async fn ask_sizes(session: &Session, oids: &[u32]) -> Answers {
    let query = &queries::RELATION_SIZES;
    let batches: Vec<Vec<i64>> =
        oids.chunks(BATCH).map(|batch| batch.iter().map(|oid| i64::from(*oid)).collect()).collect();
    let questions = batches.iter().map(|batch| {
        session.read(query, Some(batch), |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("bytes")?))
        })
    });
    let mut answers = Answers::default();
    for answer in join_all(questions).await {
        match answer {
            // A relation dropped between the two looks has no size any more: its estimate stays.
            Ok(rows) => {
                let known = rows.into_iter().filter_map(|(oid, bytes)| Some((oid, u64::try_from(bytes?).ok()?)));
                answers.sizes.extend(known);
            }
            Err(error) => answers.failure = Some(ask::unavailable(session, query, &error)),
        }
    }
    answers
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
