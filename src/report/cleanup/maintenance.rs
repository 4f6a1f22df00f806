//! `pgtend indexes migrate --maintenance`: a script with the maintenance of one server.

use crate::actions::index_migration::plan::{MaintenanceTask, Repair};
use crate::analysis::index::IndexVerdict;
use crate::facts::Snapshot;
use crate::quote::qualified;
use crate::render::{Cell, Column, Document, Table, human_bytes};
use crate::report::Report;
use crate::report::indexes::describe::describe_index_reason;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend indexes migrate --maintenance`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MaintenanceReport {
    maintenance: MaintenancePlan,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MaintenancePlan {
    file: String,
    indexes: Vec<Row>,
    frees_bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MaintenanceRow")]
struct Row {
    schema: String,
    table: String,
    index: String,
    size_bytes: u64,
    frees_bytes: u64,
    /// `drop` or `reindex`.
    repair: &'static str,
    why: Vec<String>,
}

impl MaintenanceReport {
    /// Builds the report; `file` is the path of the script.
    pub fn new(file: String, tasks: &[MaintenanceTask]) -> MaintenanceReport {
        let row = |task: &MaintenanceTask| Row {
            schema: task.schema.clone(),
            table: task.table.clone(),
            index: task.index.clone(),
            size_bytes: task.bytes,
            frees_bytes: task.reclaimable_bytes,
            repair: match task.repair {
                Repair::Drop => "drop",
                Repair::Rebuild => "reindex",
            },
            why: task.why.clone(),
        };
        let frees_bytes = tasks.iter().map(|task| task.reclaimable_bytes).sum();
        MaintenanceReport {
            maintenance: MaintenancePlan { file, indexes: tasks.iter().map(row).collect(), frees_bytes },
        }
    }
}

/// Returns why an index is repaired and what that takes, one reason per line.
pub fn describe_maintenance_task(task: &MaintenanceTask, verdict: Option<&IndexVerdict>) -> Vec<String> {
    let name = qualified(&task.schema, &task.index);
    let table = qualified(&task.schema, &task.table);
    let size = human_bytes(task.bytes);
    match task.repair {
        Repair::Drop => {
            let reasons: Vec<String> =
                verdict.into_iter().flat_map(|verdict| &verdict.reasons).map(describe_index_reason).collect();
            vec![
                format!("{name} on {table}, {size}: {}.", reasons.join("; ")),
                format!("To keep it, run instead: REINDEX INDEX CONCURRENTLY {name}"),
            ]
        }
        Repair::Rebuild => vec![
            format!("{name} on {table}: a rebuild frees about {} of {size}.", human_bytes(task.reclaimable_bytes)),
            format!(
                "Needs about {} of free disk space while it runs.",
                human_bytes(task.bytes.saturating_sub(task.reclaimable_bytes))
            ),
        ],
    }
}

/// Returns the lines of the script's first comment.
pub fn maintenance_header(snapshot: &Snapshot, database: &str, written_at: Timestamp) -> Vec<String> {
    vec![
        format!("Written by pgtend {} at {}.", env!("CARGO_PKG_VERSION"), written_at.strftime("%Y-%m-%d %H:%M:%SZ")),
        format!(
            "For database {database} of this server only (PostgreSQL {}): invalid and bloated indexes are not part of the \
             schema.",
            snapshot.server.version_text()
        ),
        "Run it with psql -X -d DATABASE -f THIS_FILE. If it was interrupted, run it again: it skips what is done."
            .to_owned(),
    ]
}

impl Report for MaintenanceReport {
    const COMMAND: &'static str = "indexes migrate";

    fn document(&self) -> Document {
        let plan = &self.maintenance;
        let mut document = Document::default();
        document.heading(format!("Index maintenance in {}", plan.file));
        let table = Table::with_rows(&plan.indexes)
            .column(Column::text("index", "index", 0), |row| Cell::index(&row.schema, &row.index))
            .column(Column::numbers("size_bytes", "size", 0), |row| Cell::bytes(row.size_bytes))
            .column(Column::numbers("reclaimable_bytes", "reclaimable", 0), |row| Cell::bytes(row.frees_bytes))
            .column(Column::text("repair", "repair", 0), |row| Cell::text(row.repair))
            .column(Column::text("table", "table", 1), |row| Cell::relation(&row.schema, &row.table));
        document.table(table).gap();
        for line in plan.indexes.iter().flat_map(|row| &row.why) {
            document.line(line);
        }
        document.line(match plan.indexes.len() {
            0 => "No index needs maintenance; there is nothing to write.".to_owned(),
            _ => format!("Frees about {}.", human_bytes(plan.frees_bytes)),
        });
        document
    }
}
