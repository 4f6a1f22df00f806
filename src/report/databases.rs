//! `pgtend databases`: size, tablespace, connections and transaction id age of every database.

use super::{Gaps, Report, View};
use crate::facts::{Database, Snapshot, Unavailable};
use crate::quote::grant;
use crate::render::{Cell, Column, Document, Table, Tone, Value, format_counted, human_bytes};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Order of the list.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum DatabaseSort {
    /// Largest size first
    #[default]
    Size,
    /// By name
    Name,
    /// Most connections first
    Connections,
    /// Oldest transaction id first
    XidAge,
}

/// Report of `pgtend databases`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DatabasesReport {
    databases: Vec<Row>,
    #[serde(skip)]
    left_out: usize,
    /// Whether the list has all databases.
    #[serde(skip)]
    shows_all: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    database: String,
    bytes: Option<u64>,
    tablespace: Option<String>,
    owner: String,
    encoding: String,
    connections: Option<i64>,
    xid_age: i64,
    multixact_age: i64,
    temp_bytes_written: Option<u64>,
    stats_reset: Option<Timestamp>,
    allows_connections: bool,
    is_template: bool,
    may_connect: bool,
}

impl From<&Database> for Row {
    fn from(d: &Database) -> Row {
        Row {
            database: d.database.clone(),
            bytes: d.bytes,
            tablespace: d.tablespace.clone(),
            owner: d.owner.clone(),
            encoding: d.encoding.clone(),
            connections: d.connections,
            xid_age: d.xid_age,
            multixact_age: d.multixact_age,
            temp_bytes_written: d.temp_bytes_written,
            stats_reset: d.stats_reset,
            allows_connections: d.allows_connections,
            is_template: d.is_template,
            may_connect: d.may_connect,
        }
    }
}

impl DatabasesReport {
    /// Sorts and filters the databases, and notes what the role may not read in `gaps`.
    pub fn new(snapshot: &Snapshot, view: &View, sort: DatabaseSort, gaps: &mut Gaps) -> DatabasesReport {
        let unfiltered = gaps.get_or_note(&snapshot.databases, &["databases"]).map_or(&[][..], Vec::as_slice);
        note_hidden_sizes(unfiltered, &snapshot.server.role, "databases[].bytes", gaps);
        let mut databases: Vec<Row> =
            unfiltered.iter().filter(|d| d.bytes.is_none_or(|bytes| bytes >= view.min_size)).map(Row::from).collect();
        databases.sort_by(|a, b| {
            let order = match sort {
                DatabaseSort::Size => b.bytes.cmp(&a.bytes),
                DatabaseSort::Connections => b.connections.cmp(&a.connections),
                DatabaseSort::XidAge => b.xid_age.cmp(&a.xid_age),
                DatabaseSort::Name => std::cmp::Ordering::Equal,
            };
            order.then_with(|| a.database.cmp(&b.database))
        });
        let left_out = view.cut(&mut databases);
        let shows_all = databases.len() == unfiltered.len();
        DatabasesReport { databases, left_out, shows_all }
    }
}

/// Notes databases with a size that the role may not read.
pub fn note_hidden_sizes(databases: &[Database], role: &str, field: &str, gaps: &mut Gaps) {
    let hidden: Vec<String> = databases.iter().filter(|d| d.bytes.is_none()).map(|d| d.database.clone()).collect();
    if !hidden.is_empty() {
        let reason = format!("role {role} has no CONNECT privilege on {}", hidden.join(", "));
        let why = Unavailable::new("database size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
        gaps.note(&why, &[field], hidden);
    }
}

impl Report for DatabasesReport {
    const COMMAND: &'static str = "databases";

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.table(
            Table::with_rows(&self.databases)
                .column(Column::text("database", "database", 0), |d| {
                    let name = Cell::name(&*d.database);
                    if d.allows_connections { name } else { name.with_tone(Tone::Faint) }
                })
                .column(Column::numbers("bytes", "size", 0), |d| Cell::or_unknown(d.bytes, Value::Bytes))
                .column(Column::numbers("connections", "connections", 1), |d| {
                    Cell::or_none(d.connections.and_then(|c| u64::try_from(c).ok()), Value::Count)
                })
                .column(Column::numbers("xid_age", "xid age", 2), |d| Cell::count(d.xid_age.unsigned_abs()))
                .column(Column::numbers("multixact_age", "mxid age", 5), |d| {
                    Cell::count(d.multixact_age.unsigned_abs())
                })
                .column(Column::text("tablespace", "tablespace", 3), |d| {
                    Cell::or_none(d.tablespace.clone(), Value::Name)
                })
                .column(Column::text("owner", "owner", 4), |d| Cell::name(&*d.owner))
                .column(Column::text("encoding", "encoding", 6), |d| Cell::text(&*d.encoding))
                .column(Column::numbers("temp_bytes_written", "temp written", 7), |d| {
                    Cell::or_none(d.temp_bytes_written, Value::Bytes)
                })
                .with_left_out(self.left_out),
        );
        let known: u64 = self.databases.iter().filter_map(|d| d.bytes).sum();
        let hidden = self.databases.iter().filter(|d| d.bytes.is_none()).count();
        if self.shows_all && self.databases.len() > 1 {
            let rest = match hidden {
                0 => String::new(),
                _ => format!(" and {} of unknown size", format_counted(hidden as u64, "database")),
            };
            document.gap().line(format!("Total: {}{rest}.", human_bytes(known)));
        }
        document
    }
}
