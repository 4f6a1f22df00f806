//! What the samples know of the indexes of one database.

use crate::model::{Contents, Index, Snapshot};
use jiff::Timestamp;
use std::collections::HashMap;

/// The indexes of one database since they are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexesPast {
    pub database: String,
    /// The first and the last sample that read them.
    pub since: Timestamp,
    pub until: Timestamp,
    /// Time between them in which scans may have been lost: from a sample to the reset of the counters after it.
    pub unobserved_seconds: u64,
    /// By schema, then name; those that the last sample showed.
    pub indexes: HashMap<String, HashMap<String, IndexPast>>,
}

/// One index since it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPast {
    /// At the last sample.
    pub oid: u32,
    /// Since when it is certain to be the same index.
    pub certain_since: Timestamp,
    /// Scans from the first sample that is certain to have seen it up to the last; at least so many.
    pub scans: u64,
    /// What the server's counter said at the last sample.
    pub idx_scan: u64,
    /// Since which sample it is invalid without a break.
    pub invalid_since: Option<Timestamp>,
}

/// What the past says of an index of today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    pub certain_since: Timestamp,
    /// Scans from `since` of the past, or `certain_since`, up to now.
    pub scans: u64,
    pub invalid_since: Option<Timestamp>,
}

impl IndexesPast {
    /// What looks, oldest first, saw of a database's indexes; `None` when none of them read any.
    pub fn of(looks: &[&Snapshot], database: &str) -> Option<IndexesPast> {
        let mut past: Option<(IndexesPast, Option<u32>)> = None;
        for look in looks {
            let Some(contents) = look.contents.iter().find(|contents| contents.database == database) else { continue };
            let (Some(tables), Some(indexes)) = (contents.tables.known(), contents.indexes.known()) else { continue };
            let timeline = look.control.known().map(|control| control.timeline_id);
            let schemas: HashMap<u32, &str> = tables.iter().map(|table| (table.oid, table.schema.as_str())).collect();
            let before = past.take();
            let mut next = IndexesPast {
                database: database.to_owned(),
                since: before.as_ref().map_or(look.collected_at, |(before, _)| before.since),
                until: look.collected_at,
                unobserved_seconds: before.as_ref().map_or(0, |(before, then)| {
                    // A promoted server has counters of its own, whose beginning nobody saw.
                    let lost = match *then < timeline && then.is_some() {
                        true => whole(before.until, look.collected_at),
                        false => before.lost(contents, look.collected_at),
                    };
                    before.unobserved_seconds + lost
                }),
                indexes: HashMap::new(),
            };
            for index in indexes {
                let Some(schema) = schemas.get(&index.table_oid) else { continue };
                let watched = before.as_ref().and_then(|(before, _)| before.watched(schema, index, contents));
                let now_invalid = (!index.is_valid).then_some(look.collected_at);
                let one = IndexPast {
                    oid: index.oid,
                    certain_since: watched.map_or(look.collected_at, |watched| watched.certain_since),
                    scans: watched.map_or(0, |watched| watched.scans),
                    idx_scan: u64::try_from(index.idx_scan).unwrap_or(0),
                    invalid_since: watched.and_then(|watched| watched.invalid_since).or(now_invalid),
                };
                next.indexes.entry((*schema).to_owned()).or_default().insert(index.index.clone(), one);
            }
            past = Some((next, timeline));
        }
        past.map(|(past, _)| past)
    }

    /// Seconds from the last look to a reset of the counters after it, if there was one: what was counted then is lost.
    fn lost(&self, contents: &Contents, now: Timestamp) -> u64 {
        self.reset(contents).map_or(0, |reset| whole(self.until, reset.min(now)))
    }

    /// When the counters began anew after the last sample, if they did.
    fn reset(&self, contents: &Contents) -> Option<Timestamp> {
        contents.statistics_resets.known()?.counting_since().filter(|reset| *reset > self.until)
    }

    /// Whole seconds since the first sample in which no scan can have been missed; `now` is the present look.
    pub fn seconds(&self, contents: &Contents, now: Timestamp) -> u64 {
        whole(self.since, now).saturating_sub(self.unobserved_seconds).saturating_sub(self.lost(contents, now))
    }

    /// The same index in the past; `None` when nothing makes sure that it is the same: one without scans may have been
    /// dropped and created again where the OID differs (REINDEX CONCURRENTLY changes it, and keeps the counter).
    pub fn watched(&self, schema: &str, index: &Index, contents: &Contents) -> Option<Watched> {
        let past = self.indexes.get(schema)?.get(&index.index)?;
        let idx_scan = u64::try_from(index.idx_scan).unwrap_or(0);
        let began_anew = self.reset(contents).is_some() || idx_scan < past.idx_scan;
        let counted_on = past.idx_scan > 0 && !began_anew;
        if past.oid != index.oid && !counted_on {
            return None;
        }
        let since_then = if began_anew { idx_scan } else { idx_scan - past.idx_scan };
        Some(Watched {
            certain_since: past.certain_since,
            scans: past.scans + since_then,
            invalid_since: past.invalid_since.filter(|_| past.oid == index.oid && !index.is_valid),
        })
    }
}

/// Whole seconds from one moment to a later one.
fn whole(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    /// An index of OID 5, seen from day 0 to day 10, scanned seven times before and three times in that time.
    fn past(idx_scan: u64) -> IndexesPast {
        let one = IndexPast { oid: 5, certain_since: at(0), scans: 3, idx_scan, invalid_since: Some(at(2)) };
        let indexes = [("shop".to_owned(), [("idx".to_owned(), one)].into())].into();
        IndexesPast { database: "shop".to_owned(), since: at(0), until: at(10), unobserved_seconds: 0, indexes }
    }

    fn contents(reset: Timestamp) -> Contents {
        serde_json::from_value(json!({"database": "shop", "statistics_resets": {"known":
            {"database_reset": null, "shared_reset": reset, "track_counts": true}}}))
        .unwrap()
    }

    fn index(oid: u32, idx_scan: i64) -> Index {
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
    fn scans_go_on_from_the_last_sample_or_from_a_reset_after_it() {
        let scans =
            |now: i64, reset: i64| past(10).watched("shop", &index(5, now), &contents(at(reset))).unwrap().scans;
        assert_eq!(scans(10, -90), 3);
        assert_eq!(scans(12, -90), 5);
        assert_eq!(scans(4, -90), 7, "a decrease is a reset");
        assert_eq!(scans(12, 11), 15, "a reset that has been caught up with");
    }

    #[test]
    fn another_oid_is_the_same_index_only_if_it_counts_on() {
        let same = |counted: u64, now: i64| past(counted).watched("shop", &index(6, now), &contents(at(-90)));
        assert!(same(0, 0).is_none(), "dropped and made again, for all we know");
        assert!(same(10, 0).is_none());
        assert_eq!(same(10, 11).map(|watched| watched.invalid_since), Some(None), "rebuilt: no leftover of then");
        assert!(past(10).watched("other", &index(5, 10), &contents(at(-90))).is_none());
        let left = past(0).watched("shop", &index(5, 0), &contents(at(-90))).unwrap();
        assert_eq!(left.invalid_since, Some(at(2)));
    }

    #[test]
    fn time_between_the_last_sample_and_a_reset_is_lost() {
        let days = |reset: i64| past(0).seconds(&contents(at(reset)), at(15)) / 86_400;
        assert_eq!((days(-90), days(12), days(14)), (15, 13, 11));
    }
}
