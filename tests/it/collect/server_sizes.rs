//! Sizes that the server reports itself, and the tolerances of a snapshot.

use std::collections::HashMap;

use pg_sandbox::Cluster;
use pgtend::facts::{DatabaseSnapshot, SizeSource, Snapshot};

use crate::clusters::query_texts;

const MB: u64 = 1 << 20;

/// Bytes of each relation as the server measures them: heaps without TOAST and indexes, TOAST with its index, indexes.
pub struct ServerSizes {
    database: u64,
    heaps: HashMap<u32, (String, u64, u64)>,
    indexes: HashMap<u32, (String, u64)>,
}

/// The errors of a snapshot.
#[derive(Debug, Default)]
pub struct SizeError {
    /// The largest error of a relation over 1 MB.
    pub max_relation_error: f64,
    /// The error of the total.
    pub total_error: f64,
    pub measured: u64,
}

impl ServerSizes {
    pub async fn measure(cluster: &Cluster, database: &str) -> ServerSizes {
        let heaps = "select c.oid, c.oid::regclass, \
                     pg_relation_size(c.oid, 'main') + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm') \
                     + pg_relation_size(c.oid, 'init'), \
                     case c.reltoastrelid when 0 then 0 else pg_total_relation_size(c.reltoastrelid) end \
                     from pg_class c where c.relkind in ('r', 'm') and not c.relisshared";
        let indexes = "select c.oid, c.oid::regclass, pg_total_relation_size(c.oid) from pg_class c \
                       join pg_index i on i.indexrelid = c.oid join pg_class t on t.oid = i.indrelid \
                       where c.relkind = 'i' and t.relkind <> 't' and not c.relisshared";
        let database_size = query_texts(cluster, database, "select pg_database_size(current_database())").await;
        let column = |row: &[Option<String>], position: usize| row[position].clone().expect("no null");
        let number = |row: &[Option<String>], position: usize| column(row, position).parse::<u64>().expect("a number");
        let oid = |row: &[Option<String>]| number(row, 0) as u32;
        let heaps = query_texts(cluster, database, heaps).await;
        let indexes = query_texts(cluster, database, indexes).await;
        ServerSizes {
            database: number(&database_size[0], 0),
            heaps: heaps.iter().map(|row| (oid(row), (column(row, 1), number(row, 2), number(row, 3)))).collect(),
            indexes: indexes.iter().map(|row| (oid(row), (column(row, 1), number(row, 2)))).collect(),
        }
    }

    /// Asserts that no relation over 1 MB is missing or off by more than 10 %, and that the total is within 2 % of the
    /// database.
    #[track_caller]
    pub fn assert_within_tolerance(&self, name: &str, snapshot: &Snapshot) -> SizeError {
        let database_snapshot = only_database(snapshot);
        let mut worst = 0_f64;
        let mut check = |what: &str, reported: Option<u64>, truth: u64| {
            let reported = reported.unwrap_or_else(|| panic!("{name}: {what} is missing"));
            if truth.max(reported) > MB {
                let off = reported.abs_diff(truth) as f64 / truth.max(1) as f64;
                assert!(off <= 0.1, "{name}: {what} has {truth} bytes, reported {reported}");
                worst = worst.max(off);
            }
        };
        let tables: HashMap<u32, _> =
            database_snapshot.tables.known().expect("tables").iter().map(|t| (t.oid, t)).collect();
        let indexes: HashMap<u32, _> =
            database_snapshot.indexes.known().expect("indexes").iter().map(|i| (i.oid, i)).collect();
        for (oid, (relation, heap, toast)) in &self.heaps {
            let table = tables.get(oid);
            check(relation, table.map(|t| t.heap.bytes), *heap);
            check(&format!("TOAST of {relation}"), table.map(|t| t.toast.bytes), *toast);
        }
        for (oid, (relation, bytes)) in &self.indexes {
            check(relation, indexes.get(oid).map(|i| i.size.bytes), *bytes);
        }
        let sequences = database_snapshot.sequences.known().expect("sequences").bytes;
        let sum = tables.values().map(|t| t.heap.bytes + t.toast.bytes).sum::<u64>()
            + indexes.values().map(|i| i.size.bytes).sum::<u64>()
            + sequences;
        let off = self.database.abs_diff(sum) as f64 / self.database as f64;
        assert!(off <= 0.02, "{name}: {} bytes in the database, {sum} reported ({:.2} %)", self.database, off * 100.0);
        SizeError {
            max_relation_error: worst,
            total_error: off,
            measured: *database_snapshot.exact_sizes.known().expect("sizes"),
        }
    }

    /// Asserts that every size is exact and marked as measured.
    #[track_caller]
    pub fn assert_exact(&self, name: &str, snapshot: &Snapshot) {
        let database_snapshot = only_database(snapshot);
        for table in database_snapshot.tables.known().expect("tables").iter().filter(|table| table.kind.has_storage()) {
            let (relation, heap, toast) = self.heaps.get(&table.oid).expect("a relation of this database");
            assert_eq!((table.heap.bytes, table.toast.bytes), (*heap, *toast), "{name}: {relation}");
            assert_eq!((table.heap.source, table.toast.source), (SizeSource::Exact, SizeSource::Exact), "{relation}");
        }
        for index in database_snapshot.indexes.known().expect("indexes").iter().filter(|index| !index.is_partitioned) {
            let (relation, bytes) = self.indexes.get(&index.oid).expect("an index of this database");
            assert_eq!((index.size.bytes, index.size.source), (*bytes, SizeSource::Exact), "{name}: {relation}");
        }
        self.assert_within_tolerance(name, snapshot);
    }
}

#[track_caller]
pub fn only_database(snapshot: &Snapshot) -> &DatabaseSnapshot {
    assert_eq!(snapshot.database_snapshots.len(), 1, "databases read");
    &snapshot.database_snapshots[0]
}
