//! Slots in samples.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{lsn, micros, timestamp},
};
use crate::facts::SlotType;
use crate::facts::history::{SlotHistory, SlotRecord, SlotSample, SlotState};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A sample with slots, and the state of its server.
struct SampledSlots {
    sample_id: i64,
    slot_sample: SlotSample,
}

impl Store {
    /// Returns every slot in samples since `since`, with those samples.
    pub async fn slot_histories(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<SlotHistory>, HistoryError> {
        let samples = self.slot_samples(cluster_id, since).await?;
        let values = self.slot_values(cluster_id).await?;
        let sql = "select slot_id, name, first_seen, certain_since, last_active, last_connected, frozen_since \
                     from slot where cluster_id = $1 order by name";
        let mut histories = Vec::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            let values = values.get(&row.int(0)?).map_or(&[][..], Vec::as_slice);
            let mut slot_samples = Vec::new();
            // A sample without a value has that of the previous one.
            for SampledSlots { sample_id, slot_sample: look } in &samples {
                let known = values.partition_point(|(written, _)| written <= sample_id);
                if let Some((_, seen)) = known.checked_sub(1).and_then(|position| values.get(position)) {
                    slot_samples.push(SlotSample { seen: seen.clone(), ..look.clone() });
                }
            }
            if slot_samples.iter().any(|look| look.seen.is_some()) {
                histories.push(SlotHistory {
                    slot_name: row.text(1)?,
                    first_seen: timestamp(row.int(2)?)?,
                    record: Some(SlotRecord {
                        certain_since: timestamp(row.int(3)?)?,
                        last_active: row.int_or_none(4)?.map(timestamp).transpose()?,
                        last_connected: row.int_or_none(5)?.map(timestamp).transpose()?,
                        frozen_since: timestamp(row.int(6)?)?,
                    }),
                    samples: slot_samples,
                });
            }
        }
        Ok(histories)
    }

    async fn slot_samples(&self, cluster_id: i64, since: Timestamp) -> Result<Vec<SampledSlots>, HistoryError> {
        let sql = "select sample_id, collected_at, started_at, current_lsn from sample \
                    where cluster_id = $1 and slots_known and collected_at >= $2 order by sample_id";
        let rows = self.pool.rows(sql, binds![cluster_id, micros(since)]).await?;
        let sample = |row: &super::dialect::Row| {
            let slot_sample = SlotSample {
                collected_at: timestamp(row.int(1)?)?,
                started_at: timestamp(row.int(2)?)?,
                current_lsn: row.int_or_none(3)?.map(lsn),
                seen: None,
            };
            Ok(SampledSlots { sample_id: row.int(0)?, slot_sample })
        };
        rows.iter().map(sample).collect()
    }

    async fn slot_values(&self, cluster_id: i64) -> Result<BTreeMap<i64, Vec<(i64, Option<SlotState>)>>, HistoryError> {
        let sql = "select v.slot_id, v.sample_id, v.is_present, v.is_active, v.restart_lsn, v.confirmed_flush_lsn, \
                          v.inactive_since, v.slot_type, v.plugin \
                     from slot_value v join slot s on s.slot_id = v.slot_id \
                    where s.cluster_id = $1 order by v.slot_id, v.sample_id";
        let mut values: BTreeMap<i64, Vec<(i64, Option<SlotState>)>> = BTreeMap::new();
        for row in self.pool.rows(sql, binds![cluster_id]).await? {
            let seen = SlotState {
                slot_type: match row.text(7)?.as_str() {
                    "physical" => SlotType::Physical,
                    _ => SlotType::Logical,
                },
                plugin: row.text_or_none(8)?,
                database: None,
                is_active: row.flag(3)?,
                restart_lsn: row.int_or_none(4)?.map(lsn),
                confirmed_flush_lsn: row.int_or_none(5)?.map(lsn),
                inactive_since: row.int_or_none(6)?.map(timestamp).transpose()?,
                rows_written: None,
            };
            let seen = row.flag(2)?.then_some(seen);
            values.entry(row.int(0)?).or_default().push((row.int(1)?, seen));
        }
        Ok(values)
    }
}
