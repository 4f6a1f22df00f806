//! Snapshots of one server that several targets take at the same time, each of other databases.
//!
//! The targets of a fleet are often databases of one cluster. With one sample per target the facts of the cluster would
//! be written, and read, once per database, and a snapshot that is recorded after a newer one would be lost.

use super::{
    HistoryError, databases,
    dialect::{Transaction, binds},
    identity::{KnownBranch, NewSample, SampleIdentity},
    relations,
};
use crate::facts::{DatabaseSnapshot, Snapshot};

/// The newest sample of the server's branch, and the facts of the snapshot that it lacks.
pub(super) struct ConcurrentSample<'a> {
    writing: NewSample,
    cluster_id: i64,
    database_snapshots: Vec<&'a DatabaseSnapshot>,
}

/// The number of relations, and of those that changed.
pub(super) type RelationCounts = (u64, u64);

/// Returns the branch whose newest sample is of the same server process and time. The counters of a database are then
/// stored with the sample's time.
pub(super) fn concurrent_branch<'a>(branches: &'a [KnownBranch], identity: &SampleIdentity) -> Option<&'a KnownBranch> {
    branches.iter().find(|line| line.newest.is_concurrent_with(identity))
}

/// Returns the sample that a snapshot completes: if all of it is new there, or if it is too old for a sample of its
/// own.
pub(super) async fn find_concurrent_sample<'a>(
    tx: &mut Transaction,
    branches: &[KnownBranch],
    identity: &SampleIdentity,
    snapshot: &'a Snapshot,
) -> Result<Option<ConcurrentSample<'a>>, HistoryError> {
    let Some(branch) = concurrent_branch(branches, identity) else { return Ok(None) };
    let sql = "select sample_id, slots_known, databases_known from sample where cluster_id = $1 \
               order by sample_id desc limit 1";
    let rows = tx.rows(sql, binds![branch.cluster_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (sample_id, slots_known, databases_known) = (row.int(0)?, row.flag(1)?, row.flag(2)?);
    let mut new_databases = Vec::new();
    for database_snapshot in &snapshot.database_snapshots {
        if is_newly_read(tx, branch.cluster_id, sample_id, &database_snapshot.database, identity.collected_at).await? {
            new_databases.push(database_snapshot);
        }
    }
    let is_late = identity.collected_at < branch.newest.collected_at;
    let knows_more = (snapshot.slots.known().is_some() && !slots_known)
        || (snapshot.databases.known().is_some() && !databases_known);
    let completes = new_databases.len() == snapshot.database_snapshots.len() && !knows_more;
    if new_databases.is_empty() || !(is_late || completes) {
        return Ok(None);
    }
    let writing = NewSample { cluster_id: branch.cluster_id, sample_id, collected_at: branch.newest.collected_at };
    Ok(Some(ConcurrentSample { writing, cluster_id: branch.cluster_id, database_snapshots: new_databases }))
}

/// Returns whether neither the sample nor a later one has read the database.
async fn is_newly_read(
    tx: &mut Transaction,
    cluster_id: i64,
    sample_id: i64,
    database: &str,
    collected_at: i64,
) -> Result<bool, HistoryError> {
    let sql = "select c.sample_id, s.collected_at from database d \
                 join database_sample c on c.database_id = d.database_id \
                 join sample s on s.sample_id = c.sample_id \
                where d.cluster_id = $1 and d.name = $2 order by c.sample_id desc limit 1";
    match tx.rows(sql, binds![cluster_id, database]).await?.first() {
        Some(last) => Ok(last.int(0)? < sample_id && last.int(1)? < collected_at),
        None => Ok(true),
    }
}

impl ConcurrentSample<'_> {
    pub(super) fn cluster_id(&self) -> i64 {
        self.cluster_id
    }

    /// Adds the facts that the sample lacks.
    pub(super) async fn write(
        &self,
        tx: &mut Transaction,
        identity: &SampleIdentity,
    ) -> Result<RelationCounts, HistoryError> {
        let mut counts = (0, 0);
        for database_snapshot in &self.database_snapshots {
            let database_id = databases::ensure_database(tx, &self.writing, database_snapshot).await?;
            let written =
                relations::write_relations(tx, &self.writing, database_id, database_snapshot, identity.timeline_id)
                    .await?;
            counts = (counts.0 + written.seen, counts.1 + written.changed);
        }
        Ok(counts)
    }
}
