//! Document of the list.

use super::{IndexesReport, OneOrMany, Selection, row::Row};
use crate::analysis::bloat::BloatSource;
use crate::analysis::index::{IndexFinding, Verdict};
use crate::render;
use crate::render::{Cell, Column, Document, Tone, Value, human_bytes, human_count, human_duration};
use crate::report::{Observation, Report, stored_bytes_cell};

/// Maximum number of indexes with all their reasons.
const MAX_EXPLAINED: usize = 12;

impl Report for IndexesReport<'_> {
    const COMMAND: &'static str = "indexes";

    fn document(&self) -> Document {
        let many = matches!(self.observation, OneOrMany::Many(_));
        let mut document = Document::default();
        let table = render::Table::with_rows(&self.indexes)
            .column(Column::text("index", "index", 0), |row| Cell::name(&*row.index.index))
            .column_if(many, Column::text("database", "database", 0), |row| {
                Cell::or_none(row.database.map(str::to_owned), Value::Name)
            })
            .column(Column::numbers("size_bytes", "size", 0), |row| stored_bytes_cell(row.size))
            .column(Column::numbers("bloat_bytes", "bloat", 4), |row| row.bloat.cell())
            .column(Column::numbers("idx_scan", "scans", 0), |row| Cell::count(row.idx_scan))
            .column(Column::text("verdict", "verdict", 0), |row| row.verdict_cell())
            .column(Column::text("why", "why", 0), |row| {
                Cell::text(row.why()).with_tone(if row.index.is_valid { Tone::Plain } else { Tone::Bad })
            })
            .column(Column::text("table", "table", 1), |row| {
                Cell::name(format!("{}.{}", row.schema(), row.table.table))
            })
            .column(Column::numbers("writes", "writes", 2), |row| Cell::count(row.assessment.gain.writes))
            .column(Column::text("kind", "kind", 2), |row| Cell::text(row.kind()))
            .column(Column::text("key_columns", "columns", 3), |row| row.columns())
            .column(Column::text("last_idx_scan", "last scan", 4), |row| Cell::or_none(row.last_idx_scan, Value::Time))
            .column(Column::text("definition", "definition", 9), |row| {
                Cell::or_unknown(row.index.definition.clone(), Value::Text)
            })
            .with_left_out(self.left_out);
        document.table(table).gap();
        let is_explained = |row: &&Row<'_>| {
            row.assessment.verdict > Verdict::Keep || row.assessment.findings.contains(&IndexFinding::IndexBloat)
        };
        let candidates: Vec<&Row<'_>> = self.indexes.iter().filter(is_explained).collect();
        if !candidates.is_empty() {
            document.heading("Why");
            for row in candidates.iter().take(MAX_EXPLAINED) {
                document.line(row.all_reasons());
            }
            if candidates.len() > MAX_EXPLAINED {
                let text = format!("… and {} more (--format json has all)", candidates.len() - MAX_EXPLAINED);
                document.toned_line(text, Tone::Faint);
            }
            document.gap();
        }
        let windows: Vec<&Observation> = match &self.observation {
            OneOrMany::One(window) => window.iter().collect(),
            OneOrMany::Many(many) => many.iter().collect(),
        };
        for window in windows {
            document.line(match window.since {
                Some(since) => format!(
                    "Scans of {} counted since {} ({}; a drop that rests on counters wants {}).",
                    window.database,
                    since.strftime("%Y-%m-%d %H:%MZ"),
                    human_duration(window.seconds.unwrap_or(0)),
                    human_duration(window.minimum_seconds)
                ),
                None => format!("Since when the scans of {} count is not known.", window.database),
            });
        }
        if self.indexes.iter().any(|row| row.bloat.source() == Some(BloatSource::Estimated)) {
            document.line(if self.bloat_was_measured {
                "Bloat marked ~ was not measured: only the largest indexes are read whole, and none under a lock."
            } else {
                "Bloat is an estimate by the statistics of the last ANALYZE, for B-trees; --exact-bloat reads the indexes."
            });
        }
        if !self.was_read {
            document.line("Which indexes there are is not known.");
            return document;
        }
        let Selection { drops, gain, reviews } = &self.selection;
        let indexes = |count: usize| format!("{count} {}", if count == 1 { "index" } else { "indexes" });
        document.line(match drops {
            0 => format!("Nothing may be dropped on this evidence; {} for review.", indexes(*reviews)),
            drops => format!(
                "{} may be dropped together: {}, and {} rows that need not be written into them; {} for review.",
                indexes(*drops),
                human_bytes(gain.bytes),
                human_count(gain.writes),
                indexes(*reviews)
            ),
        });
        document
    }
}
