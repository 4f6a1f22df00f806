//! Cluster branches and their samples.

use super::{
    HistoryError, Store,
    dialect::{Row, Transaction, binds},
    time::{bytes, lsn, timestamp},
};
use crate::facts::history::{ClusterBranch, Sample};

const SELECT_BRANCH: &str = "select cluster_id, system_identifier, branch, is_standby, first_seen from cluster";

pub(super) async fn load_branch(tx: &mut Transaction, cluster_id: i64) -> Result<ClusterBranch, HistoryError> {
    let rows = tx.rows(&format!("{SELECT_BRANCH} where cluster_id = $1"), binds![cluster_id]).await?;
    rows.first().map(decode_branch).ok_or(HistoryError::Inconsistent("a cluster does not exist"))?
}

fn decode_branch(row: &Row) -> Result<ClusterBranch, HistoryError> {
    Ok(ClusterBranch {
        cluster_id: row.int(0)?,
        system_identifier: row.text(1)?,
        branch: row.int(2)?,
        is_standby: row.flag(3)?,
        first_seen: timestamp(row.int(4)?)?,
    })
}

impl Store {
    /// Returns all cluster branches, oldest first.
    pub async fn cluster_branches(&self) -> Result<Vec<ClusterBranch>, HistoryError> {
        self.pool
            .rows(&format!("{SELECT_BRANCH} order by cluster_id"), binds![])
            .await?
            .iter()
            .map(decode_branch)
            .collect()
    }

    /// Returns the samples of one branch, or of all, oldest first.
    pub async fn samples(&self, cluster_id: Option<i64>) -> Result<Vec<Sample>, HistoryError> {
        let sql = "select s.sample_id, s.cluster_id, s.collected_at, s.started_at, s.version_num, s.in_recovery, \
                          s.timeline_id, s.current_lsn, s.address, s.database_name, s.provider, \
                          s.wal_directory_bytes, \
                          (select count(*) from database_sample c where c.sample_id = s.sample_id) \
                     from sample s where s.cluster_id = $1 or $2 order by s.collected_at, s.sample_id";
        let rows = self.pool.rows(sql, binds![cluster_id.unwrap_or(0), cluster_id.is_none()]).await?;
        rows.iter().map(decode_sample).collect()
    }
}

fn decode_sample(row: &Row) -> Result<Sample, HistoryError> {
    let narrow =
        |value: i64| u32::try_from(value).map_err(|_| HistoryError::Inconsistent("a version number is out of range"));
    let version_num = narrow(row.int(4)?)?;
    Ok(Sample {
        sample_id: row.int(0)?,
        cluster_id: row.int(1)?,
        collected_at: timestamp(row.int(2)?)?,
        started_at: timestamp(row.int(3)?)?,
        version_num,
        in_recovery: row.flag(5)?,
        timeline_id: row.int_or_none(6)?.map(narrow).transpose()?,
        current_lsn: row.int_or_none(7)?.map(|position| lsn(position).printed_by(version_num)),
        address: row.text_or_none(8)?,
        database: row.text(9)?,
        provider: row.text(10)?,
        wal_directory_bytes: row.int_or_none(11)?.map(bytes),
        databases_read: bytes(row.int(12)?),
    })
}
