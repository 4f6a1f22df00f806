//! Writing one sample: the changes since the previous one, in one transaction.

use super::{
    HistoryError, Store, cluster_branches,
    concurrent_sample::{concurrent_branch, find_concurrent_sample},
    databases,
    dialect::{Transaction, binds},
    identity::{KnownBranch, NewSample, SampleIdentity, matching_branch},
    relations, slots,
    time::{micros, position, size, timestamp},
};
use crate::facts::history::ClusterBranch;
use crate::facts::{DatabaseSnapshot, Snapshot};
use jiff::Timestamp;

/// The result of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The branch that the sample belongs to.
    pub cluster_branch: ClusterBranch,
    /// It is the first sample of its branch.
    pub is_first: bool,
    /// The same snapshot was recorded before; nothing was written.
    pub was_known: bool,
    /// Number of relations in the snapshot.
    pub relations: u64,
    /// Number of new, changed and removed relations.
    pub changed: u64,
}

impl Store {
    /// Records a snapshot, in one transaction. `history record` and `check` both use it. A snapshot of other databases
    /// of a server that has just been sampled is added to that sample.
    pub async fn record(&self, snapshot: &Snapshot) -> Result<Recorded, HistoryError> {
        let identifier = system_identifier(snapshot)?;
        let identity = sample_identity(snapshot);
        let mut tx = self.begin().await?;
        tx.lock(&identifier).await?;
        let branches = known_branches(&mut tx, &identifier).await?;
        if let Some(branch) = branches.iter().find(|line| is_same_sample(&line.newest, &identity)) {
            let cluster_branch = cluster_branches::load_branch(&mut tx, branch.cluster_id).await?;
            return Ok(Recorded { cluster_branch, is_first: false, was_known: true, relations: 0, changed: 0 });
        }
        if let Some(sample) = find_concurrent_sample(&mut tx, &branches, &identity, snapshot).await? {
            let (relations, changed) = sample.write(&mut tx, &identity).await?;
            let cluster_branch = cluster_branches::load_branch(&mut tx, sample.cluster_id()).await?;
            tx.commit().await?;
            return Ok(Recorded { cluster_branch, is_first: false, was_known: false, relations, changed });
        }
        if let Some(later) = branches.iter().find(|line| is_older_than_branch(line, &identity)) {
            return Err(HistoryError::OutOfOrder {
                newest: timestamp(later.newest.collected_at)?,
                collected_at: snapshot.collected_at,
            });
        }
        let branch = matching_branch(&branches, &identity);
        let cluster_id = match branch {
            Some(line) => line.cluster_id,
            None => insert_branch(&mut tx, &identifier, &identity).await?,
        };
        let sample_id = insert_sample(&mut tx, cluster_id, snapshot, &identity).await?;
        let writing = NewSample { cluster_id, sample_id, collected_at: identity.collected_at };
        let ids = databases::write_databases(&mut tx, &writing, snapshot).await?;
        let (mut relations, mut changed) = (0, 0);
        for database_snapshot in &snapshot.database_snapshots {
            let Some(&database_id) = ids.get(database_snapshot.database.as_str()) else { continue };
            let counts =
                relations::write_relations(&mut tx, &writing, database_id, database_snapshot, identity.timeline_id)
                    .await?;
            relations += counts.seen;
            changed += counts.changed;
        }
        slots::write_slots(&mut tx, &writing, snapshot).await?;
        let cluster_branch = cluster_branches::load_branch(&mut tx, cluster_id).await?;
        tx.commit().await?;
        Ok(Recorded { cluster_branch, is_first: branch.is_none(), was_known: false, relations, changed })
    }

    /// Returns the branch that a snapshot would be recorded to, whose history belongs to it; `None` for a new one.
    pub async fn identify(&self, snapshot: &Snapshot) -> Result<Option<ClusterBranch>, HistoryError> {
        let identifier = system_identifier(snapshot)?;
        let identity = sample_identity(snapshot);
        let mut tx = self.pool.begin_reading().await?;
        let branches = known_branches(&mut tx, &identifier).await?;
        let branch = branches
            .iter()
            .find(|line| is_same_sample(&line.newest, &identity))
            .or_else(|| matching_branch(&branches, &identity));
        // Concurrent runs may have recorded samples since.
        let branch = branch.or_else(|| concurrent_branch(&branches, &identity));
        match branch {
            Some(line) => Ok(Some(cluster_branches::load_branch(&mut tx, line.cluster_id).await?)),
            None => Ok(None),
        }
    }
}

/// Returns the key of a cluster's samples: the system identifier, or the address if the control file cannot be read.
pub fn system_identifier(snapshot: &Snapshot) -> Result<String, HistoryError> {
    match (snapshot.control.as_result(), &snapshot.address) {
        (Ok(control), _) => Ok(control.system_identifier.clone()),
        (Err(_), Some(address)) => Ok(format!("at {address}")),
        (Err(why), None) => Err(HistoryError::NoIdentity(why.reason.clone())),
    }
}

fn sample_identity(snapshot: &Snapshot) -> SampleIdentity {
    let control = snapshot.control.known();
    SampleIdentity {
        collected_at: micros(snapshot.collected_at),
        started_at: micros(snapshot.server.started_at),
        in_recovery: snapshot.server.in_recovery,
        timeline_id: control.map(|control| i64::from(control.timeline_id)),
        checkpoint_lsn: control.map(|control| position(control.checkpoint_lsn)),
        current_lsn: snapshot.current_lsn().map(position),
        address: snapshot.address.clone(),
        promoted_at: promoted_at(snapshot).map(micros),
        shared_reset: snapshot.database_snapshots.iter().find_map(shared_stats_reset).map(micros),
    }
}

/// Returns when the timeline's history file was written; `None` if the file is of another timeline.
fn promoted_at(snapshot: &Snapshot) -> Option<Timestamp> {
    let history = snapshot.timeline_history.known()?;
    let timeline = u32::from_str_radix(history.file_name.as_deref()?.get(..8)?, 16).ok()?;
    history.modified_at.filter(|_| snapshot.control.known().is_some_and(|control| control.timeline_id == timeline))
}

fn shared_stats_reset(database_snapshot: &DatabaseSnapshot) -> Option<Timestamp> {
    database_snapshot.statistics_resets.known()?.shared_reset
}

fn is_same_sample(newest: &SampleIdentity, identity: &SampleIdentity) -> bool {
    (newest.collected_at, newest.started_at) == (identity.collected_at, identity.started_at)
}

/// Returns whether the branch's newest sample is later than this snapshot. For one server process the clock decides: if
/// it is wrong, the later sample may have the smaller position of WAL.
fn is_older_than_branch(branch: &KnownBranch, identity: &SampleIdentity) -> bool {
    let reversed = KnownBranch {
        cluster_id: branch.cluster_id,
        addresses: identity.address.clone().into_iter().collect(),
        newest: identity.clone(),
    };
    identity.collected_at <= branch.newest.collected_at
        && (identity.is_same_process_as(&branch.newest) || matching_branch(&[reversed], &branch.newest).is_some())
}

async fn known_branches(tx: &mut Transaction, identifier: &str) -> Result<Vec<KnownBranch>, HistoryError> {
    let rows = tx
        .rows(
            "select s.cluster_id, s.collected_at, s.started_at, s.in_recovery, s.timeline_id, s.checkpoint_lsn, \
                    s.current_lsn, s.address, \
                    (select max(c.shared_reset) from database_sample c where c.sample_id = s.sample_id) \
               from sample s join cluster c on c.cluster_id = s.cluster_id \
              where c.system_identifier = $1 \
                and s.sample_id = (select max(n.sample_id) from sample n where n.cluster_id = s.cluster_id) \
              order by s.cluster_id",
            binds![identifier],
        )
        .await?;
    let mut branches = Vec::with_capacity(rows.len());
    for row in rows {
        let cluster_id = row.int(0)?;
        let newest = SampleIdentity {
            collected_at: row.int(1)?,
            started_at: row.int(2)?,
            in_recovery: row.flag(3)?,
            timeline_id: row.int_or_none(4)?,
            checkpoint_lsn: row.int_or_none(5)?,
            current_lsn: row.int_or_none(6)?,
            address: row.text_or_none(7)?,
            promoted_at: None,
            shared_reset: row.int_or_none(8)?,
        };
        let known = "select distinct address from sample where cluster_id = $1 and address is not null";
        let addresses = tx.rows(known, binds![cluster_id]).await?;
        let addresses = addresses.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
        branches.push(KnownBranch { cluster_id, newest, addresses });
    }
    Ok(branches)
}

async fn insert_branch(tx: &mut Transaction, identifier: &str, identity: &SampleIdentity) -> Result<i64, HistoryError> {
    let sql = "insert into cluster (system_identifier, branch, is_standby, first_seen) \
               select $1, coalesce(max(branch), 0) + 1, $2, $3 from cluster where system_identifier = $1 \
               returning cluster_id";
    tx.returning_int(sql, binds![identifier, identity.in_recovery, identity.collected_at]).await
}

async fn insert_sample(
    tx: &mut Transaction,
    cluster_id: i64,
    snapshot: &Snapshot,
    identity: &SampleIdentity,
) -> Result<i64, HistoryError> {
    let checkpoint_time = snapshot.control.known().map(|control| micros(control.checkpoint_time));
    let wal_directory = snapshot.wal_directory.known().map(|directory| size(directory.directory_bytes));
    let provider = serde_json::to_value(snapshot.provider()).ok();
    let provider = provider.as_ref().and_then(|name| name.as_str()).unwrap_or("unknown");
    let sql = "insert into sample (cluster_id, collected_at, started_at, version_num, in_recovery, timeline_id, \
                 checkpoint_lsn, checkpoint_time, current_lsn, address, database_name, provider, \
                 wal_directory_bytes, slots_known, databases_known) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning sample_id";
    let binds = binds![
        cluster_id,
        identity.collected_at,
        identity.started_at,
        i64::from(snapshot.server.version_num),
        identity.in_recovery,
        identity.timeline_id,
        identity.checkpoint_lsn,
        checkpoint_time,
        identity.current_lsn,
        identity.address.as_deref(),
        snapshot.server.database.as_str(),
        provider,
        wal_directory,
        snapshot.slots.known().is_some(),
        snapshot.databases.known().is_some(),
    ];
    tx.returning_int(sql, binds).await
}
