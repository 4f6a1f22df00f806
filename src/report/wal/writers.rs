//! Writers of WAL: statements, processes, and the share of full page images.

use crate::analysis::wal::{FullPageStats, WalGrowth, WalRecommendation};
use crate::facts::{Snapshot, Unavailable, WalStatements};
use crate::quote::grant;
use crate::render::{
    Cell, Column, Document, Table, TableBuilder, Value, human_bytes, human_count, human_duration, human_percent,
};
use crate::report::Gaps;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Counters of pg_stat_statements.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Statements {
    /// Null when its version does not have it.
    since: Option<Timestamp>,
    wal_bytes: u64,
    most: Vec<StatementLine>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StatementLine {
    queryid: Option<String>,
    database: Option<String>,
    role: Option<String>,
    calls: u64,
    wal_bytes: u64,
    /// Share of the WAL of all statements.
    share: f64,
    wal_fpi: u64,
    /// Beginning of the query, up to its first literal.
    query: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BackendLine {
    pid: i32,
    backend_type: Option<String>,
    database: Option<String>,
    role: Option<String>,
    application_name: Option<String>,
    backend_start: Option<Timestamp>,
    wal_bytes: u64,
    wal_fpi: u64,
}

/// Full page images since the last reset of `pg_stat_wal`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FullPageImages {
    images: u64,
    wal_bytes: u64,
    /// Whether the server counted the bytes (19 and newer). If not, `bytes_at_most` and `share_at_most` are upper bounds:
    /// images omit holes and may be compressed.
    is_exact: bool,
    bytes_at_most: u64,
    share_at_most: f64,
    checkpoints_timed: Option<u64>,
    checkpoints_requested: Option<u64>,
    recommendations: Vec<RecommendationLine>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RecommendationLine {
    #[serde(flatten)]
    recommendation: WalRecommendation,
    message: String,
}

/// Maximum number of rows in the document.
const MAX_ROWS: usize = 5;

pub fn top_statements(snapshot: &Snapshot, gaps: &mut Gaps) -> Option<Statements> {
    let counted = gaps.get_or_note(&snapshot.wal_statements, &["wal.statements"])?;
    match counted.counted(&snapshot.server.database) {
        Ok((found, wal_bytes)) => {
            if !counted.sees_all && !found.statements.is_empty() {
                note_hidden(snapshot, counted, gaps);
            }
            if let Some(why) = counted.since_unavailable(snapshot.server.major()) {
                gaps.note(&why, &["wal.statements.since"], Vec::new());
            }
            let share = |bytes: u64| if wal_bytes == 0 { 0.0 } else { bytes as f64 / wal_bytes as f64 };
            let line = |statement: &crate::facts::WalStatement| StatementLine {
                queryid: statement.queryid.clone(),
                database: statement.database.clone(),
                role: statement.role.clone(),
                calls: statement.calls,
                wal_bytes: statement.wal_bytes,
                share: share(statement.wal_bytes),
                wal_fpi: statement.wal_fpi,
                query: statement.query.clone(),
            };
            Some(Statements { since: found.since, wal_bytes, most: found.statements.iter().map(line).collect() })
        }
        Err(why) => {
            gaps.note(&why, &["wal.statements"], Vec::new());
            None
        }
    }
}

fn note_hidden(snapshot: &Snapshot, counted: &WalStatements, gaps: &mut Gaps) {
    let hidden = counted.found.iter().flat_map(|found| &found.statements).any(|statement| statement.queryid.is_none());
    if hidden {
        let role = &snapshot.server.role;
        let why = Unavailable::new("texts of statements", format!("role {role} cannot see statements of other roles"))
            .with_hint(Some(grant("pg_read_all_stats", role)));
        gaps.note(&why, &["wal.statements.most[].queryid", "wal.statements.most[].query"], Vec::new());
    }
}

pub fn top_backends(snapshot: &Snapshot, gaps: &mut Gaps) -> Option<Vec<BackendLine>> {
    let backends = gaps.get_or_note(&snapshot.wal_backends, &["wal.backends"])?;
    if backends.iter().any(|backend| backend.backend_type.is_none()) {
        let role = &snapshot.server.role;
        let why = Unavailable::new("processes of others", format!("role {role} cannot see sessions of other roles"))
            .with_hint(Some(grant("pg_read_all_stats", role)));
        let fields = ["backend_type", "database", "role", "application_name", "backend_start"];
        let fields = fields.map(|field| format!("wal.backends[].{field}"));
        gaps.note(&why, &fields.each_ref().map(String::as_str), Vec::new());
    }
    let line = |backend: &crate::facts::WalBackend| BackendLine {
        pid: backend.pid,
        backend_type: backend.backend_type.clone(),
        database: backend.database.clone(),
        role: backend.role.clone(),
        application_name: backend.application_name.clone().filter(|name| !name.is_empty()),
        backend_start: backend.backend_start,
        wal_bytes: backend.wal_bytes,
        wal_fpi: backend.wal_fpi,
    };
    Some(backends.iter().map(line).collect())
}

/// Returns the full page images; null on a standby, which writes none.
pub fn full_page_image_stats(
    snapshot: &Snapshot,
    growth: Option<&WalGrowth>,
    gaps: &mut Gaps,
) -> Option<FullPageImages> {
    if snapshot.server.in_recovery {
        // The server was promoted between the two queries.
        if snapshot.wal_position.known().is_some_and(|position| position.replay_lsn.is_none()) {
            let why = Unavailable::new("full page images", "the server was promoted while it was read");
            gaps.note(&why, &["wal.full_page_images"], Vec::new());
        }
        return None;
    }
    let found = match FullPageStats::new(snapshot, growth) {
        Ok(found) => found,
        Err(why) => {
            gaps.note(&why, &["wal.full_page_images"], Vec::new());
            return None;
        }
    };
    let counts = ["wal.full_page_images.checkpoints_timed", "wal.full_page_images.checkpoints_requested"];
    gaps.get_or_note(&snapshot.checkpoints, &counts);
    let line = |recommendation: &WalRecommendation| RecommendationLine {
        recommendation: *recommendation,
        message: describe_recommendation(recommendation),
    };
    Some(FullPageImages {
        images: found.images,
        wal_bytes: found.wal_bytes,
        is_exact: found.is_exact,
        bytes_at_most: found.bytes_at_most,
        share_at_most: found.share_at_most,
        checkpoints_timed: found.checkpoints.map(|(timed, _)| timed),
        checkpoints_requested: found.checkpoints.map(|(_, requested)| requested),
        recommendations: found.recommendations.iter().map(line).collect(),
    })
}

fn describe_recommendation(recommendation: &WalRecommendation) -> String {
    match *recommendation {
        WalRecommendation::MaxWalSize { seconds_between, checkpoint_timeout, max_wal_size, wanted_bytes } => format!(
            "max_wal_size: {} triggers a checkpoint every {}; {} would delay checkpoints to checkpoint_timeout ({}) and \
             reduce full page images",
            human_bytes(max_wal_size),
            human_duration(seconds_between),
            human_bytes(wanted_bytes),
            human_duration(checkpoint_timeout)
        ),
        WalRecommendation::CheckpointTimeout { checkpoint_timeout, wanted_seconds, max_wal_size, wanted_bytes } => {
            let size = match wanted_bytes > max_wal_size {
                true => format!(" with max_wal_size = {}", human_bytes(wanted_bytes)),
                false => String::new(),
            };
            format!(
                "checkpoint_timeout: {} instead of {}{size} reduces full page images; crash recovery has to replay more \
                 WAL",
                human_duration(wanted_seconds),
                human_duration(checkpoint_timeout)
            )
        }
        WalRecommendation::WalCompression { at_most_bytes_per_hour } => format!(
            "wal_compression: off; it compresses only full page images, here at most {} per hour",
            human_bytes(at_most_bytes_per_hour)
        ),
    }
}

/// Adds the writers to the document.
pub fn show_writers(
    statements: Option<&Statements>,
    backends: Option<&Vec<BackendLine>>,
    images: Option<&FullPageImages>,
    document: &mut Document,
) {
    if let Some(statements) = statements.filter(|statements| !statements.most.is_empty()) {
        document.gap().table(statement_table(statements));
        let since = statements.since.map(|since| format!(", since {}", since.strftime("%Y-%m-%d %H:%MZ")));
        document.line(format!(
            "WAL of all statements in all databases: {}{}.",
            human_bytes(statements.wal_bytes),
            since.unwrap_or_default()
        ));
    }
    if let Some(backends) = backends.filter(|backends| !backends.is_empty()) {
        document.gap().table(backend_table(backends));
    }
    if let Some(images) = images.filter(|images| images.images > 0) {
        document.gap().line(format!(
            "Full page images: {}, {}{} of the WAL written ({}).{}",
            human_count(images.images),
            if images.is_exact { "" } else { "at most " },
            human_percent(images.share_at_most),
            human_bytes(images.wal_bytes),
            match (images.checkpoints_timed, images.checkpoints_requested) {
                (Some(timed), Some(requested)) =>
                    format!(" Checkpoints: {} timed, {} requested.", human_count(timed), human_count(requested)),
                _ => String::new(),
            }
        ));
        for recommendation in &images.recommendations {
            document.line(format!("- {}.", recommendation.message));
        }
    }
}

fn statement_table(statements: &Statements) -> TableBuilder<&StatementLine> {
    Table::with_rows(statements.most.iter().take(MAX_ROWS))
        .column(Column::text("query", "WAL by statement", 0), |line| {
            Cell::or_unknown(line.query.clone(), Value::Excerpt)
        })
        .column(Column::numbers("wal_bytes", "WAL", 0), |line| Cell::bytes(line.wal_bytes))
        .column(Column::numbers("share", "share", 0), |line| Cell::new(Value::Share(line.share)))
        .column(Column::numbers("calls", "calls", 1), |line| Cell::count(line.calls))
        .column(Column::text("role", "role", 2), |line| Cell::or_none(line.role.clone(), Value::Name))
        .column(Column::text("database", "database", 3), |line| Cell::or_none(line.database.clone(), Value::Name))
        .column(Column::text("queryid", "queryid", 4), |line| Cell::or_unknown(line.queryid.clone(), Value::Text))
}

fn backend_table(backends: &[BackendLine]) -> TableBuilder<&BackendLine> {
    Table::with_rows(backends.iter().take(MAX_ROWS))
        .column(Column::text("backend_type", "WAL by process", 0), |line| {
            Cell::or_unknown(line.backend_type.clone(), Value::Text)
        })
        .column(Column::numbers("pid", "pid", 0), |line| Cell::text(line.pid.to_string()))
        .column(Column::numbers("wal_bytes", "WAL", 0), |line| Cell::bytes(line.wal_bytes))
        .column(Column::numbers("wal_fpi", "page images", 3), |line| Cell::count(line.wal_fpi))
        .column(Column::text("role", "role", 1), |line| Cell::or_none(line.role.clone(), Value::Name))
        .column(Column::text("database", "database", 2), |line| Cell::or_none(line.database.clone(), Value::Name))
        .column(Column::text("application_name", "application", 2), |line| {
            Cell::or_none(line.application_name.clone(), Value::Name)
        })
}
