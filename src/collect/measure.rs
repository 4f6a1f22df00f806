//! Reads the sizes of the relations that [`super::sizes`] selects, and stores them in the facts.

use super::{
    Scope,
    catalog_facts::CatalogFacts,
    database_size, fetch, queries,
    relations::{SizeEstimates, TableRow},
    sizes::{self, BATCH_SIZE, SizeEstimate},
};
use crate::facts::{Fact, Index, OidMap, SizeSource, StoredBytes, Unavailable};
use crate::postgres::{Query, Session, SessionError};
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};

/// Maximum number of relations per server process with `--exact`: about 100 MB of its memory if it must open each.
const MAX_RELATIONS_PER_CONNECTION: usize = 23_000;

/// Minimum number of relations for a separate connection.
const MIN_RELATIONS_PER_CONNECTION: usize = 2_500;

/// Maximum number of additional connections without `--exact`, used when the sum differs and one process has reached its
/// limit.
const MAX_EXTRA_CONNECTIONS: usize = 5;

/// Measurement of the relations of one database, in rounds.
pub struct SizeMeasurement {
    size_estimates: Vec<SizeEstimate>,
    sizes: OidMap<u64>,
    failure: Option<Unavailable>,
    query: &'static Query,
    /// Size of the database, and the part of it that does not belong to these relations.
    database_and_other_bytes: Option<(u64, u64)>,
}

impl SizeMeasurement {
    /// Selects the relations of the first round: the largest and the uncertain ones, or all with `--exact`. Reads the
    /// size of the database if it is not known yet. Returns the reason if the relations are unknown.
    pub async fn start(
        session: &Session,
        scope: &Scope,
        facts: &mut CatalogFacts,
    ) -> Result<Result<SizeMeasurement, Fact<u64>>, SessionError> {
        let known = facts.database_bytes.take();
        let (Fact::Known(tables), Fact::Known(indexes)) = (&mut facts.tables, &mut facts.indexes) else {
            facts.database_bytes = Some(session.run_round(database_size::fetch_unless_known(known, session)).await?);
            let missing = facts.tables.as_result().err().or(facts.indexes.as_result().err());
            return Ok(Err(match missing {
                Some(why) => Fact::Unavailable(why.for_fact(queries::RELATION_SIZES.fact)),
                None => Fact::not_requested(queries::RELATION_SIZES.fact),
            }));
        };
        let SizeEstimates { all: doubts, first: largest } = std::mem::take(&mut facts.size_estimates);
        // From the files if the role may read them: no relation is opened, cached, locked or waited for.
        let query = match facts.may_stat_files.known() {
            Some(true) => &queries::RELATION_FILES,
            _ => &queries::RELATION_SIZES,
        };
        let mut measurement = SizeMeasurement {
            size_estimates: doubts,
            sizes: OidMap::default(),
            failure: None,
            query,
            database_and_other_bytes: None,
        };
        let whole = if scope.exact {
            let whole = session.run_round(database_size::fetch_unless_known(known, session));
            // The existing connection is idle in the meantime.
            let (whole, measured) = tokio::join!(whole, measurement.measure_all(session, scope));
            measured?;
            whole?
        } else {
            let other = facts.sequences.known().map_or(0, |sequences| sequences.bytes);
            let round = async {
                tokio::join!(biased; fetch_sizes(session, query, &largest), database_size::fetch_unless_known(known, session))
            };
            let (measured, whole) = session.run_round(round).await?;
            measurement.add_sizes(measured);
            measurement.database_and_other_bytes = whole.known().map(|whole| (*whole, other));
            whole
        };
        facts.database_bytes = Some(whole);
        // The next decisions use the best known sizes.
        apply_sizes(tables, indexes, &measurement.sizes);
        Ok(Ok(measurement))
    }

    /// Returns the relations to measure next because the sum and the size of the database differ.
    pub fn next_oids(&self) -> Vec<u32> {
        match (self.database_and_other_bytes, &self.failure) {
            (Some((whole, other)), None) => sizes::second_round(&self.size_estimates, &self.sizes, whole, other),
            _ => Vec::new(),
        }
    }

    /// Adds the sizes of one round.
    pub fn add_sizes(&mut self, measured: MeasuredSizes) {
        self.sizes.extend(measured.sizes);
        self.failure = measured.failure.or(self.failure.take());
    }

    /// Measures more relations over other connections while the sum differs from the size of the database. Then stores
    /// the sizes and returns the number of measured relations.
    pub async fn measure_rest(mut self, session: &Session, scope: &Scope, facts: &mut CatalogFacts) -> Fact<u64> {
        for _ in 0..MAX_EXTRA_CONNECTIONS {
            let Some((whole, other)) = self.database_and_other_bytes else { break };
            let oids = sizes::further_round(&self.size_estimates, &self.sizes, whole, other);
            if oids.is_empty() || self.failure.is_some() {
                break;
            }
            // If no connection can be opened, the known sizes are kept and the difference stays unaccounted.
            let Ok(second) = scope.connection_budget.open(session).await else { break };
            if self.measure_oids(&second, &oids).await.is_err() {
                break;
            }
        }
        if let (Fact::Known(tables), Fact::Known(indexes)) = (&mut facts.tables, &mut facts.indexes) {
            apply_sizes(tables, indexes, &self.sizes);
        }
        match self.failure {
            Some(why) if self.sizes.is_empty() => Fact::Unavailable(why),
            _ => Fact::Known(self.sizes.len() as u64),
        }
    }

    /// Returns the query that measures relations on this server.
    pub fn query(&self) -> &'static Query {
        self.query
    }

    /// Measures all relations, in batches with a separate connection each, `jobs` at the same time.
    async fn measure_all(&mut self, session: &Session, scope: &Scope) -> Result<(), SessionError> {
        let mut oids: Vec<u32> = self.size_estimates.iter().map(|relation| relation.oid).collect();
        // In the order of creation: neighbouring relations have neighbouring catalog rows, which saves a third of the time.
        oids.sort_unstable();
        let query = self.query;
        let shares = oids.chunks(relations_per_connection(oids.len(), scope.jobs)).enumerate().map(
            |(number, share)| async move {
                if number == 0 {
                    return session.run_round(fetch_sizes(session, query, share)).await;
                }
                let second = scope.connection_budget.open(session).await?;
                second.run_round(fetch_sizes(&second, query, share)).await
            },
        );
        let mut results = stream::iter(shares).buffer_unordered(scope.jobs.max(1));
        while let Some(measured) = results.try_next().await? {
            self.add_sizes(measured);
        }
        Ok(())
    }

    async fn measure_oids(&mut self, session: &Session, oids: &[u32]) -> Result<(), SessionError> {
        if !oids.is_empty() {
            let measured = session.run_round(fetch_sizes(session, self.query, oids)).await?;
            self.add_sizes(measured);
        }
        Ok(())
    }
}

/// Returns the number of relations per connection: as many rounds as the memory limit requires, with equal work for all
/// jobs in each.
fn relations_per_connection(relations: usize, jobs: usize) -> usize {
    let jobs = jobs.clamp(1, relations.div_ceil(MIN_RELATIONS_PER_CONNECTION).max(1));
    let rounds = relations.div_ceil(MAX_RELATIONS_PER_CONNECTION * jobs).max(1);
    relations.div_ceil(rounds * jobs).max(1)
}

/// Measured relations, and the error of a failed batch.
#[derive(Default)]
pub struct MeasuredSizes {
    sizes: Vec<(u32, u64)>,
    failure: Option<Unavailable>,
}

/// Measures relations as part of a round trip, in batches with separate errors.
pub async fn fetch_sizes(session: &Session, query: &Query, oids: &[u32]) -> MeasuredSizes {
    let batches: Vec<Vec<i64>> =
        oids.chunks(BATCH_SIZE).map(|batch| batch.iter().map(|oid| i64::from(*oid)).collect()).collect();
    let statements = batches.iter().map(|batch| {
        session.read(query, Some(batch), |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("bytes")?))
        })
    });
    let mut measured = MeasuredSizes::default();
    for result in join_all(statements).await {
        match result {
            // A relation that was dropped in the meantime has no size: its estimate stays.
            Ok(rows) => {
                let known = rows.into_iter().filter_map(|(oid, bytes)| Some((oid, u64::try_from(bytes?).ok()?)));
                measured.sizes.extend(known);
            }
            Err(error) => measured.failure = Some(fetch::unavailable_fact(session, query, &error)),
        }
    }
    measured
}

fn apply_sizes(tables: &mut [TableRow], indexes: &mut [Index], sizes: &OidMap<u64>) {
    let measured = |doubt: &SizeEstimate| match sizes.get(&doubt.oid) {
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
    fn relations_per_connection_uses_all_jobs() {
        for (relations, jobs, connections) in
            [(0, 1, 0), (300, 8, 1), (23_000, 1, 1), (119_000, 1, 6), (119_000, 2, 6), (119_000, 4, 8), (6_000, 8, 3)]
        {
            let per_connection = relations_per_connection(relations, jobs);
            assert!(per_connection <= MAX_RELATIONS_PER_CONNECTION, "{relations} by {jobs}: {per_connection}");
            assert_eq!(relations.div_ceil(per_connection), connections, "{relations} by {jobs}");
        }
    }
}
