//! Pruning of old samples. The first-seen dates and the journal are not pruned.

use super::{
    HistoryError, Store,
    dialect::{Pool, Transaction, binds},
    retention::samples_to_merge,
};
use jiff::Timestamp;

/// The result of pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Samples that were deleted.
    pub samples: u64,
    /// Samples that remain.
    pub kept: u64,
}

/// The tables of values, with the key of their subject.
const VALUE_TABLES: [(&str, &str); 4] = [
    ("relation_value", "relation_id"),
    ("database_value", "database_id"),
    ("database_sample", "database_id"),
    ("slot_value", "slot_id"),
];

impl Store {
    /// Deletes part of the samples that are old at `now`. The next sample that remains gets the values of the deleted
    /// ones, so the values at a remaining sample do not change.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, HistoryError> {
        let mut pruned = Pruned { samples: 0, kept: 0 };
        for branch in self.cluster_branches().await? {
            let mut tx = self.begin().await?;
            tx.use_long_timeout();
            // The lock that recording takes, so that neither reads a partial change of the other.
            tx.lock(&branch.system_identifier).await?;
            let sql = "select sample_id, collected_at from sample where cluster_id = $1 order by sample_id";
            let rows = tx.rows(sql, binds![branch.cluster_id]).await?;
            let samples =
                rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<Vec<_>, HistoryError>>()?;
            let merges = samples_to_merge(&samples, now);
            for (dropped, kept) in &merges {
                let sql = "update sample set merged_into = $2 where sample_id = $1";
                tx.execute(sql, binds![*dropped, *kept]).await?;
            }
            if !merges.is_empty() {
                merge_values(&mut tx).await?;
            }
            tx.commit().await?;
            pruned.samples += merges.len() as u64;
            pruned.kept += (samples.len() - merges.len()) as u64;
        }
        if let (Pool::Sqlite(pool), true) = (&self.pool, pruned.samples > 0) {
            // Returns the space to the file system.
            sqlx::query("vacuum").execute(pool).await?;
        }
        Ok(pruned)
    }
}

async fn merge_values(tx: &mut Transaction) -> Result<(), HistoryError> {
    for (table, key) in VALUE_TABLES {
        // Up to the remaining sample, the latest value is the valid one.
        let delete_superseded = format!(
            "delete from {table} where exists ( \
               select 1 from sample m join {table} n on n.{key} = {table}.{key} \
                where m.sample_id = {table}.sample_id and m.merged_into is not null \
                  and n.sample_id > {table}.sample_id and n.sample_id <= m.merged_into)"
        );
        tx.execute(&delete_superseded, binds![]).await?;
        let move_values = format!(
            "update {table} set sample_id = (select m.merged_into from sample m where m.sample_id = {table}.sample_id) \
              where sample_id in (select m.sample_id from sample m where m.merged_into is not null)"
        );
        tx.execute(&move_values, binds![]).await?;
    }
    tx.execute("delete from sample where merged_into is not null", binds![]).await?;
    Ok(())
}
