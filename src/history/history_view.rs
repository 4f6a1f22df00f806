//! Loading the history of the server that a report is about.

use super::{HistoryError, Store};
use crate::facts::Snapshot;
use crate::facts::history::{HistorySource, HistoryView, WalInterval};
use jiff::SignedDuration;

/// Maximum age of the slots, WAL and sizes that are read: a quarter and some days.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(100 * 24);

/// The parts of the history that are loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryScope {
    /// Read the history of the slots.
    pub slots: bool,
    /// Load the history of the indexes of the databases in the snapshot. Takes a second for 100,000 indexes.
    pub indexes: bool,
    /// Read the WAL written between samples.
    pub wal: bool,
    /// Load the sizes of the cluster, its pg_wal and its databases.
    pub growth: bool,
    /// Load the counters of the target's last check; the command does that.
    pub counters: bool,
}

impl HistoryScope {
    /// Load nothing.
    pub const NONE: HistoryScope =
        HistoryScope { slots: false, indexes: false, wal: false, growth: false, counters: false };
}

impl Store {
    /// Loads the history of a snapshot's server; empty if the store has no sample of it.
    pub async fn load_history(&self, snapshot: &Snapshot, scope: HistoryScope) -> Result<HistoryView, HistoryError> {
        let mut history = HistoryView::default();
        let Some(branch) = self.identify(snapshot).await? else { return Ok(history) };
        let cluster_id = branch.cluster_id;
        let mut samples = self.samples(Some(cluster_id)).await?;
        samples.retain(|sample| sample.collected_at <= snapshot.collected_at);
        let (Some(oldest), Some(newest)) = (samples.first(), samples.last()) else { return Ok(history) };
        let since = snapshot.collected_at - MAX_AGE;
        history.origin = Some(HistorySource {
            store: self.address(),
            cluster_branch: branch.name(),
            samples: samples.len(),
            oldest: oldest.collected_at,
            newest: newest.collected_at,
        });
        if scope.slots {
            history.slots = self.slot_histories(cluster_id, since).await?;
        }
        if scope.indexes {
            for database_snapshot in &snapshot.database_snapshots {
                history.indexes.extend(self.index_history(cluster_id, &database_snapshot.database).await?);
            }
        }
        if scope.wal {
            history.wal = self.wal_intervals(cluster_id, since).await?;
            let last_position =
                samples.iter().rev().find_map(|sample| Some((sample.collected_at, sample.current_lsn?)));
            if let (Some((from, then)), Some(current)) = (last_position, snapshot.current_lsn())
                && from < snapshot.collected_at
            {
                let bytes = current.bytes_since(then);
                history.wal.push(WalInterval { from, to: snapshot.collected_at, bytes });
            }
        }
        if scope.growth {
            history.growth = self.growth(cluster_id, since, false).await?;
        }
        Ok(history)
    }
}
