//! The history of the indexes of a database: first seen, scans, and the time that the samples cover.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{bytes, timestamp},
};
use crate::facts::history::{DatabaseIndexHistory, IndexHistory};
use std::collections::HashMap;

/// A sample that read a database's indexes. Times in microseconds.
struct IndexesSample {
    collected_at: i64,
    timeline_id: Option<i64>,
    database_reset: Option<i64>,
    shared_reset: Option<i64>,
}

impl Store {
    /// Returns the indexes in the last sample of a database; `None` if no sample contains the database.
    pub async fn index_history(
        &self,
        cluster_id: i64,
        database: &str,
    ) -> Result<Option<DatabaseIndexHistory>, HistoryError> {
        let samples = self.index_samples(cluster_id, database).await?;
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ok(None) };
        let unobserved: i64 = samples.windows(2).map(|pair| unobserved_micros(&pair[0], &pair[1])).sum();
        let invalid = self.invalid_since(cluster_id, database).await?;
        let starts = self.scans_at_start(cluster_id, database).await?;
        let sql = "select r.relation_id, r.schema_name, r.name, r.oid, r.certain_since, r.scans, r.scans_total \
                     from relation r join database d on d.database_id = r.database_id \
                    where d.cluster_id = $1 and d.name = $2 and r.kind = 'index' and r.is_present";
        let mut indexes: HashMap<String, HashMap<String, IndexHistory>> = HashMap::new();
        self.pool
            .for_each_row(sql, binds![cluster_id, database], |row| {
                let relation_id = row.int(0)?;
                // If the first value was pruned, the total count: a value that is too large is on the safe side.
                let before = starts.get(&relation_id).copied().unwrap_or(0);
                let index_history = IndexHistory {
                    oid: u32::try_from(row.int(3)?)
                        .map_err(|_| HistoryError::Inconsistent("an OID is out of range"))?,
                    certain_since: timestamp(row.int(4)?)?,
                    scans: bytes(row.int(6)? - before),
                    idx_scan: bytes(row.int(5)?),
                    invalid_since: invalid.get(&relation_id).copied().map(timestamp).transpose()?,
                };
                indexes.entry(row.text(1)?).or_default().insert(row.text(2)?, index_history);
                Ok(())
            })
            .await?;
        Ok(Some(DatabaseIndexHistory {
            database: database.to_owned(),
            since: timestamp(first.collected_at)?,
            until: timestamp(last.collected_at)?,
            unobserved_seconds: bytes(unobserved) / 1_000_000,
            indexes,
        }))
    }

    async fn index_samples(&self, cluster_id: i64, database: &str) -> Result<Vec<IndexesSample>, HistoryError> {
        let sql = "select s.collected_at, s.timeline_id, c.database_reset, c.shared_reset from database_sample c \
                     join sample s on s.sample_id = c.sample_id join database d on d.database_id = c.database_id \
                    where d.cluster_id = $1 and d.name = $2 and c.indexes_known order by s.sample_id";
        let rows = self.pool.rows(sql, binds![cluster_id, database]).await?;
        let decode_sample = |row: &super::dialect::Row| {
            Ok(IndexesSample {
                collected_at: row.int(0)?,
                timeline_id: row.int_or_none(1)?,
                database_reset: row.int_or_none(2)?,
                shared_reset: row.int_or_none(3)?,
            })
        };
        rows.iter().map(decode_sample).collect()
    }

    /// Returns the counter of each index at the first sample from which it is certainly the same index.
    async fn scans_at_start(&self, cluster_id: i64, database: &str) -> Result<HashMap<i64, i64>, HistoryError> {
        let sql = "select v.relation_id, v.scans_total from relation r \
                     join database d on d.database_id = r.database_id \
                     join relation_value v on v.relation_id = r.relation_id \
                     join sample s on s.sample_id = v.sample_id \
                    where d.cluster_id = $1 and d.name = $2 and r.kind = 'index' and r.is_present \
                      and r.scans_total > 0 and s.collected_at = r.certain_since";
        let mut starts = HashMap::new();
        self.pool
            .for_each_row(sql, binds![cluster_id, database], |row| {
                starts.insert(row.int(0)?, row.int(1)?);
                Ok(())
            })
            .await?;
        Ok(starts)
    }
}

/// The interval from a sample to the reset of the counters before the next sample, whose count is lost. The start of a
/// promoted server's counters is unknown.
fn unobserved_micros(before: &IndexesSample, after: &IndexesSample) -> i64 {
    let since = before.collected_at;
    if after.timeline_id > before.timeline_id && before.timeline_id.is_some() {
        return after.collected_at - since;
    }
    let resets = [after.database_reset, after.shared_reset].into_iter().flatten().filter(|reset| *reset > since);
    resets.max().map_or(0, |reset| reset.min(after.collected_at) - since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unobserved_time_counts_possible_losses() {
        let sample = |collected_at, timeline_id, database_reset, shared_reset| IndexesSample {
            collected_at,
            timeline_id: Some(timeline_id),
            database_reset,
            shared_reset,
        };
        let before = sample(100, 1, Some(3), Some(5));
        assert_eq!(unobserved_micros(&before, &sample(200, 1, Some(3), Some(5))), 0);
        assert_eq!(unobserved_micros(&before, &sample(200, 1, Some(130), Some(5))), 30, "reset by hand");
        assert_eq!(unobserved_micros(&before, &sample(200, 1, None, Some(180))), 80, "a crash");
        assert_eq!(unobserved_micros(&before, &sample(200, 1, Some(130), Some(180))), 80, "both: the later one");
        assert_eq!(unobserved_micros(&before, &sample(200, 2, Some(3), Some(5))), 100, "a promotion");
        assert_eq!(
            unobserved_micros(&before, &sample(200, 1, Some(900), None)),
            100,
            "the server's clock was put back"
        );
    }
}
