//! `pgtend overview`: disk space, risks and next commands on one screen.

mod document;
mod next;

use super::gaps::hidden_tablespace_sizes;
use super::{Gaps, TableSort, databases::note_hidden_sizes, finding::FindingLine, slots, tables, wal};
use crate::analysis::slot::SlotVerdict;
use crate::analysis::wal::TimeLeft;
use crate::checks::{Assessment, Evidence};
use crate::facts::{Database, Fact, Files, Level, SizeSource, Tablespace};
use crate::render;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend overview`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OverviewReport {
    overview: Overview,
    #[serde(skip)]
    charts: Vec<render::Chart>,
    #[serde(skip)]
    slot_rows: Vec<slots::Row>,
    /// Alerts, the worst first. In the JSON, they are part of the envelope.
    #[serde(skip)]
    findings: Vec<FindingLine>,
    /// Whether the server writes no log files itself.
    #[serde(skip)]
    logs_elsewhere: bool,
    /// Whether the slots could be read, so that an empty list means that there are none.
    #[serde(skip)]
    knows_slots: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Overview {
    /// All databases in all tablespaces.
    databases_bytes: Option<u64>,
    wal_bytes: Option<u64>,
    temp_bytes: Option<u64>,
    /// Null also when the server writes no log files itself.
    log_bytes: Option<u64>,
    slot_spill_bytes: Option<u64>,
    tablespaces: Option<Vec<TablespaceLine>>,
    /// Size of `pg_wal` divided by the size of the databases.
    wal_to_data_ratio: Option<f64>,
    /// Time until the disk is full if all WAL written from now on is retained.
    until_full: Option<TimeLeft>,
    databases: Option<Vec<DatabaseLine>>,
    slots: Vec<SlotLine>,
    largest_tables: Vec<TableLine>,
    next: Vec<next::NextCommand>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TablespaceLine {
    tablespace: String,
    bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DatabaseLine {
    database: String,
    bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SlotLine {
    slot_name: String,
    active: bool,
    verdict: SlotVerdict,
    retained_bytes: Option<u64>,
    reclaimable_bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TableLine {
    database: String,
    table: String,
    total_bytes: u64,
    index_bytes: u64,
    size_source: SizeSource,
}

impl OverviewReport {
    /// Builds the report. Findings come from the assessment.
    pub fn new(evidence: &Evidence<'_>, assessment: &Assessment, gaps: &mut Gaps) -> OverviewReport {
        let snapshot = evidence.snapshot;
        let databases = gaps.get_or_note(&snapshot.databases, &["overview.databases", "overview.databases_bytes"]);
        if let Some(databases) = databases {
            let role = &snapshot.server.role;
            note_hidden_sizes(databases, role, "overview.databases[].bytes", gaps);
            note_hidden_sizes(databases, role, "overview.databases_bytes", gaps);
        }
        let databases_bytes =
            databases.and_then(|databases| databases.iter().map(|database| database.bytes).sum::<Option<u64>>());
        let wal_bytes = gaps
            .get_or_note(&snapshot.wal_directory, &["overview.wal_bytes", "overview.wal_to_data_ratio"])
            .map(|directory| directory.directory_bytes);
        if databases_bytes.is_none()
            && let Some(databases) = databases
        {
            note_hidden_sizes(databases, &snapshot.server.role, "overview.wal_to_data_ratio", gaps);
        }
        let files = |fact: &Fact<Files>, field: &str, gaps: &mut Gaps| {
            gaps.get_or_note(fact, &[field]).map(|files| files.bytes)
        };
        let temp_bytes = files(&snapshot.temporary_files, "overview.temp_bytes", gaps);
        let slot_spill_bytes = files(&snapshot.slot_spill, "overview.slot_spill_bytes", gaps);
        let log_bytes = gaps
            .get_or_note(&snapshot.log_files, &["overview.log_bytes"])
            .and_then(|files| files.map(|files| files.bytes));
        let tablespaces = gaps.get_or_note(&snapshot.tablespaces, &["overview.tablespaces"]);
        if let Some((why, names)) = hidden_tablespace_sizes(snapshot) {
            gaps.note(&why, &["overview.tablespaces[].bytes"], names);
        }

        let mut slot_rows = slots::slot_rows(evidence, "overview.slots", gaps);
        slot_rows.sort_by(|a, b| b.retained_bytes.cmp(&a.retained_bytes).then_with(|| a.slot_name.cmp(&b.slot_name)));

        let mut table_rows = Vec::new();
        for db in &snapshot.database_snapshots {
            let rows = tables::table_rows(db, "overview.largest_tables", true, gaps);
            table_rows.extend(rows.into_iter().filter(|row| row.parent.is_none()));
        }
        tables::sort_rows(&mut table_rows, TableSort::Total);
        table_rows.truncate(document::MAX_TABLES);

        let wal_to_data_ratio =
            wal_bytes.zip(databases_bytes).filter(|(_, data)| *data > 0).map(|(wal, data)| wal as f64 / data as f64);
        let until_full = wal::known_headroom(snapshot, &["overview.until_full"], gaps).and_then(|headroom| {
            let growth = wal::wal_growth(snapshot, &evidence.history.wal, &["overview.until_full"], gaps)?;
            Some(growth.time_to_write(headroom.free_bytes))
        });
        gaps.note_unknown_facts(&assessment.results);
        let found = &assessment.summary.findings;
        let next = next::next_commands(found, &slot_rows, &snapshot.connection);
        let overview = Overview {
            databases_bytes,
            wal_bytes,
            temp_bytes,
            log_bytes,
            slot_spill_bytes,
            tablespaces: tablespaces.map(|tablespaces| {
                let line = |tablespace: &Tablespace| TablespaceLine {
                    tablespace: tablespace.tablespace.clone(),
                    bytes: tablespace.bytes,
                };
                tablespaces.iter().map(line).collect()
            }),
            wal_to_data_ratio,
            until_full,
            databases: databases.map(|databases| {
                let line =
                    |database: &Database| DatabaseLine { database: database.database.clone(), bytes: database.bytes };
                databases.iter().map(line).collect()
            }),
            slots: slot_rows
                .iter()
                .map(|row| SlotLine {
                    slot_name: row.slot_name.clone(),
                    active: row.active,
                    verdict: row.verdict,
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
            next,
        };
        let charts = [super::charts::storage_chart(snapshot, &[]), super::charts::wal_chart(snapshot)];
        OverviewReport {
            charts: charts.into_iter().flatten().collect(),
            overview,
            slot_rows,
            // Unknown facts are listed below, with hints.
            findings: found.iter().filter(|finding| finding.level > Level::Unknown).map(FindingLine::new).collect(),
            logs_elsewhere: matches!(snapshot.log_files, Fact::Known(None)),
            knows_slots: snapshot.slots.known().is_some(),
        }
    }
}
