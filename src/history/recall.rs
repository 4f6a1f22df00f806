//! What a report may want to be remembered of the server it is about.

use super::{HistoryError, Store};
use crate::model::{
    Snapshot,
    past::{Memory, Origin, WalInterval},
};
use jiff::SignedDuration;

/// How far back slots, WAL and sizes are read: a quarter and some days.
const FAR_BACK: SignedDuration = SignedDuration::from_hours(100 * 24);

/// What is asked for; each costs its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recall {
    pub slots: bool,
    /// Of the databases that the snapshot read from inside. Costs a second with 100,000 indexes.
    pub indexes: bool,
    pub wal: bool,
    /// Of the cluster, its pg_wal and its databases.
    pub growth: bool,
}

impl Store {
    /// What the samples know of the server that a snapshot shows; an empty memory when they do not know it.
    pub async fn recall(&self, snapshot: &Snapshot, recall: Recall) -> Result<Memory, HistoryError> {
        let mut memory = Memory::default();
        let Some(lineage) = self.identify(snapshot).await? else { return Ok(memory) };
        let cluster_id = lineage.cluster_id;
        let mut samples = self.samples(Some(cluster_id)).await?;
        samples.retain(|sample| sample.collected_at <= snapshot.collected_at);
        let (Some(oldest), Some(newest)) = (samples.first(), samples.last()) else { return Ok(memory) };
        let since = snapshot.collected_at - FAR_BACK;
        memory.origin = Some(Origin {
            store: self.address(),
            line: lineage.name(),
            samples: samples.len(),
            oldest: oldest.collected_at,
            newest: newest.collected_at,
        });
        if recall.slots {
            memory.slots = self.slot_pasts(cluster_id, since).await?;
        }
        if recall.indexes {
            for contents in &snapshot.contents {
                memory.indexes.extend(self.indexes_past(cluster_id, &contents.database).await?);
            }
        }
        if recall.wal {
            memory.wal = self.wal_intervals(cluster_id, since).await?;
            let placed = samples.iter().rev().find_map(|sample| Some((sample.collected_at, sample.current_lsn?)));
            if let (Some((from, then)), Some(current)) = (placed, snapshot.current_lsn())
                && from < snapshot.collected_at
            {
                let bytes = current.bytes_since(then);
                memory.wal.push(WalInterval { from, to: snapshot.collected_at, bytes });
            }
        }
        if recall.growth {
            memory.growth = self.growth(cluster_id, since, false).await?;
        }
        Ok(memory)
    }
}
