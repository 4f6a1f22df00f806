//! `pgtend overview`: one screen. What takes the space, what is at risk, what to do next.

use super::{Gaps, Report, TableSort, databases::note_hidden_sizes, slots, tables};
use crate::{
    model::{Database, Fact, Files, Index, SizeSource, Snapshot, StoredBytes, Tablespace, Unavailable, grant},
    render::{self, Cell, Column, Document, Tone, Value, human_bytes, human_percent, times},
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct OverviewReport {
    overview: Overview,
    #[serde(skip)]
    slot_rows: Vec<slots::Row>,
    /// The server writes no log files of its own.
    #[serde(skip)]
    logs_elsewhere: bool,
}

#[derive(Debug, Serialize)]
struct Overview {
    /// All databases, wherever their tablespaces lie.
    databases_bytes: Option<u64>,
    wal_bytes: Option<u64>,
    temp_bytes: Option<u64>,
    /// Null also when the server writes no log files of its own.
    log_bytes: Option<u64>,
    slot_spill_bytes: Option<u64>,
    tablespaces: Option<Vec<TablespaceLine>>,
    /// pg_wal divided by the databases.
    wal_to_data_ratio: Option<f64>,
    databases: Option<Vec<DatabaseLine>>,
    slots: Vec<SlotLine>,
    largest_tables: Vec<TableLine>,
    findings: Vec<Finding>,
    next: Vec<Next>,
}

#[derive(Debug, Serialize)]
struct TablespaceLine {
    tablespace: String,
    bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct DatabaseLine {
    database: String,
    bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct SlotLine {
    slot_name: String,
    active: bool,
    retained_bytes: Option<u64>,
    reclaimable_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TableLine {
    database: String,
    table: String,
    total_bytes: u64,
    index_bytes: u64,
    size_source: SizeSource,
}

/// Something at risk, by plain arithmetic.
#[derive(Debug, Serialize)]
struct Finding {
    subject: String,
    message: String,
}

/// A command worth running next.
#[derive(Debug, Serialize)]
struct Next {
    command: String,
    answers: String,
}

/// Elements of each list, so that all of it fits 24 lines.
const MOST_SLOTS: usize = 3;
const MOST_TABLES: usize = 3;
const MOST_FINDINGS: usize = 3;

/// Inactive slots that hold less than this are not called a risk: a few segments are always about.
const HOLDS_LITTLE: u64 = 64 << 20;

impl OverviewReport {
    pub fn of(snapshot: &Snapshot, gaps: &mut Gaps) -> OverviewReport {
        let databases = gaps.take(&snapshot.databases, &["overview.databases", "overview.databases_bytes"]);
        if let Some(databases) = databases {
            let role = &snapshot.server.role;
            note_hidden_sizes(databases, role, "overview.databases[].bytes", gaps);
            note_hidden_sizes(databases, role, "overview.databases_bytes", gaps);
        }
        let databases_bytes =
            databases.and_then(|databases| databases.iter().map(|database| database.bytes).sum::<Option<u64>>());
        let wal_bytes = gaps
            .take(&snapshot.wal_directory, &["overview.wal_bytes", "overview.wal_to_data_ratio"])
            .map(|directory| directory.directory_bytes);
        if databases_bytes.is_none()
            && let Some(databases) = databases
        {
            note_hidden_sizes(databases, &snapshot.server.role, "overview.wal_to_data_ratio", gaps);
        }
        let files =
            |fact: &Fact<Files>, field: &str, gaps: &mut Gaps| gaps.take(fact, &[field]).map(|files| files.bytes);
        let temp_bytes = files(&snapshot.temporary_files, "overview.temp_bytes", gaps);
        let slot_spill_bytes = files(&snapshot.slot_spill, "overview.slot_spill_bytes", gaps);
        let log_bytes =
            gaps.take(&snapshot.log_files, &["overview.log_bytes"]).and_then(|files| files.map(|files| files.bytes));
        let tablespaces = gaps.take(&snapshot.tablespaces, &["overview.tablespaces"]);
        if let Some(hidden) = tablespaces.filter(|all| all.iter().any(|one| one.bytes.is_none())) {
            let names: Vec<String> =
                hidden.iter().filter(|one| one.bytes.is_none()).map(|one| one.tablespace.clone()).collect();
            let role = &snapshot.server.role;
            let reason = format!("{role} may not create in {}", names.join(", "));
            let why = Unavailable::because("tablespace size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
            gaps.note(&why, &["overview.tablespaces[].bytes"], names);
        }

        let mut slot_rows = slots::rows(snapshot, "overview.slots", gaps);
        slot_rows.sort_by(|a, b| b.retained_bytes.cmp(&a.retained_bytes).then_with(|| a.slot_name.cmp(&b.slot_name)));

        let mut table_rows = Vec::new();
        for contents in &snapshot.contents {
            let rows = tables::rows(contents, "overview.largest_tables", true, gaps);
            table_rows.extend(rows.into_iter().filter(|row| row.parent.is_none()));
        }
        tables::sort_rows(&mut table_rows, TableSort::Total);
        table_rows.truncate(MOST_TABLES);

        let wal_to_data_ratio =
            wal_bytes.zip(databases_bytes).filter(|(_, data)| *data > 0).map(|(wal, data)| wal as f64 / data as f64);
        let findings = findings(snapshot, wal_bytes, wal_to_data_ratio, &slot_rows);
        let next = next(&findings, &slot_rows);
        let overview = Overview {
            databases_bytes,
            wal_bytes,
            temp_bytes,
            log_bytes,
            slot_spill_bytes,
            tablespaces: tablespaces.map(|all| {
                let line = |one: &Tablespace| TablespaceLine { tablespace: one.tablespace.clone(), bytes: one.bytes };
                all.iter().map(line).collect()
            }),
            wal_to_data_ratio,
            databases: databases.map(|databases| {
                let line = |one: &Database| DatabaseLine { database: one.database.clone(), bytes: one.bytes };
                databases.iter().map(line).collect()
            }),
            slots: slot_rows
                .iter()
                .map(|row| SlotLine {
                    slot_name: row.slot_name.clone(),
                    active: row.active,
                    retained_bytes: row.retained_bytes,
                    reclaimable_bytes: row.reclaimable_bytes,
                })
                .collect(),
            largest_tables: table_rows
                .iter()
                .map(|row| TableLine {
                    database: row.database.clone().unwrap_or_default(),
                    table: format!("{}.{}", row.schema, row.table),
                    total_bytes: row.total_bytes,
                    index_bytes: row.index_bytes,
                    size_source: row.size_source,
                })
                .collect(),
            findings,
            next,
        };
        OverviewReport { overview, slot_rows, logs_elsewhere: matches!(snapshot.log_files, Fact::Known(None)) }
    }
}

fn findings(snapshot: &Snapshot, wal_bytes: Option<u64>, ratio: Option<f64>, slots: &[slots::Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |subject: &str, message: String| findings.push(Finding { subject: subject.to_owned(), message });
    let max_wal_size = snapshot.settings.known().and_then(|settings| settings.bytes("max_wal_size"));
    // A small database beside its usual max_wal_size of WAL is no risk; beyond twice that something holds it.
    if let (Some(wal), Some(ratio), Some(usual)) = (wal_bytes, ratio, max_wal_size)
        && ratio > 1.0
        && wal > usual.saturating_mul(2)
    {
        find(
            "pg_wal",
            format!("pg_wal is {} your data and {} max_wal_size", times(ratio), times(wal as f64 / usual as f64)),
        );
    }
    for slot in slots {
        let held = slot.retained_bytes.filter(|bytes| *bytes >= HOLDS_LITTLE);
        if slot.is_lost {
            find(&slot.slot_name, format!("slot {} is lost: its consumer must start anew", slot.slot_name));
        } else if let Some(held) = held.filter(|_| !slot.active) {
            find(
                &slot.slot_name,
                format!("nobody reads slot {}, it holds {} of WAL", slot.slot_name, human_bytes(held)),
            );
        }
    }
    if let Some(archiver) = snapshot.archiver.known()
        && archiver.last_failed_time > archiver.last_archived_time
    {
        let wal = archiver.last_failed_wal.as_deref().unwrap_or("a segment");
        find("archiver", format!("archiving fails at {wal}; WAL stays until it succeeds"));
    }
    for contents in &snapshot.contents {
        let invalid: Vec<&Index> = contents
            .indexes
            .known()
            .map_or(Vec::new(), |all| all.iter().filter(|index| !index.is_valid && !index.is_partitioned).collect());
        if !invalid.is_empty() {
            let names: Vec<&str> = invalid.iter().take(3).map(|index| index.index.as_str()).collect();
            let more = if invalid.len() > 3 { format!(" and {} more", invalid.len() - 3) } else { String::new() };
            find(&contents.database, format!("invalid in database {}: {}{more}", contents.database, names.join(", ")));
        }
    }
    findings
}

fn next(findings: &[Finding], slots: &[slots::Row]) -> Vec<Next> {
    let next = |command: &str, answers: &str| Next { command: command.to_owned(), answers: answers.to_owned() };
    let mut commands = Vec::new();
    if !slots.is_empty() {
        commands.push(next("pgtend slots", "what each slot holds, what dropping it alone frees"));
    }
    if findings.iter().any(|finding| matches!(finding.subject.as_str(), "pg_wal" | "archiver")) {
        commands.push(next("pgtend wal", "what bounds pg_wal, how fast it grows, archiving"));
    }
    commands.push(next("pgtend tables", "heap, indexes and TOAST of every table"));
    commands.push(next("pgtend indexes --sort scans", "indexes, the never scanned first"));
    commands
}

impl Report for OverviewReport {
    const COMMAND: &'static str = "overview";

    fn document(&self) -> Document {
        let overview = &self.overview;
        let mut document = Document::default();
        let (space, beside) = self.space();
        document.gap().table(space);
        if let Some(beside) = beside {
            document.line(beside);
        }
        if let Some(spaces) = self.tablespaces() {
            document.line(spaces);
        }
        document.gap();
        if overview.slots.is_empty() {
            document.line("No replication slot.");
        } else {
            document.table(self.slots());
            let more = overview.slots.len() - shown(overview.slots.len(), MOST_SLOTS);
            if more > 0 {
                document.toned_line(format!("… and {more} more slots"), Tone::Faint);
            }
        }
        if !overview.largest_tables.is_empty() {
            document.gap().table(self.tables());
        }
        if !overview.findings.is_empty() {
            document.gap();
            for finding in overview.findings.iter().take(shown(overview.findings.len(), MOST_FINDINGS)) {
                document.toned_line(format!("! {}", finding.message), Tone::Bad);
            }
            let more = overview.findings.len() - shown(overview.findings.len(), MOST_FINDINGS);
            if more > 0 {
                document.toned_line(format!("! … and {more} more"), Tone::Bad);
            }
        }
        let commands: Vec<&str> = overview.next.iter().map(|next| next.command.as_str()).collect();
        document.gap().line(format!("Next: {}", commands.join(" · ")));
        document
    }
}

/// A part of the disk smaller than this is told in a line of its own kind, not in the table.
const SHARE_OF_A_ROW: f64 = 0.01;

impl OverviewReport {
    /// Where the bytes are, largest first; the bar is the share of what is known. And what is too little for a row.
    fn space(&self) -> (render::Table, Option<String>) {
        let overview = &self.overview;
        let mut parts = vec![
            ("databases", overview.databases_bytes),
            ("pg_wal", overview.wal_bytes),
            ("temporary files", overview.temp_bytes),
            ("slot spill", overview.slot_spill_bytes),
        ];
        if !self.logs_elsewhere {
            parts.push(("server logs", overview.log_bytes));
        }
        let known: u64 = parts.iter().filter_map(|(_, bytes)| *bytes).sum();
        let share = |bytes: u64| if known == 0 { 0.0 } else { bytes as f64 / known as f64 };
        let (mut rows, beside): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(name, bytes)| {
            matches!(*name, "databases" | "pg_wal") || bytes.is_some_and(|bytes| share(bytes) >= SHARE_OF_A_ROW)
        });
        rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let rows = rows.into_iter().map(|(name, bytes)| {
            let bar = bytes.map(|bytes| bar(share(bytes))).unwrap_or_default();
            let against = overview.wal_to_data_ratio.filter(|ratio| name == "pg_wal" && *ratio >= 1.0);
            let against = against.map(|ratio| format!(" {} your data", times(ratio))).unwrap_or_default();
            vec![
                Cell::text(name),
                Cell::or_unknown(bytes, Value::Bytes),
                Cell::or_unknown(bytes, |bytes| Value::Share(share(bytes))),
                Cell::text(format!("{bar}{against}")),
            ]
        });
        let table = render::Table {
            columns: vec![
                Column::words("what", "Where the bytes are", 0),
                Column::numbers("bytes", "size", 0),
                Column::numbers("share", "share", 1),
                Column::words("bar", "", 2),
            ],
            rows: rows.collect(),
            left_out: 0,
        };
        let beside: Vec<String> = beside
            .into_iter()
            .map(|(name, bytes)| format!("{name} {}", bytes.map_or("?".to_owned(), human_bytes)))
            .collect();
        (table, (!beside.is_empty()).then(|| format!("beside them: {}", beside.join(", "))))
    }

    /// Where the databases lie, when somebody made tablespaces.
    fn tablespaces(&self) -> Option<String> {
        // pg_default and pg_global are always there.
        let all = self.overview.tablespaces.as_ref().filter(|all| all.len() > 2)?;
        let size = |one: &TablespaceLine| one.bytes.map_or("?".to_owned(), human_bytes);
        let list: Vec<String> = all.iter().map(|one| format!("{} {}", one.tablespace, size(one))).collect();
        Some(format!("tablespaces of the databases: {}", list.join(", ")))
    }

    fn slots(&self) -> render::Table {
        let rows = self.slot_rows.iter().take(shown(self.slot_rows.len(), MOST_SLOTS)).map(|row| {
            vec![
                Cell::name(&*row.slot_name),
                row.state(),
                Cell::or_unknown(row.retained_bytes, Value::Bytes),
                Cell::or_unknown(row.reclaimable_bytes, Value::Bytes),
            ]
        });
        render::Table {
            columns: vec![
                Column::words("slot_name", "Slot", 0),
                Column::words("state", "state", 0),
                Column::numbers("retained_bytes", "holds", 0),
                Column::numbers("reclaimable_bytes", "dropping it alone frees", 1),
            ],
            rows: rows.collect(),
            left_out: 0,
        }
    }

    fn tables(&self) -> render::Table {
        let rows = self.overview.largest_tables.iter().map(|row| {
            let share = if row.total_bytes == 0 { 0.0 } else { row.index_bytes as f64 / row.total_bytes as f64 };
            let heavy = if share > 0.5 { Tone::Warning } else { Tone::Plain };
            vec![
                Cell::name(&*row.table),
                Cell::name(&*row.database),
                Cell::stored(StoredBytes { bytes: row.total_bytes, source: row.size_source }),
                Cell::text(format!("{} ({})", human_bytes(row.index_bytes), human_percent(share))).toned(heavy),
            ]
        });
        render::Table {
            columns: vec![
                Column::words("table", "Largest tables", 0),
                Column::words("database", "database", 1),
                Column::numbers("total_bytes", "total", 0),
                Column::numbers("index_bytes", "of it indexes", 0),
            ],
            rows: rows.collect(),
            left_out: 0,
        }
    }
}

/// How many of a list are shown, so that they and a line for the rest take at most `lines`.
fn shown(all: usize, lines: usize) -> usize {
    if all > lines { lines - 1 } else { all }
}

/// A bar of 20 characters for the whole.
fn bar(share: f64) -> String {
    "█".repeat((share * 20.0).round() as usize)
}
