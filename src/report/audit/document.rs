//! Document of the audit.

use super::{AuditPart, AuditReport, ComponentLine};
use crate::analysis::downsize::{Amount, ComponentGroup, Confidence, Fits};
use crate::render::{Cell, Column, Document, Language, Table, Tile, Tone, Value, format_counted, human_bytes};
use crate::report::Report;

/// Maximum number of rows in the table of databases.
const MAX_DATABASES: usize = 20;

impl Report for AuditReport {
    const COMMAND: &'static str = "audit";

    fn document(&self) -> Document {
        let audit = &self.audit;
        let mut document = Document::default();
        document.gap();
        document.tiles(audit.tiles());
        for (line_text, tone) in audit.verdict_lines() {
            document.toned_line(line_text, tone);
        }
        document.gap().heading("Size calculation");
        for chart in &self.charts {
            document.chart(chart.clone());
        }
        document.table(audit.sum_table());
        document.gap().heading("Databases").table(audit.databases_table());
        if let more @ 1.. = audit.databases.len().saturating_sub(MAX_DATABASES) {
            document.toned_line(format!("… and {more} more (--format json has all)"), Tone::Faint);
        }
        document.gap().heading("Methods of moving").table(audit.methods_table());
        let findings = [
            ("Blockers", &audit.blockers, Tone::Bad),
            ("Warnings", &audit.warnings, Tone::Warning),
            ("Checklist (not visible to SQL)", &audit.checklist, Tone::Plain),
        ];
        for (title, lines, tone) in findings {
            if lines.is_empty() {
                continue;
            }
            document.gap().heading(title);
            for line in lines {
                let location =
                    line.finding.database.as_ref().map(|database| format!("{database}: ")).unwrap_or_default();
                let mark = if tone == Tone::Plain { "[ ]" } else { "!" };
                document.toned_line(format!("{mark} {location}{}", line.message), tone);
            }
        }
        if !audit.is_complete {
            let text = "This list may be incomplete: some facts could not be read, see below.";
            document.gap().toned_line(text, Tone::Warning);
        }
        document.gap().heading(format!("Steps for {}", audit.method.id()));
        for (position, step) in audit.steps.iter().enumerate() {
            document.line(format!("{}. {}", position + 1, step.title));
            for part in step.commands.chunk_by(|previous, next| previous.language == next.language) {
                let lines = part.iter().map(|command| command.text.clone()).collect();
                document.code(part.first().map_or(Language::Shell, |command| command.language), lines);
            }
            document.toned_line(format!("     verify: {}", step.check), Tone::Faint);
            document.toned_line(format!("     rollback: {}", step.rollback), Tone::Faint);
        }
        document.gap().heading("Cost");
        match &audit.cost {
            Some(cost) => {
                document.line(format!(
                    "At {} per GiB and month{}: {:.2} per month now, {:.2} after the move. Savings: {:.2} per month, {:.2} per year. Cost of the new volume while both exist (one week): {:.2}.",
                    cost.price,
                    if cost.copies > 1 { " (two copies: Multi-AZ)" } else { "" },
                    cost.before_per_month,
                    cost.after_per_month,
                    cost.saved_per_month,
                    cost.saved_per_year,
                    cost.transition
                ));
                document.toned_line("Computed from the price that you passed; this is not a quote.", Tone::Faint);
            }
            None => {
                let assumptions = &audit.assumptions;
                document.line(match (assumptions.price, assumptions.allocated_bytes) {
                    (None, None) => "Pass --price (per GiB and month) and --allocated to compute the savings.",
                    (None, Some(_)) => "Pass --price (per GiB and month) to compute the savings.",
                    (Some(_), None) => "Pass --allocated to compute the savings.",
                    (Some(_), Some(_)) => "Savings unknown: the recommended size is unknown.",
                });
            }
        }
        document
    }
}

impl AuditPart {
    /// Returns the main figures.
    fn tiles(&self) -> Vec<Tile> {
        let tile = |label: &str, bytes: Option<u64>, note: String| Tile {
            label: label.to_owned(),
            value: Cell::or_unknown(bytes, Value::Bytes),
            note,
        };
        let of_volume = self.assumptions.allocated_bytes.map(|bytes| format!("of {} allocated", human_bytes(bytes)));
        let range = |amount: Option<Amount>| amount.map(format_range).unwrap_or_default();
        let mut tiles = vec![
            tile("used now", self.used_bytes, of_volume.unwrap_or_default()),
            tile("reclaimable", self.reclaimable_bytes, String::new()),
            tile("minimum", self.minimum_bytes, range(self.minimum)),
            tile("recommended", self.recommended_bytes, format!("method: {}", self.method.id())),
        ];
        if let Some(cost) = &self.cost {
            let value = Cell::text(format!("{:.2}", cost.saved_per_month)).with_tone(Tone::Good);
            let note = format!("at {} per GiB and month, not a quote", cost.price);
            tiles.push(Tile { label: "savings per month".to_owned(), value, note });
        }
        let blockers = self.blockers.len() as u64;
        let tone = match (blockers, self.is_complete) {
            (0, true) => Tone::Good,
            (0, false) => Tone::Warning,
            _ => Tone::Bad,
        };
        let value = Cell::new(Value::Count(blockers)).with_tone(tone);
        let limits = if self.is_complete { "" } else { "; not all facts could be read" };
        let note = format!("and {}{limits}", format_counted(self.warnings.len() as u64, "warning"));
        tiles.push(Tile { label: "blockers".to_owned(), value, note });
        tiles
    }

    /// Returns the main results.
    fn verdict_lines(&self) -> Vec<(String, Tone)> {
        let size = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), human_bytes);
        let mut lines = vec![(
            format!("Used now: {}. Reclaimable: {}.", size(self.used_bytes), size(self.reclaimable_bytes)),
            Tone::Plain,
        )];
        lines.push(match (self.minimum_bytes, self.recommended_bytes) {
            (Some(minimum), Some(recommended)) => (
                format!(
                    "Minimum volume size after the clean-up: {}. Recommended: {}{} (method: {}).",
                    human_bytes(minimum),
                    human_bytes(recommended),
                    self.recommended
                        .map(format_range)
                        .filter(|range| !range.is_empty())
                        .map_or(String::new(), |range| format!(", range {range}")),
                    self.method.id()
                ),
                Tone::Good,
            ),
            (Some(minimum), None) => (
                format!(
                    "Minimum volume size after the clean-up: {}. The recommended size is unknown, see below.",
                    human_bytes(minimum)
                ),
                Tone::Warning,
            ),
            (None, _) => (
                format!(
                    "The minimum volume size is unknown, because components are missing. It is at least {}.",
                    human_bytes(self.at_least_bytes)
                ),
                Tone::Warning,
            ),
        });
        if let (Some(fits), Some(target)) = (self.fits, self.assumptions.target_bytes) {
            let target = human_bytes(target);
            lines.push(match fits {
                Fits::Yes => (format!("{target} is sufficient."), Tone::Good),
                Fits::OnlyNow => {
                    (format!("{target} holds the present data, but not the growth and the margin."), Tone::Bad)
                }
                Fits::No => (format!("{target} is not sufficient."), Tone::Bad),
                Fits::CannotTell => (format!("It is unknown whether {target} is sufficient."), Tone::Warning),
            });
        }
        lines
    }

    fn sum_table(&self) -> Table {
        let total = |title, amount: Option<Amount>| SumRow {
            sign: "=",
            title,
            bytes: amount.map(|amount| amount.bytes),
            range: amount.map_or(String::new(), format_range),
            component: None,
        };
        let totals = [
            total("size after copy", self.size_after_bytes),
            total("minimum", self.minimum),
            total("recommended", self.recommended),
        ];
        let optional_text = |optional: Option<&str>| Cell::or_none(optional, |text| Value::Text(text.to_owned()));
        Table::with_rows(self.components.iter().map(SumRow::from_component).chain(totals))
            .column(Column::text("group", "", 0), |row| Cell::text(row.sign))
            .column(Column::text("component", "component", 0), |row| Cell::text(row.title))
            .column(Column::numbers("bytes", "size", 0), |row| Cell::or_unknown(row.bytes, Value::Bytes))
            .column(Column::text("range", "range", 2), |row| Cell::text(&row.range))
            .column(Column::text("confidence", "confidence", 1), |row| {
                optional_text(row.component.map(confidence_label))
            })
            .column(Column::text("formula", "formula", 3), |row| {
                optional_text(row.component.map(|component| &*component.formula))
            })
            .column(Column::text("source", "source", 4), |row| {
                optional_text(row.component.map(|component| component.source))
            })
            .into()
    }

    fn databases_table(&self) -> Table {
        let mut lines: Vec<_> = self.databases.iter().collect();
        lines.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.database.cmp(&b.database)));
        lines.truncate(MAX_DATABASES);
        Table::with_rows(lines)
            .column(Column::text("database", "database", 0), |line| Cell::name(&line.database))
            .column(Column::numbers("bytes", "now", 0), |line| Cell::or_unknown(line.bytes, Value::Bytes))
            .column(Column::numbers("after_physical_copy_bytes", "physical copy", 1), |line| {
                Cell::or_unknown(line.after_physical_copy_bytes, Value::Bytes)
            })
            .column(Column::numbers("after_logical_copy_bytes", "logical copy", 0), |line| {
                Cell::or_unknown(line.after_logical_copy_bytes, Value::EstimatedBytes)
            })
            .column(Column::text("range", "range", 2), |line| {
                Cell::text(line.after_logical_copy.map_or(String::new(), format_range))
            })
            .into()
    }

    fn methods_table(&self) -> Table {
        let bytes = |amount: Option<Amount>| Cell::or_unknown(amount.map(|amount| amount.bytes), Value::EstimatedBytes);
        Table::with_rows(&self.methods)
            .column(Column::text("method", "method", 0), |estimate| Cell::text(estimate.method.id()))
            .column(Column::text("copy", "copy", 1), |estimate| {
                Cell::text(if estimate.is_physical { "physical (keeps bloat)" } else { "logical (rebuilds)" })
            })
            .column(Column::numbers("size_after_bytes", "size after copy", 0), |estimate| {
                bytes(estimate.size_after_bytes)
            })
            .column(Column::numbers("minimum_bytes", "minimum", 0), |estimate| bytes(estimate.minimum))
            .column(Column::numbers("recommended_bytes", "recommended", 0), |estimate| bytes(estimate.recommended))
            .column(Column::text("note", "", 2), |estimate| {
                Cell::text(match estimate {
                    estimate if estimate.method == self.method => "selected",
                    estimate if estimate.is_offered => "",
                    _ => "not available",
                })
            })
            .into()
    }
}

/// A row of the table: a component, or a sum.
struct SumRow<'a> {
    sign: &'static str,
    title: &'a str,
    bytes: Option<u64>,
    range: String,
    component: Option<&'a ComponentLine>,
}

impl SumRow<'_> {
    fn from_component(component: &ComponentLine) -> SumRow<'_> {
        let sign = match component.group {
            ComponentGroup::Used => "",
            ComponentGroup::Reclaimable if component.counted => "−",
            ComponentGroup::Reclaimable => "(−)",
            ComponentGroup::Headroom => "+",
        };
        let amount = component.bytes.zip(component.low_bytes).zip(component.high_bytes);
        let range =
            amount.map(|((bytes, low_bytes), high_bytes)| format_range(Amount { bytes, low_bytes, high_bytes }));
        SumRow {
            sign,
            title: &component.title,
            bytes: component.bytes,
            range: range.unwrap_or_default(),
            component: Some(component),
        }
    }
}

fn confidence_label(component: &ComponentLine) -> &'static str {
    match component.confidence {
        _ if component.bytes.is_none() => "unknown",
        Confidence::Measured => "measured",
        Confidence::Proven => "proven",
        Confidence::Likely => "likely",
        Confidence::Rough => "rough",
    }
}

/// Formats an interval as `1.2 GB to 1.5 GB`; empty for an exact amount.
fn format_range(amount: Amount) -> String {
    let (low, high) = (human_bytes(amount.low_bytes), human_bytes(amount.high_bytes));
    if low == high { String::new() } else { format!("{low} to {high}") }
}
