//! The overview as one screen of 80 columns and 24 lines.

use super::{OverviewReport, TablespaceLine};
use crate::facts::{Level, StoredBytes};
use crate::render;
use crate::render::{Cell, Column, Document, Tone, Value, format_ratio, human_bytes, human_percent};
use crate::report::{Report, stored_bytes_cell};

/// Maximum number of elements per list, so that everything fits 24 lines.
const MAX_SLOTS: usize = 3;
pub const MAX_TABLES: usize = 3;
const MAX_FINDINGS: usize = 2;
/// Maximum number of characters: two lines of 80, minus separators.
const MAX_NEXT_CHARS: usize = 130;

impl Report for OverviewReport {
    const COMMAND: &'static str = "overview";
    const IS_BRIEF: bool = true;

    fn document(&self) -> Document {
        let overview = &self.overview;
        let mut document = Document::default();
        let (space, small_parts) = self.space_table();
        document.gap().table(space);
        if let Some(small_parts) = small_parts {
            document.line(small_parts);
        }
        if let Some(spaces) = self.tablespaces_line() {
            document.line(spaces);
        }
        document.gap();
        if !self.knows_slots {
            document.line("Replication slots: unknown.");
        } else if overview.slots.is_empty() {
            document.line("No replication slots.");
        } else {
            document.table(self.slots_table());
            let more = overview.slots.len() - shown_rows(overview.slots.len(), MAX_SLOTS);
            if more > 0 {
                document.toned_line(format!("… and {more} more: `pgtend slots`"), Tone::Faint);
            }
        }
        if !overview.largest_tables.is_empty() {
            document.gap().table(self.tables_table());
        }
        if !self.findings.is_empty() {
            document.gap();
            for finding in self.findings.iter().take(shown_rows(self.findings.len(), MAX_FINDINGS)) {
                let tone = if finding.status == Level::Critical.name() { Tone::Bad } else { Tone::Warning };
                document.toned_line(format!("! {}: {}", finding.status.to_uppercase(), finding.message), tone);
            }
            let more = self.findings.len() - shown_rows(self.findings.len(), MAX_FINDINGS);
            if more > 0 {
                document.toned_line(format!("! … and {more} more: `pgtend check`"), Tone::Warning);
            }
        }
        for chart in &self.charts {
            document.chart(chart.clone());
        }
        let mut commands: Vec<&str> = Vec::new();
        for next in &overview.next {
            // A command contains the connection and may be long. The most relevant ones come first; the JSON has all.
            let length: usize = commands.iter().map(|command| command.len()).sum::<usize>() + next.command.len();
            if commands.len() < 2 || length <= MAX_NEXT_CHARS {
                commands.push(&next.command);
            }
        }
        document.gap().line(format!("Next: {}", commands.join(" · ")));
        document
    }
}

/// Parts with a smaller share of the disk are in a line below the table.
const MIN_ROW_SHARE: f64 = 0.01;

impl OverviewReport {
    /// Returns the parts of the disk space, the largest first, each with a bar for its share of the known space; and a
    /// line of the parts that are too small for a row.
    fn space_table(&self) -> (render::Table, Option<String>) {
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
        let (mut rows, small_parts): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(name, bytes)| {
            matches!(*name, "databases" | "pg_wal") || bytes.is_some_and(|bytes| share(bytes) >= MIN_ROW_SHARE)
        });
        rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let drawn = |name: &str, bytes: Option<u64>| {
            let bar = bytes.map(|bytes| bar(share(bytes))).unwrap_or_default();
            let against = overview.wal_to_data_ratio.filter(|ratio| name == "pg_wal" && *ratio >= 1.0);
            let against = against.map(|ratio| format!(" {} the databases", format_ratio(ratio))).unwrap_or_default();
            format!("{bar}{against}")
        };
        let table = render::Table::with_rows(rows)
            .column(Column::text("what", "Disk usage", 0), |(name, _)| Cell::text(*name))
            .column(Column::numbers("bytes", "size", 0), |(_, bytes)| Cell::or_unknown(*bytes, Value::Bytes))
            .column(Column::numbers("share", "share", 1), |(_, bytes)| {
                Cell::or_unknown(*bytes, |bytes| Value::Share(share(bytes)))
            })
            .column(Column::picture("bar", 2), |(name, bytes)| Cell::text(drawn(name, *bytes)));
        let small_texts: Vec<String> = small_parts
            .into_iter()
            .map(|(name, bytes)| format!("{name} {}", bytes.map_or("?".to_owned(), human_bytes)))
            .collect();
        (table.into(), (!small_texts.is_empty()).then(|| format!("also: {}", small_texts.join(", "))))
    }

    /// Returns the tablespaces, if the user created any.
    fn tablespaces_line(&self) -> Option<String> {
        // pg_default and pg_global are always there.
        let tablespaces = self.overview.tablespaces.as_ref().filter(|lines| lines.len() > 2)?;
        let size = |line: &TablespaceLine| line.bytes.map_or("?".to_owned(), human_bytes);
        let list: Vec<String> = tablespaces.iter().map(|line| format!("{} {}", line.tablespace, size(line))).collect();
        Some(format!("tablespaces: {}", list.join(", ")))
    }

    fn slots_table(&self) -> render::Table {
        render::Table::with_rows(self.slot_rows.iter().take(shown_rows(self.slot_rows.len(), MAX_SLOTS)))
            .column(Column::text("slot_name", "Slot", 0), |row| Cell::name(&*row.slot_name))
            .column(Column::text("verdict", "verdict", 0), |row| row.verdict_cell())
            .column(Column::numbers("retained_bytes", "retained", 0), |row| {
                Cell::or_unknown(row.retained_bytes, Value::Bytes)
            })
            .column(Column::numbers("reclaimable_bytes", "reclaimable", 1), |row| {
                Cell::or_unknown(row.reclaimable_bytes, Value::Bytes)
            })
            .into()
    }

    fn tables_table(&self) -> render::Table {
        render::Table::with_rows(&self.overview.largest_tables)
            .column(Column::text("table", "Largest tables", 0), |row| Cell::name(&*row.table))
            .column(Column::text("database", "database", 1), |row| Cell::name(&*row.database))
            .column(Column::numbers("total_bytes", "total", 0), |row| {
                stored_bytes_cell(StoredBytes { bytes: row.total_bytes, source: row.size_source })
            })
            .column(Column::numbers("index_bytes", "indexes", 0), |row| {
                let share = if row.total_bytes == 0 { 0.0 } else { row.index_bytes as f64 / row.total_bytes as f64 };
                let heavy = if share > 0.5 { Tone::Warning } else { Tone::Plain };
                Cell::text(format!("{} ({})", human_bytes(row.index_bytes), human_percent(share))).with_tone(heavy)
            })
            .into()
    }
}

/// Returns how many rows of a list to show, so that they and a line for the rest take at most `lines`.
fn shown_rows(total: usize, lines: usize) -> usize {
    if total > lines { lines - 1 } else { total }
}

/// Returns a bar of at most 20 characters.
fn bar(share: f64) -> String {
    "█".repeat((share * 20.0).round() as usize)
}
