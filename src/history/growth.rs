//! Sizes over time.

use super::{
    HistoryError, Store,
    dialect::{Row, binds},
    relation::parse_kind,
    time::{bytes, micros, timestamp},
};
use crate::facts::history::{Growth, SizePoint, Subject, SubjectKind};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A sample in which a value could have been written.
type SampleTimes = Vec<(i64, i64)>;

/// The stored values of a subject, by sample; `None` for absent or unknown.
type SizesBySample = BTreeMap<i64, Option<i64>>;

impl Store {
    /// Returns the sizes of the cluster, its pg_wal and its databases since `since`; with `relations` also of tables
    /// and indexes. Objects that do not exist any more are omitted.
    pub async fn growth(
        &self,
        cluster_id: i64,
        since: Timestamp,
        relations: bool,
    ) -> Result<Vec<Growth>, HistoryError> {
        let databases = self.database_growth(cluster_id, since).await?;
        let mut growths = Vec::new();
        growths.extend(self.cluster_growth(&databases));
        growths.extend(self.wal_growth(cluster_id, since).await?);
        if relations {
            growths.extend(self.relation_growth(cluster_id, since).await?);
        }
        growths.splice(growths.len().min(2)..growths.len().min(2), databases);
        Ok(growths)
    }

    /// Returns the sum at the samples that contain the size of every database.
    fn cluster_growth(&self, databases: &[Growth]) -> Option<Growth> {
        let mut sums: BTreeMap<Timestamp, (usize, u64)> = BTreeMap::new();
        for point in databases.iter().flat_map(|growth| &growth.points) {
            let sum = sums.entry(point.at).or_default();
            *sum = (sum.0 + 1, sum.1 + point.bytes);
        }
        // A database that did not exist yet counts as 0; one whose size is unknown now makes the newest sum incomplete.
        let newest = sums.values().next_back()?.0;
        let points = sums
            .iter()
            .filter(|(_, (known, _))| *known <= newest)
            .map(|(&timestamp, &(_, bytes))| SizePoint { at: timestamp, bytes });
        let subject = Subject { kind: SubjectKind::Cluster, database: None, schema: None, name: None };
        Some(Growth { subject, points: points.collect() })
    }

    async fn wal_growth(&self, cluster_id: i64, since: Timestamp) -> Result<Option<Growth>, HistoryError> {
        let samples = self.samples(Some(cluster_id)).await?;
        let points: Vec<SizePoint> = samples
            .iter()
            .filter(|sample| sample.collected_at >= since)
            .filter_map(|sample| Some(SizePoint { at: sample.collected_at, bytes: sample.wal_directory_bytes? }))
            .collect();
        let subject = Subject { kind: SubjectKind::Wal, database: None, schema: None, name: None };
        Ok((!points.is_empty()).then_some(Growth { subject, points }))
    }

    async fn database_growth(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<Growth>, HistoryError> {
        let sql = "select sample_id, collected_at from sample where cluster_id = $1 and databases_known \
                   order by sample_id";
        let sample_times = sample_times(&self.pool.rows(sql, binds![cluster_id]).await?)?;
        let sql = "select d.database_id, d.name, v.sample_id, v.bytes from database d \
                     join database_value v on v.database_id = d.database_id \
                    where d.cluster_id = $1 and d.is_present order by d.name, v.sample_id";
        let mut subjects: BTreeMap<(i64, String), SizesBySample> = BTreeMap::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            subjects.entry((row.int(0)?, row.text(1)?)).or_default().insert(row.int(2)?, row.int_or_none(3)?);
        }
        let growths = subjects.into_iter().map(|((_, name), values)| {
            let subject = Subject { kind: SubjectKind::Database, database: Some(name), schema: None, name: None };
            Ok(Growth { subject, points: size_points(&sample_times, &values, since)? })
        });
        growths.collect()
    }

    async fn relation_growth(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<Growth>, HistoryError> {
        let sql = "select d.database_id, d.name from database d where d.cluster_id = $1 and d.is_present \
                   order by d.name";
        let mut growths = Vec::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            let (database_id, database) = (row.int(0)?, row.text(1)?);
            let sql = "select s.sample_id, s.collected_at from database_sample c \
                         join sample s on s.sample_id = c.sample_id \
                        where c.database_id = $1 and c.tables_known order by s.sample_id";
            let sample_times = sample_times(&self.pool.rows(sql, binds![database_id]).await?)?;
            let first = sample_times
                .iter()
                .find(|(_, time)| *time >= micros(since))
                .map_or(i64::MAX, |(sample_id, _)| *sample_id);
            // Relations of constant size have no growth; most are constant.
            let sql = "select r.relation_id, r.kind, r.schema_name, r.name, v.sample_id, v.is_present, v.bytes \
                         from relation r join relation_value v on v.relation_id = r.relation_id \
                        where r.database_id = $1 and r.is_present \
                          and v.sample_id >= coalesce((select max(b.sample_id) from relation_value b \
                                where b.relation_id = r.relation_id and b.sample_id <= $2), 0) \
                          and exists (select 1 from relation_value o where o.relation_id = r.relation_id \
                                       and o.bytes <> r.bytes) \
                        order by r.relation_id, v.sample_id";
            let mut current: Option<(i64, Subject, SizesBySample)> = None;
            for row in self.pool.rows(sql, binds![database_id, first]).await? {
                let relation_id = row.int(0)?;
                if current.as_ref().is_none_or(|(id, ..)| *id != relation_id) {
                    let subject = Subject {
                        kind: parse_kind(&row.text(1)?)?,
                        database: Some(database.clone()),
                        schema: Some(row.text(2)?),
                        name: Some(row.text(3)?),
                    };
                    if let Some((_, subject, values)) = current.replace((relation_id, subject, SizesBySample::new())) {
                        growths.push(Growth { subject, points: size_points(&sample_times, &values, since)? });
                    }
                }
                if let Some((_, _, values)) = &mut current {
                    let size = row.flag(5)?.then_some(row.int(6)?);
                    values.insert(row.int(4)?, size);
                }
            }
            if let Some((_, subject, values)) = current {
                growths.push(Growth { subject, points: size_points(&sample_times, &values, since)? });
            }
        }
        Ok(growths)
    }
}

fn sample_times(rows: &[Row]) -> Result<SampleTimes, HistoryError> {
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// Returns a point per sample since `since`. A sample without a value has that of the previous one.
fn size_points(
    sample_times: &SampleTimes,
    values: &SizesBySample,
    since: Timestamp,
) -> Result<Vec<SizePoint>, HistoryError> {
    let mut points = Vec::new();
    for &(sample_id, collected_at) in sample_times.iter().filter(|(_, time)| *time >= micros(since)) {
        if let Some((_, Some(size))) = values.range(..=sample_id).next_back() {
            points.push(SizePoint { at: timestamp(collected_at)?, bytes: bytes(*size) });
        }
    }
    Ok(points)
}
