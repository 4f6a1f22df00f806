//! One index with everything about it that rules ask for.

use super::signature::Signature;
use crate::analysis::{IndexTrees, Window};
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Index, OidMap, Replica, Table};
use jiff::Timestamp;

/// An index; of a partitioned one with the sums of its children.
pub struct IndexSubject<'a> {
    pub index: &'a Index,
    pub table: &'a Table,
    /// The partitioned index at the top of the tree it is attached to.
    pub root: Option<&'a Index>,
    /// Children at any depth.
    pub descendants: usize,
    pub signature: Signature<'a>,
    /// Of all its files.
    pub bytes: u64,
    /// On all nodes that were asked, in the window.
    pub scans: u64,
    /// Since when samples show for certain that it is there; of a tree, all of it.
    pub certain_since: Option<Timestamp>,
    /// Since when samples show it invalid.
    pub invalid_since: Option<Timestamp>,
    pub last_scan: Option<Timestamp>,
    /// Rows its table made it learn of.
    pub writes: u64,
    pub rows: f64,
    /// The table was read at all in the window, through whatever path.
    pub table_was_read: bool,
}

impl IndexSubject<'_> {
    /// Can serve scans and checks.
    pub fn is_sound(&self) -> bool {
        self.index.is_valid && self.index.is_ready && self.index.is_live
    }

    /// How much its going gains: bytes, weighted with how often the table's rows are written (fact sheet, "Rank").
    pub fn drop_benefit(&self) -> f64 {
        self.bytes as f64 * (1.0 + self.writes as f64 / self.rows.max(1.0))
    }
}

/// The latest of them; `None` if one is not known.
fn latest_if_all_known(mut since: impl Iterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    let first = since.next()??;
    since.try_fold(first, |latest, timestamp| Some(latest.max(timestamp?)))
}

/// Every index outside the catalogs, in a stable order.
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
    let elsewhere = |oid: u32| -> u64 {
        let counted = replicas.iter().filter_map(|replica| replica.used.known()?.idx_scans.known()?.get(&oid));
        counted.sum()
    };
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let watched = |index: &Index| history?.observe(&of_table.get(&index.table_oid)?.schema, index, db);
    // The server's own counter tells of its own window; beyond that the samples do.
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
            let family_tables = || family().filter_map(|one| of_table.get(&one.table_oid).copied());
            IndexSubject {
                index,
                table,
                root: trees.root(index),
                descendants: trees.count_descendants(index),
                signature: Signature::new(index, &db.index_facts),
                bytes: family().map(|one| one.size.bytes).sum(),
                scans: family().map(scans_of).sum(),
                certain_since: latest_if_all_known(family().map(|one| Some(watched(one)?.certain_since))),
                invalid_since: watched(index).and_then(|watched| watched.invalid_since),
                last_scan: last_scans.and_then(|scans| family().filter_map(|one| scans.get(&one.oid).copied()).max()),
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
