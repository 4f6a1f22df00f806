//! History of the indexes of one database.

use crate::facts::{DatabaseSnapshot, Index, Snapshot};
use jiff::Timestamp;
use std::collections::HashMap;

/// The indexes of one database in the samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseIndexHistory {
    /// `pg_database.datname`.
    pub database: String,
    /// `collected_at` of the oldest sample.
    pub since: Timestamp,
    /// `collected_at` of the newest sample.
    pub until: Timestamp,
    /// Seconds in which scans may be lost: from a sample to the following reset of the counters.
    pub unobserved_seconds: u64,
    /// The indexes of the last sample, by schema and name.
    pub indexes: HashMap<String, HashMap<String, IndexHistory>>,
}

/// One index in the samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexHistory {
    /// `pg_index.indexrelid` in the last sample.
    pub oid: u32,
    /// Since when it is certain to be the same index.
    pub certain_since: Timestamp,
    /// Minimum number of scans from `certain_since` to the last sample.
    pub scans: u64,
    /// `pg_stat_user_indexes.idx_scan` at the last sample.
    pub idx_scan: u64,
    /// The first sample of an uninterrupted run of samples that show it invalid; `None` if it was valid in the last.
    pub invalid_since: Option<Timestamp>,
}

/// History of an index of the present snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexObservation {
    /// Since when it is certain to be the same index.
    pub certain_since: Timestamp,
    /// Scans from the beginning of the history, or from `certain_since`, until now.
    pub scans: u64,
    /// The first sample of an uninterrupted run of samples that show it invalid; `None` if it was valid in the last.
    pub invalid_since: Option<Timestamp>,
}

impl DatabaseIndexHistory {
    /// Returns the history of a database's indexes in snapshots, oldest first; `None` without any.
    pub fn from_snapshots(snapshots: &[&Snapshot], database: &str) -> Option<DatabaseIndexHistory> {
        let mut history: Option<(DatabaseIndexHistory, Option<u32>)> = None;
        for snapshot in snapshots {
            let Some(database_snapshot) =
                snapshot.database_snapshots.iter().find(|contents| contents.database == database)
            else {
                continue;
            };
            let (Some(tables), Some(indexes)) = (database_snapshot.tables.known(), database_snapshot.indexes.known())
            else {
                continue;
            };
            let timeline = snapshot.control.known().map(|control| control.timeline_id);
            let schemas: HashMap<u32, &str> = tables.iter().map(|table| (table.oid, table.schema.as_str())).collect();
            let before = history.take();
            let mut next = DatabaseIndexHistory {
                database: database.to_owned(),
                since: before.as_ref().map_or(snapshot.collected_at, |(before, _)| before.since),
                until: snapshot.collected_at,
                unobserved_seconds: before.as_ref().map_or(0, |(before, then)| {
                    // A promoted server has its own counters, whose start is unknown.
                    let lost_seconds = match *then < timeline && then.is_some() {
                        true => whole_seconds(before.until, snapshot.collected_at),
                        false => before.lost_seconds(database_snapshot, snapshot.collected_at),
                    };
                    before.unobserved_seconds + lost_seconds
                }),
                indexes: HashMap::new(),
            };
            for index in indexes {
                let Some(schema) = schemas.get(&index.table_oid) else { continue };
                let observation =
                    before.as_ref().and_then(|(before, _)| before.observe(schema, index, database_snapshot));
                let now_invalid = (!index.is_valid).then_some(snapshot.collected_at);
                let index_history = IndexHistory {
                    oid: index.oid,
                    certain_since: observation.map_or(snapshot.collected_at, |watched| watched.certain_since),
                    scans: observation.map_or(0, |watched| watched.scans),
                    idx_scan: u64::try_from(index.idx_scan).unwrap_or(0),
                    invalid_since: observation.and_then(|watched| watched.invalid_since).or(now_invalid),
                };
                next.indexes.entry((*schema).to_owned()).or_default().insert(index.index.clone(), index_history);
            }
            history = Some((next, timeline));
        }
        history.map(|(past, _)| past)
    }

    /// Returns the seconds from the last sample to a later reset of the counters; scans in between are lost. `None`
    /// without a reset.
    fn lost_seconds(&self, database_snapshot: &DatabaseSnapshot, now: Timestamp) -> u64 {
        self.counter_reset(database_snapshot).map_or(0, |reset| whole_seconds(self.until, reset.min(now)))
    }

    /// Returns when the counters were reset after the last sample; `None` if they were not.
    fn counter_reset(&self, database_snapshot: &DatabaseSnapshot) -> Option<Timestamp> {
        database_snapshot.statistics_resets.known()?.counting_since().filter(|reset| *reset > self.until)
    }

    /// Returns the whole seconds since the first sample in which no scan can have been missed; `now` is the present
    /// snapshot.
    pub fn observed_seconds(&self, database_snapshot: &DatabaseSnapshot, now: Timestamp) -> u64 {
        whole_seconds(self.since, now)
            .saturating_sub(self.unobserved_seconds)
            .saturating_sub(self.lost_seconds(database_snapshot, now))
    }

    /// Returns the history of the same index; `None` if it is not certainly the same. With another OID, an index without
    /// scans may have been dropped and created again (REINDEX CONCURRENTLY changes the OID, but not the counter).
    pub fn observe(
        &self,
        schema: &str,
        index: &Index,
        database_snapshot: &DatabaseSnapshot,
    ) -> Option<IndexObservation> {
        let history = self.indexes.get(schema)?.get(&index.index)?;
        let idx_scan = u64::try_from(index.idx_scan).unwrap_or(0);
        let was_reset = self.counter_reset(database_snapshot).is_some() || idx_scan < history.idx_scan;
        let counted_on = history.idx_scan > 0 && !was_reset;
        if history.oid != index.oid && !counted_on {
            return None;
        }
        let since_then = if was_reset { idx_scan } else { idx_scan - history.idx_scan };
        Some(IndexObservation {
            certain_since: history.certain_since,
            scans: history.scans + since_then,
            invalid_since: history.invalid_since.filter(|_| history.oid == index.oid && !index.is_valid),
        })
    }
}

/// Returns the whole seconds from one time to a later one.
fn whole_seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at_day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    /// An index with OID 5 in samples from day 0 to day 10, with seven scans before and three in that time.
    fn index_history(idx_scan: u64) -> DatabaseIndexHistory {
        let index =
            IndexHistory { oid: 5, certain_since: at_day(0), scans: 3, idx_scan, invalid_since: Some(at_day(2)) };
        let indexes = [("shop".to_owned(), [("idx".to_owned(), index)].into())].into();
        DatabaseIndexHistory {
            database: "shop".to_owned(),
            since: at_day(0),
            until: at_day(10),
            unobserved_seconds: 0,
            indexes,
        }
    }

    fn database_snapshot(reset: Timestamp) -> DatabaseSnapshot {
        serde_json::from_value(json!({"database": "shop", "statistics_resets": {"known":
            {"database_reset": null, "shared_reset": reset, "track_counts": true}}}))
        .unwrap()
    }

    fn index_with(oid: u32, idx_scan: i64) -> Index {
        serde_json::from_value(json!({"oid": oid, "table_oid": 1, "index": "idx", "is_partitioned": false,
            "parent_oid": null, "method": "btree", "tablespace": null, "relpages": 1, "reltuples": 1.0,
            "is_unique": false, "is_primary": false, "is_exclusion": false, "is_immediate": true, "is_valid": false,
            "is_ready": true, "is_live": true, "is_replica_identity": false, "is_clustered": false,
            "is_partial": false, "is_expression": false, "key_columns_count": 1, "column_numbers": [1],
            "constraint_name": null, "constraint": null, "size": {"bytes": 1, "source": "exact"},
            "idx_scan": idx_scan, "idx_tup_read": 0, "idx_tup_fetch": 0, "column_names": null, "definition": null}))
        .unwrap()
    }

    #[test]
    fn index_scans_continue_after_a_reset() {
        let scans = |now: i64, reset: i64| {
            index_history(10).observe("shop", &index_with(5, now), &database_snapshot(at_day(reset))).unwrap().scans
        };
        assert_eq!(scans(10, -90), 3);
        assert_eq!(scans(12, -90), 5);
        assert_eq!(scans(4, -90), 7, "a decrease is a reset");
        assert_eq!(scans(12, 11), 15, "a counter that has exceeded its value before a reset");
    }

    #[test]
    fn rebuilt_index_is_same_if_scans_continue() {
        let same = |counted: u64, now: i64| {
            index_history(counted).observe("shop", &index_with(6, now), &database_snapshot(at_day(-90)))
        };
        assert!(same(0, 0).is_none(), "it may have been dropped and created again");
        assert!(same(10, 0).is_none());
        assert_eq!(same(10, 11).map(|watched| watched.invalid_since), Some(None), "rebuilt, so not invalid since then");
        assert!(index_history(10).observe("other", &index_with(5, 10), &database_snapshot(at_day(-90))).is_none());
        let never_scanned =
            index_history(0).observe("shop", &index_with(5, 0), &database_snapshot(at_day(-90))).unwrap();
        assert_eq!(never_scanned.invalid_since, Some(at_day(2)));
    }

    #[test]
    fn observed_seconds_exclude_time_before_reset() {
        let days =
            |reset: i64| index_history(0).observed_seconds(&database_snapshot(at_day(reset)), at_day(15)) / 86_400;
        assert_eq!((days(-90), days(12), days(14)), (15, 13, 11));
    }
}
