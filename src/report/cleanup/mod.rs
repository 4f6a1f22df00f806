//! `pgtend indexes migrate`: the plan, and the text in its files.

mod header;
mod maintenance;
mod verify;

pub use header::{Recreation, migration_header};
pub use maintenance::{MaintenanceReport, describe_maintenance_task, maintenance_header};
pub use verify::{VerifyReport, WrittenIndex};

use super::{Gaps, Report, indexes::describe::describe_index_reason, stored_bytes_cell};
use crate::actions::index_migration::plan::{IndexCleanup, Lock, Removal};
use crate::analysis::Window;
use crate::analysis::index::{Confidence, IndexFinding, Verdict};
use crate::facts::{Snapshot, Unavailable};
use crate::render::{Cell, Column, Document, Table, Tone, Value, format_counted, human_bytes, human_duration};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend indexes migrate`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CleanupReport {
    migration: CleanupPlan,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CleanupPlan {
    framework: &'static str,
    /// File or setting from which the tool was detected; null when the user named the tool.
    source: Option<String>,
    folder: String,
    /// Indexes with the verdict `drop`, or named ones; the largest gain first.
    indexes: Vec<Row>,
    /// Paths relative to the folder, in the order of their versions.
    files: Vec<String>,
    observed_since: Option<Timestamp>,
    observed_seconds: Option<u64>,
    nodes: Vec<String>,
    /// Number of indexes with the verdict `review`, which must be named.
    reviews: usize,
    /// Number of invalid indexes, which `--maintenance` repairs.
    invalid: usize,
    /// Bytes that dropping all of them releases.
    frees_bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    schema: String,
    table: String,
    index: String,
    size_bytes: u64,
    idx_scan: u64,
    verdict: Verdict,
    confidence: Confidence,
    findings: Vec<IndexFinding>,
    why: Vec<String>,
    covered_by: Vec<String>,
    lock: String,
    rollback: String,
    /// Declarations in the project as `path:line`.
    recreated_by: Vec<String>,
    definition: String,
    #[serde(skip)]
    remedies: Vec<(String, &'static str)>,
    #[serde(skip)]
    size: Cell,
    #[serde(skip)]
    is_exclusive: bool,
}

/// Destination of the files, and the number of candidates that are not selected.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// Name of the tool.
    pub framework: &'static str,
    /// File or setting from which the tool was detected; `None` when the user named the tool.
    pub source: Option<String>,
    /// Folder of migrations.
    pub folder: String,
    /// Paths relative to the folder, in the order of their versions.
    pub files: Vec<String>,
    /// Number of candidates with the verdict `review`, which must be named.
    pub reviews: usize,
    /// Number of invalid indexes, which `--maintenance` repairs.
    pub invalid: usize,
}

impl CleanupReport {
    /// Builds the report. `recreations` has the declarations of each index in the order of the plan.
    pub fn new(
        snapshot: &Snapshot,
        cleanup: &IndexCleanup,
        destination: Destination,
        recreations: &[Vec<Recreation>],
        gaps: &mut Gaps,
    ) -> CleanupReport {
        if let Some(db) = snapshot.database_snapshots.iter().find(|contents| contents.database == cleanup.database) {
            // The observation window can still be known from the history.
            let window = Window::from_snapshot(snapshot, db, None);
            if let Err(why) = &window.since
                && cleanup.observed_since.is_none()
            {
                gaps.note(why, &["migration.observed_since", "migration.observed_seconds"], Vec::new());
            }
        }
        note_replicas(snapshot, gaps);
        let rows = cleanup.removals.iter().enumerate().map(|(position, removal)| {
            let mentions = recreations.get(position).map_or(&[][..], Vec::as_slice);
            cleanup_row(removal, mentions)
        });
        let indexes: Vec<Row> = rows.collect();
        let frees_bytes = indexes.iter().map(|row| row.size_bytes).sum();
        let Destination { framework, source, folder, files, reviews, invalid } = destination;
        let (observed_since, observed_seconds) = (cleanup.observed_since, cleanup.observed_seconds);
        let nodes = cleanup.nodes.clone();
        CleanupReport {
            migration: CleanupPlan {
                framework,
                source,
                folder,
                indexes,
                files,
                observed_since,
                observed_seconds,
                nodes,
                reviews,
                invalid,
                frees_bytes,
            },
        }
    }
}

/// Notes standbys that could not be read.
fn note_replicas(snapshot: &Snapshot, gaps: &mut Gaps) {
    for replica in &snapshot.replicas {
        if let Err(why) = replica.used.as_result() {
            let why: &Unavailable = why;
            gaps.note(why, &[], vec![replica.name.clone()]);
        }
    }
}

fn cleanup_row(removal: &Removal, mentions: &[Recreation]) -> Row {
    Row {
        schema: removal.schema.clone(),
        table: removal.table.clone(),
        index: removal.index.clone(),
        size_bytes: removal.size.bytes,
        idx_scan: removal.idx_scan,
        verdict: removal.verdict.verdict,
        confidence: removal.verdict.confidence,
        findings: removal.verdict.findings.clone(),
        why: removal.verdict.reasons.iter().map(describe_index_reason).collect(),
        covered_by: removal.verdict.covered_by.clone(),
        lock: describe_lock(removal.lock),
        rollback: describe_rollback(removal),
        recreated_by: mentions.iter().map(|mention| mention.location.clone()).collect(),
        definition: removal.definition.clone(),
        remedies: mentions.iter().map(|mention| (mention.location.clone(), mention.remedy())).collect(),
        size: stored_bytes_cell(removal.size),
        is_exclusive: removal.lock != Lock::Concurrent,
    }
}

/// Describes the lock that a drop takes.
pub(super) fn describe_lock(lock: Lock) -> String {
    match lock {
        Lock::Concurrent => "SHARE UPDATE EXCLUSIVE on the table; reads and writes continue".to_owned(),
        Lock::Exclusive { partitions } => format!(
            "ACCESS EXCLUSIVE on the partitioned table and its partitions (lock_timeout {}); all access waits; drops {} \
             with it",
            crate::actions::index_migration::plan::EXCLUSIVE_LOCK_TIMEOUT,
            format_counted(partitions as u64, "attached index")
        ),
    }
}

/// Describes how the index is created again.
pub(super) fn describe_rollback(removal: &Removal) -> String {
    let built = removal.down.iter().filter(|step| step.non_transactional && !step.is_precaution).count();
    let definition_steps = removal.down.iter().filter(|step| !step.non_transactional).count();
    match (removal.lock, definition_steps) {
        (Lock::Concurrent, 0) => "CREATE INDEX CONCURRENTLY".to_owned(),
        (Lock::Concurrent, more) => {
            format!(
                "CREATE INDEX CONCURRENTLY, then {} for its other properties",
                format_counted(more as u64, "statement")
            )
        }
        (Lock::Exclusive { .. }, _) => format!(
            "CREATE INDEX ON ONLY the table, then CREATE INDEX CONCURRENTLY and ATTACH PARTITION for {}",
            format_counted(built as u64, "partition")
        ),
    }
}

impl Report for CleanupReport {
    const COMMAND: &'static str = "indexes migrate";

    fn document(&self) -> Document {
        let plan = &self.migration;
        let mut document = Document::default();
        let source = plan.source.as_ref().map(|source| format!(" (detected: {source})")).unwrap_or_default();
        document.heading(format!("Index migrations for {}{source} in {}", plan.framework, plan.folder));
        let table = Table::with_rows(&plan.indexes)
            .column(Column::text("index", "index", 0), |row| Cell::index(&row.schema, &row.index))
            .column(Column::numbers("size_bytes", "size", 0), |row| row.size.clone())
            .column(Column::numbers("idx_scan", "scans", 0), |row| Cell::count(row.idx_scan))
            .column(Column::text("verdict", "verdict", 0), |row| Cell::text(row.verdict.name()))
            .column(Column::text("table", "table", 1), |row| Cell::relation(&row.schema, &row.table))
            .column(Column::text("covered_by", "covered by", 1), |row| {
                let covers = Some(row.covered_by.join(", ")).filter(|covers| !covers.is_empty());
                Cell::or_none(covers, Value::Name)
            })
            .column(Column::text("lock", "lock", 0), |row| match row.is_exclusive {
                true => Cell::text("exclusive").with_tone(Tone::Warning),
                false => Cell::text("concurrent"),
            })
            .column(Column::text("definition", "definition", 9).for_files(), |row| Cell::text(&row.definition));
        document.table(table).gap();
        for row in &plan.indexes {
            document.line(format!("{}.{}: {}", row.schema, row.index, row.why.join("; ")));
            document.toned_line(format!("  rollback: {}", row.rollback), Tone::Faint);
            if row.is_exclusive {
                document.toned_line(format!("  lock: {}", row.lock), Tone::Warning);
            }
            for (location, remedy) in &row.remedies {
                document.toned_line(format!("  declared in {location}: {remedy}"), Tone::Warning);
            }
        }
        document.gap();
        for file in &plan.files {
            document.line(format!("{}/{file}", plan.folder.trim_end_matches('/')));
        }
        document.gap();
        document.line(match (plan.observed_since, plan.observed_seconds) {
            (Some(since), Some(seconds)) => format!(
                "Scans counted since {} ({}) on {}.",
                since.strftime("%Y-%m-%d %H:%MZ"),
                human_duration(seconds),
                plan.nodes.join(", ")
            ),
            _ => format!("Scans counted on {}; start of counting unknown.", plan.nodes.join(", ")),
        });
        document.line(match plan.indexes.len() {
            0 => "No index has the verdict drop; there is nothing to write.".to_owned(),
            count => {
                format!("Drops {}, {}.", format_counted(count as u64, "index"), human_bytes(plan.frees_bytes))
            }
        });
        if plan.reviews > 0 {
            document
                .toned_line(format!("Not included: {} to review; include them by name.", plan.reviews), Tone::Faint);
        }
        if plan.invalid > 0 {
            document.toned_line(
                format!("Not included: {} invalid; --maintenance repairs them.", plan.invalid),
                Tone::Faint,
            );
        }
        document
    }
}
