//! `pgtend history list`: samples of the store.

use crate::facts::Server;
use crate::facts::history::{ClusterBranch, Sample};
use crate::render::{Cell, Column, Document, Table, Value, format_counted, human_bytes};
use crate::report::{Report, View};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend history list`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SamplesReport {
    /// Samples, the newest first.
    samples: Vec<Row>,
    clusters: Vec<ClusterBranch>,
    store_bytes: u64,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    total: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    cluster: String,
    collected_at: Timestamp,
    version_num: u32,
    in_recovery: bool,
    timeline_id: Option<u32>,
    current_lsn: Option<Lsn>,
    started_at: Timestamp,
    address: Option<String>,
    database: String,
    databases_read: u64,
    wal_directory_bytes: Option<u64>,
}

impl SamplesReport {
    /// Builds the list; `store_bytes` is the size of the store.
    pub fn new(branches: Vec<ClusterBranch>, samples: Vec<Sample>, store_bytes: u64, view: &View) -> SamplesReport {
        let name = |id: i64| branches.iter().find(|branch| branch.cluster_id == id).map(ClusterBranch::name);
        let mut rows: Vec<Row> = samples
            .into_iter()
            .rev()
            .map(|sample| Row {
                cluster: name(sample.cluster_id).unwrap_or_default(),
                collected_at: sample.collected_at,
                version_num: sample.version_num,
                in_recovery: sample.in_recovery,
                timeline_id: sample.timeline_id,
                current_lsn: sample.current_lsn,
                started_at: sample.started_at,
                address: sample.address,
                database: sample.database,
                databases_read: sample.databases_read,
                wal_directory_bytes: sample.wal_directory_bytes,
            })
            .collect();
        let total = rows.len();
        let left_out = view.cut(&mut rows);
        SamplesReport { samples: rows, clusters: branches, store_bytes, left_out, total }
    }
}

impl Report for SamplesReport {
    const COMMAND: &'static str = "history list";

    fn document(&self) -> Document {
        let mut document = Document::default();
        if self.samples.is_empty() {
            document.line("No samples yet. Record one with `pgtend history record`.");
            return document;
        }
        document.table(
            Table::with_rows(&self.samples)
                .column(Column::text("collected_at", "taken", 0), |row| Cell::new(Value::Time(row.collected_at)))
                .column(Column::text("cluster", "cluster", 0), |row| Cell::name(&*row.cluster))
                .column(Column::text("role", "role", 2), |row| {
                    Cell::text(if row.in_recovery { "standby" } else { "primary" })
                })
                .column(Column::text("version", "version", 3), |row| Cell::text(Server::number_text(row.version_num)))
                .column(Column::numbers("timeline_id", "timeline", 4), |row| {
                    Cell::or_none(row.timeline_id, |id| Value::Count(id.into()))
                })
                .column(Column::text("current_lsn", "LSN", 6), |row| Cell::or_none(row.current_lsn, Value::Lsn))
                .column(Column::text("address", "address", 1), |row| Cell::or_none(row.address.clone(), Value::Name))
                .column(Column::text("database", "database", 5), |row| Cell::name(&*row.database))
                .column(Column::numbers("databases_read", "databases read", 7), |row| Cell::count(row.databases_read))
                .column(Column::numbers("wal_directory_bytes", "pg_wal", 8), |row| {
                    Cell::or_none(row.wal_directory_bytes, Value::Bytes)
                })
                .column(Column::text("started_at", "server started", 9), |row| Cell::new(Value::Time(row.started_at)))
                .with_left_out(self.left_out),
        );
        let samples = format_counted(self.total as u64, "sample");
        let clusters = format_counted(self.clusters.len() as u64, "cluster");
        document.gap().line(format!("{samples} of {clusters}, store size {}.", human_bytes(self.store_bytes)));
        document
    }
}
