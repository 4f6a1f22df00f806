//! What the samples saw of slots.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{lsn, micros, timestamp},
};
use crate::model::past::{SlotPast, SlotSample};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Store {
    /// Every slot that a sample since `since` saw, with those samples.
    pub async fn slot_pasts(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<SlotPast>, HistoryError> {
        let sql = "select sample_id, collected_at from sample where cluster_id = $1 and slots_known \
                   order by sample_id";
        let rows = self.pool.rows(sql, binds![cluster_id]).await?;
        let looks = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<Vec<_>, HistoryError>>()?;
        let values = self.slot_values(cluster_id).await?;
        let sql = "select slot_id, name, first_seen, certain_since, last_active, last_visited, frozen_since \
                     from slot where cluster_id = $1 order by name";
        let mut pasts = Vec::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            let values = values.get(&row.int(0)?).map_or(&[][..], Vec::as_slice);
            let mut samples = Vec::new();
            // A sample without a value of its own saw what the one before it saw.
            for &(sample_id, collected_at) in looks.iter().filter(|(_, at)| *at >= micros(since)) {
                let known = values.partition_point(|(written, _)| *written <= sample_id);
                if let Some((_, value)) = known.checked_sub(1).and_then(|at| values.get(at)) {
                    samples.push(SlotSample { collected_at: timestamp(collected_at)?, ..value.clone() });
                }
            }
            if samples.iter().any(|sample| sample.is_present) {
                pasts.push(SlotPast {
                    slot_name: row.text(1)?,
                    first_seen: timestamp(row.int(2)?)?,
                    certain_since: timestamp(row.int(3)?)?,
                    last_active: row.int_or_none(4)?.map(timestamp).transpose()?,
                    last_visited: row.int_or_none(5)?.map(timestamp).transpose()?,
                    frozen_since: timestamp(row.int(6)?)?,
                    samples,
                });
            }
        }
        Ok(pasts)
    }

    async fn slot_values(&self, cluster_id: i64) -> Result<BTreeMap<i64, Vec<(i64, SlotSample)>>, HistoryError> {
        let sql = "select v.slot_id, v.sample_id, v.is_present, v.is_active, v.restart_lsn, v.confirmed_flush_lsn, \
                          v.wal_status, v.inactive_since \
                     from slot_value v join slot s on s.slot_id = v.slot_id \
                    where s.cluster_id = $1 order by v.slot_id, v.sample_id";
        let mut values: BTreeMap<i64, Vec<(i64, SlotSample)>> = BTreeMap::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            let sample = SlotSample {
                collected_at: Timestamp::UNIX_EPOCH,
                is_present: row.flag(2)?,
                is_active: row.flag(3)?,
                restart_lsn: row.int_or_none(4)?.map(lsn),
                confirmed_flush_lsn: row.int_or_none(5)?.map(lsn),
                wal_status: row.text_or_none(6)?,
                inactive_since: row.int_or_none(7)?.map(timestamp).transpose()?,
            };
            values.entry(row.int(0)?).or_default().push((row.int(1)?, sample));
        }
        Ok(values)
    }
}
