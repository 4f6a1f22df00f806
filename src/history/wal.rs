//! WAL volume between samples.

use super::{HistoryError, Store};
use crate::facts::history::WalInterval;
use jiff::Timestamp;

impl Store {
    /// Returns the WAL written between neighbouring samples since `since`. A promotion continues where the old timeline
    /// ended, so the positions of one branch never decrease.
    pub async fn wal_intervals(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<WalInterval>, HistoryError> {
        let samples = self.samples(Some(cluster_id)).await?;
        let positions: Vec<_> = samples
            .iter()
            .filter(|sample| sample.collected_at >= since)
            .filter_map(|sample| Some((sample.collected_at, sample.current_lsn?)))
            .collect();
        let intervals = positions.windows(2).map(|pair| WalInterval {
            from: pair[0].0,
            to: pair[1].0,
            bytes: pair[1].1.bytes_since(pair[0].1),
        });
        Ok(intervals.collect())
    }
}
