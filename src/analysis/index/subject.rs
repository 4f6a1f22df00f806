//! One index with everything that rules evaluate.

use super::signature::Signature;
use crate::analysis::{IndexTrees, Window};
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Index, OidMap, Replica, Table};
use jiff::Timestamp;

/// An index with its facts. The figures of a partitioned index include its children.
pub struct IndexSubject<'a> {
    pub index: &'a Index,
    pub table: &'a Table,
    /// Root of the partitioned index tree that it is attached to; `None` when it is not attached.
    pub root: Option<&'a Index>,
    /// Number of children at any depth.
    pub descendants: usize,
    pub signature: Signature<'a>,
    /// Size in bytes.
    pub bytes: u64,
    /// Scans in the observation window on all servers that were read.
    pub scans: u64,
    /// Earliest sample since which the index existed without doubt; for a tree, the latest of its members. `None` when
    /// unknown.
    pub certain_since: Option<Timestamp>,
    /// Earliest sample since which the index was invalid without interruption.
    pub invalid_since: Option<Timestamp>,
    pub last_scan: Option<Timestamp>,
    /// Last reset of its own counters, of a tree the latest (19).
    pub own_reset: Option<Timestamp>,
    /// Rows of the table that were written to the index.
    pub writes: u64,
    pub rows: f64,
    /// Whether the table was scanned at all in the window, by any path.
    pub table_was_read: bool,
}

impl IndexSubject<'_> {
    /// Returns whether the index is valid, ready and live, so that it serves scans and constraints.
    pub fn is_sound(&self) -> bool {
        self.index.is_valid && self.index.is_ready && self.index.is_live
    }

    /// Returns the benefit of a drop: bytes, weighted with how often the table's rows are written
    /// (docs/reference/index-usage.md#benefit-of-a-drop).
    pub fn drop_benefit(&self) -> f64 {
        self.bytes as f64 * (1.0 + self.writes as f64 / self.rows.max(1.0))
    }
}

/// Returns the latest timestamp; `None` if one of them is unknown.
fn latest_if_all_known(mut since: impl Iterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    let first = since.next()??;
    since.try_fold(first, |latest, timestamp| Some(latest.max(timestamp?)))
}

/// Returns every index outside the system catalogs, in a stable order.
pub fn collect_subjects<'a>(
    db: &'a DatabaseSnapshot,
    replicas: &[&Replica],
    history: Option<&DatabaseIndexHistory>,
    window: &Window,
) -> Vec<IndexSubject<'a>> {
    let (Some(tables), Some(indexes)) = (db.tables.known(), db.indexes.known()) else {
        return Vec::new();
    };
    let of_table: OidMap<&Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let trees = IndexTrees::from_indexes(indexes);
    let last_scans = db.last_idx_scans.known();
    let resets = db.index_resets.known();
    let elsewhere = |oid: u32| -> u64 {
        let counted = replicas.iter().filter_map(|replica| replica.used.known()?.idx_scans.known()?.get(&oid));
        counted.sum()
    };
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let watched = |index: &Index| history?.observe(&of_table.get(&index.table_oid)?.schema, index, db);
    // The server's counter covers its own window; samples cover more.
    let counted = |index: &Index| match watched(index) {
        Some(watched) if window.counts_samples => watched.scans.max(count(index.idx_scan)),
        _ => count(index.idx_scan),
    };
    let scans_of = |index: &Index| counted(index) + elsewhere(index.oid);
    let mut scans_of_table: OidMap<u64> = OidMap::default();
    for index in indexes {
        let scans = scans_of(index);
        if scans > 0 {
            *scans_of_table.entry(index.table_oid).or_default() += scans;
        }
    }
    indexes
        .iter()
        .filter_map(|index| Some((index, *of_table.get(&index.table_oid)?)))
        .filter(|(_, table)| !table.is_catalog())
        .map(|(index, table)| {
            let family = || trees.family(index);
            let family_tables = || family().filter_map(|index| of_table.get(&index.table_oid).copied());
            IndexSubject {
                index,
                table,
                root: trees.root(index),
                descendants: trees.count_descendants(index),
                signature: Signature::new(index, &db.index_facts),
                bytes: family().map(|index| index.size.bytes).sum(),
                scans: family().map(scans_of).sum(),
                certain_since: latest_if_all_known(family().map(|index| Some(watched(index)?.certain_since))),
                invalid_since: watched(index).and_then(|watched| watched.invalid_since),
                last_scan: last_scans
                    .and_then(|scans| family().filter_map(|index| scans.get(&index.oid).copied()).max()),
                own_reset: resets.and_then(|resets| family().filter_map(|index| resets.get(&index.oid).copied()).max()),
                writes: family_tables()
                    .map(|t| count(t.rows_inserted) + count(t.rows_updated.saturating_sub(t.rows_hot_updated)))
                    .sum(),
                rows: family_tables().map(|t| t.reltuples.max(t.live_rows as f64).max(0.0)).sum(),
                table_was_read: family_tables()
                    .any(|t| t.seq_scan > 0 || scans_of_table.get(&t.oid).is_some_and(|scans| *scans > 0)),
            }
        })
        .collect()
}
