//! Document of the list.

use super::{IndexesReport, OneOrMany, Selection, row::Row};
use crate::analysis::bloat::BloatSource;
use crate::render;
use crate::render::{Cell, Column, Document, Tone, Value, format_counted, human_bytes, human_count, human_duration};
use crate::report::{Observation, Report, stored_bytes_cell};

/// Maximum number of indexes with all their reasons.
const MAX_EXPLAINED: usize = 12;

impl Report for IndexesReport<'_> {
    const COMMAND: &'static str = "indexes";

    fn document(&self) -> Document {
        let many = matches!(self.observation, OneOrMany::Many(_));
        let mut document = Document::default();
        let table = render::Table::with_rows(&self.indexes)
            .column(Column::text("index", "index", 0), |row| Cell::index(row.schema(), &*row.index.index))
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
            .column(Column::text("table", "table", 1), |row| Cell::relation(row.schema(), &*row.table.table))
            .column(Column::numbers("writes", "writes", 2), |row| Cell::count(row.assessment.gain.writes))
            .column(Column::text("kind", "kind", 2), |row| Cell::text(row.kind()))
            .column(Column::text("key_columns", "columns", 3), |row| row.columns())
            .column(Column::text("last_idx_scan", "last scan", 4), |row| Cell::or_none(row.last_idx_scan, Value::Time))
            .column(Column::text("definition", "definition", 9).for_files(), |row| {
                Cell::or_unknown(row.index.definition.clone(), Value::Text)
            })
            .with_left_out(self.left_out);
        if !self.indexes.is_empty() || self.kept == 0 {
            document.table(table);
        }
        if self.kept > 0 {
            document.toned_line(format!("{} kept (listed with --all)", human_count(self.kept as u64)), Tone::Faint);
        }
        document.gap();
        let candidates: Vec<&Row<'_>> = self.indexes.iter().filter(|row| row.is_candidate()).collect();
        if !candidates.is_empty() {
            document.heading("Why");
            for row in candidates.iter().take(MAX_EXPLAINED) {
                document.line(row.all_reasons());
                if let Some(definition) = row.definition_beyond_columns() {
                    document.toned_line(format!("  {definition}"), Tone::Faint);
                }
            }
            if candidates.len() > MAX_EXPLAINED {
                let text = format!("… and {} more (--format json shows all)", candidates.len() - MAX_EXPLAINED);
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
                Some(since) => {
                    let needed = match window.minimum_seconds {
                        0 => String::new(),
                        seconds => format!("; a drop that relies on counters needs {}", human_duration(seconds)),
                    };
                    let (since, seconds) = (since.strftime("%Y-%m-%d %H:%MZ"), window.seconds.unwrap_or(0));
                    let (database, seconds) = (&window.database, human_duration(seconds));
                    let why = match window.may_be_one_relation {
                        true => {
                            " That is pg_stat_database.stats_reset, which a reset of one relation's counters sets, too."
                        }
                        false => "",
                    };
                    format!("Scans in {database} counted since {since} ({seconds}){needed}.{why}")
                }
                None => format!("Scans in {}: start of counting unknown.", window.database),
            });
        }
        let has_estimate =
            |row: &Row<'_>| row.bloat.source() == Some(BloatSource::Estimated) && row.bloat.bytes() > Some(0);
        if self.indexes.iter().any(has_estimate) {
            document.line(if self.bloat_was_measured {
                "~ marks estimated bloat: --exact-bloat reads only the largest indexes, and none that is locked."
            } else {
                "Bloat of B-trees is estimated from the statistics of the last ANALYZE; --exact-bloat measures it."
            });
        }
        if !self.was_read {
            document.line("Indexes: unknown.");
            return document;
        }
        let Selection { drops, gain, reviews } = &self.selection;
        document.line(match drops {
            0 if *reviews == 0 => "No index can be dropped on this evidence; none to review.".to_owned(),
            0 => format!("No index can be dropped on this evidence; {reviews} to review."),
            drops => format!(
                "{} can be dropped{}: saves {} and {} (in the observation window); {reviews} to review.",
                format_counted(*drops as u64, "index"),
                if *drops == 1 { "" } else { " together" },
                human_bytes(gain.bytes),
                format_counted(gain.writes, "index write"),
            ),
        });
        document
    }
}
