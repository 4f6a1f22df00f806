//! `pgtend tables`: heap, indexes and TOAST of every table, and sums that add up to the database.

use super::{
    Accounting, Gaps, Report, View,
    bloat::{self, BloatRow, RowBloat},
    stored_bytes_cell,
};
use crate::analysis::bloat::BloatSource;
use crate::facts::{
    DatabaseSnapshot, OidMap, PartitionTree, Persistence, SizeSource, Snapshot, StoredBytes, Table, TableKind,
    Unavailable,
};
use crate::render;
use crate::render::{Cell, Column, Document, Value, format_counted};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Order of the list.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum TableSort {
    /// Largest total size first
    #[default]
    Total,
    /// Largest heap first
    Heap,
    /// Largest indexes first
    Indexes,
    /// Largest TOAST first
    Toast,
    /// Most bloat first
    Bloat,
    /// Most rows first
    Rows,
    /// Most dead rows first
    DeadRows,
    /// Oldest transaction id first
    XidAge,
    /// By schema and table
    Name,
}

/// Report of `pgtend tables`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TablesReport {
    tables: Vec<Row>,
    accounting: OneOrMany,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    bloat_was_measured: bool,
}

/// Accounting of one database, or a list with `--all-databases`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(Option<Accounting>),
    Many(Vec<Accounting>),
}

/// One table, partitioned table (with the sum of its partitions), materialized view or foreign table.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    pub schema: String,
    pub table: String,
    pub kind: TableKind,
    persistence: Persistence,
    /// The partitioned table that it is attached to.
    pub parent: Option<String>,
    /// Number of partitions at any depth, for a partitioned table.
    partitions: Option<usize>,
    extension: Option<String>,
    tablespace: Option<String>,
    pub total_bytes: u64,
    heap_bytes: u64,
    pub index_bytes: u64,
    toast_bytes: u64,
    pub size_source: SizeSource,
    /// Bytes of the heap beyond its packed live rows.
    bloat_bytes: Option<u64>,
    bloat_source: Option<BloatSource>,
    #[serde(skip)]
    bloat: RowBloat,
    /// Whether an ACCESS EXCLUSIVE lock was held or requested when it was read.
    locked: Option<bool>,
    row_estimate: Option<u64>,
    dead_rows: u64,
    last_vacuum: Option<Timestamp>,
    last_autovacuum: Option<Timestamp>,
    last_analyze: Option<Timestamp>,
    last_autoanalyze: Option<Timestamp>,
    xid_age: Option<i64>,
    seq_scan: i64,
}

impl TablesReport {
    /// Sorts and filters the tables of all databases of the snapshot, and notes what is unknown in `gaps`.
    pub fn new(
        snapshot: &Snapshot,
        all_databases: bool,
        view: &View,
        sort: TableSort,
        gaps: &mut Gaps,
    ) -> TablesReport {
        let mut tables = Vec::new();
        let mut accounting = Vec::new();
        for db in &snapshot.database_snapshots {
            tables.extend(table_rows(db, "tables", all_databases, gaps));
            gaps.get_or_note(&db.locked_relations, &["tables[].locked"]);
            accounting.push(Accounting::new(db, all_databases, gaps));
        }
        tables.retain(|row| row.total_bytes >= view.min_size && view.matches(&row.schema, &row.table));
        sort_rows(&mut tables, sort);
        let left_out = view.cut(&mut tables);
        note_uncounted(&tables, gaps);
        let subjects = tables.iter().map(|row| BloatRow {
            bloat: row.bloat,
            schema: &row.schema,
            table: &row.table,
            name: &row.table,
            is_expression: false,
        });
        let unread = snapshot.database_snapshots.iter().find_map(|contents| contents.table_columns.as_result().err());
        bloat::note_missing_bloat("tables", subjects, unread, &snapshot.server, gaps);
        for whole in snapshot.database_snapshots.iter().filter_map(|contents| contents.heap_tuples.as_ref()) {
            // The estimate replaces it, so no field is null.
            gaps.get_or_note(whole, &[]);
        }
        let bloat_was_measured = snapshot.database_snapshots.iter().any(|contents| contents.heap_tuples.is_some());
        let accounting =
            if all_databases { OneOrMany::Many(accounting) } else { OneOrMany::One(accounting.into_iter().next()) };
        TablesReport { tables, accounting, left_out, bloat_was_measured }
    }
}

/// Returns the tables of one database without catalogs; `list` is the path of the list in the JSON.
pub(super) fn table_rows(db: &DatabaseSnapshot, list: &str, named_database: bool, gaps: &mut Gaps) -> Vec<Row> {
    let (tables, indexes) = (gaps.get_or_note(&db.tables, &[list]), gaps.get_or_note(&db.indexes, &[list]));
    // Without the indexes, the size of a table is unknown, and a partial sum would read as its size.
    let (Some(tables), Some(indexes)) = (tables, indexes) else { return Vec::new() };
    let mut index_bytes: OidMap<StoredBytes> = OidMap::default();
    for index in indexes {
        let sum = index_bytes.entry(index.table_oid).or_insert(StoredBytes::NONE);
        *sum = sum.plus(index.size);
    }
    let locked: Option<Vec<u32>> =
        db.locked_relations.known().map(|relations| relations.iter().map(|l| l.oid).collect());
    let by_oid: OidMap<&Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let tree = PartitionTree::from_edges(tables.iter().map(|table| (table.oid, table.parent_oid)));
    let table_sizes = |table: &Table| {
        let indexes = index_bytes.get(&table.oid).copied().unwrap_or(StoredBytes::NONE);
        (table.heap, indexes, table.toast, table.row_estimate(), table.dead_rows.max(0).unsigned_abs())
    };
    tables
        .iter()
        .filter(|table| !table.is_catalog())
        .map(|table| {
            let below = tree.descendants(table.oid);
            let (mut heap, mut indexes, mut toast, mut rows, mut dead) = table_sizes(table);
            if table.kind == TableKind::PartitionedTable {
                rows = Some(0);
            }
            for part in below.iter().filter_map(|oid| by_oid.get(oid)).filter(|part| part.kind.has_storage()) {
                let (part_heap, part_indexes, part_toast, part_rows, part_dead) = table_sizes(part);
                heap = heap.plus(part_heap);
                indexes = indexes.plus(part_indexes);
                toast = toast.plus(part_toast);
                rows = rows.zip(part_rows).map(|(sum, rows)| sum + rows);
                dead += part_dead;
            }
            let total = heap.plus(indexes).plus(toast);
            let stored = std::iter::once(table)
                .chain(below.iter().filter_map(|oid| by_oid.get(oid).copied()))
                .filter(|part| part.kind.has_storage());
            let bloat = RowBloat::from_parts(stored.map(|part| RowBloat::from_table(db, part)));
            Row {
                database: named_database.then(|| db.database.clone()),
                schema: table.schema.clone(),
                table: table.table.clone(),
                kind: table.kind,
                persistence: table.persistence,
                parent: table
                    .parent_oid
                    .and_then(|oid| by_oid.get(&oid))
                    .map(|parent| format!("{}.{}", parent.schema, parent.table)),
                partitions: (table.kind == TableKind::PartitionedTable).then_some(below.len()),
                extension: table.extension.clone(),
                tablespace: table.tablespace.clone(),
                total_bytes: total.bytes,
                heap_bytes: heap.bytes,
                index_bytes: indexes.bytes,
                toast_bytes: toast.bytes,
                size_source: total.source,
                bloat_bytes: bloat.bytes(),
                bloat_source: bloat.source(),
                bloat,
                locked: locked.as_ref().map(|locked| locked.contains(&table.oid)),
                row_estimate: rows,
                dead_rows: dead,
                last_vacuum: table.last_vacuum,
                last_autovacuum: table.last_autovacuum,
                last_analyze: table.last_analyze,
                last_autoanalyze: table.last_autoanalyze,
                xid_age: table.xid_age,
                seq_scan: table.seq_scan,
            }
        })
        .collect()
}

pub(super) fn sort_rows(rows: &mut [Row], sort: TableSort) {
    rows.sort_by(|a, b| {
        let order = match sort {
            TableSort::Total => b.total_bytes.cmp(&a.total_bytes),
            TableSort::Heap => b.heap_bytes.cmp(&a.heap_bytes),
            TableSort::Indexes => b.index_bytes.cmp(&a.index_bytes),
            TableSort::Toast => b.toast_bytes.cmp(&a.toast_bytes),
            TableSort::Bloat => b.bloat_bytes.cmp(&a.bloat_bytes),
            TableSort::Rows => b.row_estimate.cmp(&a.row_estimate),
            TableSort::DeadRows => b.dead_rows.cmp(&a.dead_rows),
            TableSort::XidAge => b.xid_age.cmp(&a.xid_age),
            TableSort::Name => std::cmp::Ordering::Equal,
        };
        order.then_with(|| (&a.database, &a.schema, &a.table).cmp(&(&b.database, &b.schema, &b.table)))
    });
}

/// Notes tables with data and without a row count.
fn note_uncounted(rows: &[Row], gaps: &mut Gaps) {
    let uncounted: Vec<String> = rows
        .iter()
        .filter(|row| row.row_estimate.is_none() && row.kind != TableKind::ForeignTable)
        .map(|row| format!("{}.{}", row.schema, row.table))
        .collect();
    if !uncounted.is_empty() {
        let tables = format_counted(uncounted.len() as u64, "table");
        let reason = format!("{tables} with data never vacuumed or analyzed");
        let why = Unavailable::new("row estimate", reason).with_hint(Some("run ANALYZE"));
        gaps.note(&why, &["tables[].row_estimate"], uncounted);
    }
}

impl Row {
    fn note_text(&self) -> String {
        let mut notes = Vec::new();
        match self.kind {
            TableKind::Table => {}
            TableKind::PartitionedTable => notes.push(format_counted(self.partitions.unwrap_or(0) as u64, "partition")),
            other => notes.push(other.name().to_owned()),
        }
        match self.persistence {
            Persistence::Permanent => {}
            Persistence::Unlogged => notes.push("unlogged".to_owned()),
            Persistence::Temporary => notes.push("temporary".to_owned()),
        }
        if let Some(extension) = &self.extension {
            notes.push(format!("extension {extension}"));
        }
        if self.locked == Some(true) {
            notes.push("locked".to_owned());
        }
        notes.join(", ")
    }

    fn last_vacuumed(&self) -> Option<Timestamp> {
        self.last_vacuum.max(self.last_autovacuum)
    }

    fn last_analyzed(&self) -> Option<Timestamp> {
        self.last_analyze.max(self.last_autoanalyze)
    }
}

impl Report for TablesReport {
    const COMMAND: &'static str = "tables";

    fn document(&self) -> Document {
        let size = |bytes: u64, source: SizeSource| stored_bytes_cell(StoredBytes { bytes, source });
        let many = matches!(self.accounting, OneOrMany::Many(_));
        let mut document = Document::default();
        let table = render::Table::with_rows(&self.tables)
            .column(Column::text("table", "table", 0), |row| Cell::relation(&row.schema, &row.table))
            .column_if(many, Column::text("database", "database", 0), |row| {
                Cell::or_none(row.database.clone(), Value::Name)
            })
            .column(Column::numbers("total_bytes", "total", 0), |row| size(row.total_bytes, row.size_source))
            .column(Column::numbers("heap_bytes", "heap", 0), |row| size(row.heap_bytes, row.size_source))
            .column(Column::numbers("index_bytes", "indexes", 0), |row| size(row.index_bytes, row.size_source))
            .column(Column::numbers("toast_bytes", "toast", 0).unless_empty(), |row| {
                size(row.toast_bytes, row.size_source)
            })
            .column(Column::numbers("bloat_bytes", "bloat", 4), |row| row.bloat.cell())
            .column(Column::numbers("row_estimate", "rows", 2), |row| Cell::or_unknown(row.row_estimate, Value::Count))
            .column(Column::numbers("dead_rows", "dead", 4), |row| Cell::count(row.dead_rows))
            .column(Column::text("note", "", 1), |row| Cell::text(row.note_text()))
            .column(Column::text("last_vacuum", "vacuumed", 6), |row| Cell::or_none(row.last_vacuumed(), Value::Time))
            .column(Column::text("last_analyze", "analyzed", 7), |row| Cell::or_none(row.last_analyzed(), Value::Time))
            .column(Column::numbers("xid_age", "xid age", 8), |row| {
                Cell::or_none(row.xid_age.map(i64::unsigned_abs), Value::Count)
            })
            .with_left_out(self.left_out);
        document.table(table).gap();
        let accounting: Vec<&Accounting> = match &self.accounting {
            OneOrMany::One(entry) => entry.iter().collect(),
            OneOrMany::Many(many) => many.iter().collect(),
        };
        for entry in accounting {
            document.line(entry.describe());
        }
        if self.tables.iter().any(|row| row.size_source == SizeSource::Estimated) {
            document.line("~ marks sizes estimated at the last VACUUM or ANALYZE; --exact measures every relation.");
        }
        if self.tables.iter().any(|row| row.bloat_source == Some(BloatSource::Estimated)) {
            document.line(if self.bloat_was_measured {
                "~ marks estimated bloat: --exact-bloat reads only the largest tables, and none that is locked."
            } else {
                "Bloat is estimated from the statistics of the last ANALYZE; --exact-bloat measures it."
            });
        }
        document
    }
}
