//! Measuring relations: which is decided by [`super::sizes`], here they are asked and the answers entered.

use super::{
    Scope, ask, database_size,
    first_look::FirstLook,
    queries,
    relations::{self, TableRow},
    sizes::{self, BATCH, Doubt},
};
use crate::{
    model::{Fact, Index, OidMap, SizeSource, StoredBytes, Unavailable},
    pg::{Query, Session, SessionError},
};
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};

/// Relations one server process is asked about with `--exact`, before the next connection takes over: up to 100 MB where
/// it must open each.
const RELATIONS_PER_CONNECTION: usize = 23_000;

/// Fewer than these are not worth a connection of their own.
const WORTH_A_CONNECTION: usize = 2_500;

/// How many more connections a default look may use where the sum is wrong and one process has been asked enough.
const MORE_CONNECTIONS: usize = 5;

/// Every relation that has files, and which of them are measured first.
#[derive(Default)]
pub struct Doubts {
    all: Vec<Doubt>,
    first: Vec<u32>,
}

impl Doubts {
    pub fn of(tables: &[TableRow], indexes: &[Index]) -> Doubts {
        let all = doubts(tables, indexes);
        Doubts { first: sizes::first_round(&all), all }
    }
}

/// The measuring of one database's relations, round by round.
pub struct Measuring {
    doubts: Vec<Doubt>,
    sizes: OidMap<u64>,
    failure: Option<Unavailable>,
    query: &'static Query,
    /// The database, and those of its bytes that are none of the relations here.
    whole: Option<(u64, u64)>,
}

impl Measuring {
    /// The first round: the largest and the doubtful, or with `--exact` all; and the size of the whole, where the first
    /// look has not brought it. Answers why none can be measured where the relations are not known.
    pub async fn begin(
        session: &Session,
        scope: &Scope,
        first: &mut FirstLook,
    ) -> Result<Result<Measuring, Fact<u64>>, SessionError> {
        let known = first.database_bytes.take();
        let (Fact::Known(tables), Fact::Known(indexes)) = (&mut first.tables, &mut first.indexes) else {
            first.database_bytes = Some(session.round(database_size::unless(known, session)).await?);
            let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
            return Ok(Err(match missing {
                Some(why) => Fact::Unavailable(why.for_fact(queries::RELATION_SIZES.fact)),
                None => Fact::not_asked(queries::RELATION_SIZES.fact),
            }));
        };
        let Doubts { all: doubts, first: largest } = std::mem::take(&mut first.doubts);
        // By their files where the role may: no relation is opened then, so none is remembered, locked or waited for.
        let query = match first.may_stat_files.known() {
            Some(true) => &queries::RELATION_FILES,
            _ => &queries::RELATION_SIZES,
        };
        let mut measuring = Measuring { doubts, sizes: OidMap::default(), failure: None, query, whole: None };
        let whole = if scope.exact {
            let whole = session.round(database_size::unless(known, session));
            // The connection that is there has nothing else to do meanwhile.
            let (whole, all) = tokio::join!(whole, measuring.ask_all(session, scope));
            all?;
            whole?
        } else {
            let other = first.sequences.known().map_or(0, |sequences| sequences.bytes);
            let round = async {
                tokio::join!(biased; ask_sizes(session, query, &largest), database_size::unless(known, session))
            };
            let (answers, whole) = session.round(round).await?;
            measuring.take(answers);
            measuring.whole = whole.known().map(|whole| (*whole, other));
            whole
        };
        first.database_bytes = Some(whole);
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
    pub async fn finish(mut self, session: &Session, scope: &Scope, first: &mut FirstLook) -> Fact<u64> {
        for _ in 0..MORE_CONNECTIONS {
            let Some((whole, other)) = self.whole else { break };
            let more = sizes::further_round(&self.doubts, &self.sizes, whole, other);
            if more.is_empty() || self.failure.is_some() {
                break;
            }
            // A limit on connections is no reason to lose what is known: the rest stays unaccounted.
            let Ok(beside) = scope.spare.open(session).await else { break };
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

    /// How relations are measured here.
    pub fn query(&self) -> &'static Query {
        self.query
    }

    /// All of them, in shares of which each has a connection of its own; `jobs` connections work at a time.
    async fn ask_all(&mut self, session: &Session, scope: &Scope) -> Result<(), SessionError> {
        let mut all: Vec<u32> = self.doubts.iter().map(|relation| relation.oid).collect();
        // As they were made: what the catalogs say of neighbours lies side by side, which saves the server a third.
        all.sort_unstable();
        let query = self.query;
        let shares = all.chunks(share(all.len(), scope.jobs)).enumerate().map(|(number, share)| async move {
            if number == 0 {
                return session.round(ask_sizes(session, query, share)).await;
            }
            let beside = scope.spare.open(session).await?;
            beside.round(ask_sizes(&beside, query, share)).await
        });
        let mut answers = stream::iter(shares).buffer_unordered(scope.jobs.max(1));
        while let Some(answer) = answers.try_next().await? {
            self.take(answer);
        }
        Ok(())
    }

    async fn ask(&mut self, session: &Session, oids: &[u32]) -> Result<(), SessionError> {
        if !oids.is_empty() {
            let answers = session.round(ask_sizes(session, self.query, oids)).await?;
            self.take(answers);
        }
        Ok(())
    }
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
    let by_oid: OidMap<&TableRow> = tables.iter().map(|row| (row.table.oid, row)).collect();
    let heaps = tables
        .iter()
        .filter(|row| row.table.kind.has_storage())
        .flat_map(|row| [Some(row.heap), row.toast, row.toast_index].into_iter().flatten());
    let of_index = |index: &Index| match by_oid.get(&index.table_oid) {
        Some(table) => relations::index::doubt(index, table),
        None => Doubt { oid: index.oid, table_oid: index.table_oid, estimate: index.size.bytes, doubt: 0 },
    };
    heaps.chain(indexes.iter().filter(|index| !index.is_partitioned).map(of_index)).collect()
}

/// Measured relations, and what a failed batch said.
#[derive(Default)]
pub struct Answers {
    sizes: Vec<(u32, u64)>,
    failure: Option<Unavailable>,
}

/// Part of a round, in batches that fail alone.
pub async fn ask_sizes(session: &Session, query: &Query, oids: &[u32]) -> Answers {
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

fn enter(tables: &mut [TableRow], indexes: &mut [Index], sizes: &OidMap<u64>) {
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
            [(0, 1, 0), (300, 8, 1), (23_000, 1, 1), (119_000, 1, 6), (119_000, 2, 6), (119_000, 4, 8), (6_000, 8, 3)]
        {
            let each = share(relations, jobs);
            assert!(each <= RELATIONS_PER_CONNECTION, "{relations} by {jobs}: {each}");
            assert_eq!(relations.div_ceil(each), connections, "{relations} by {jobs}");
        }
    }
}
