//! Document of one run.

use super::{CheckReport, FindingLine};
use crate::facts::{Class, Status, silence_last_day};
use crate::render::{Cell, Column, Document, Table, Tone, Value};
use crate::report::Report;
use std::collections::BTreeMap;

pub fn status_tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Warning => Tone::Warning,
        Status::Critical => Tone::Bad,
        Status::Unknown => Tone::Faint,
    }
}

impl Report for CheckReport {
    const COMMAND: &'static str = "check";
    const REPORTS_GAPS: bool = true;

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.toned_line(format!("{}: {}", self.status.name(), self.summary_line()), status_tone(self.status));
        self.add_findings(&self.findings.iter().collect::<Vec<_>>(), &mut document);
        self.add_rest(&mut document);
        document
    }
}

impl CheckReport {
    /// Adds these findings with their advice: alerts, then hygiene, then unknown facts grouped by their remedy.
    pub(super) fn add_findings(&self, shown: &[&FindingLine], document: &mut Document) {
        for class in [Class::Alert, Class::Hygiene] {
            let found: Vec<&FindingLine> =
                shown.iter().copied().filter(|line| line.class == class && line.status != "unknown").collect();
            if found.is_empty() {
                continue;
            }
            document.gap();
            if class == Class::Hygiene && !self.hygiene {
                document.toned_line("Hygiene findings (set the exit code only with --hygiene):", Tone::Faint);
            }
            for finding in found {
                let tone = if finding.status == "critical" { Tone::Bad } else { Tone::Warning };
                document.toned_line(
                    format!("{} {}: {}", finding.status.to_uppercase(), finding.check, finding.message),
                    tone,
                );
                if let Some(advice) = &finding.advice {
                    document.toned_line(format!("  → {advice}"), Tone::Plain);
                }
            }
        }
        let mut unknown: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for finding in shown.iter().filter(|line| line.status == "unknown") {
            let checks = unknown.entry((finding.advice.as_deref().unwrap_or_default(), &finding.message)).or_default();
            if !checks.contains(&finding.check.as_str()) {
                checks.push(&finding.check);
            }
        }
        if !unknown.is_empty() {
            document.gap();
        }
        let mut groups = unknown.iter().peekable();
        while let Some(((advice, message), checks)) = groups.next() {
            document.toned_line(format!("UNKNOWN {}: {message}", checks.join(", ")), Tone::Warning);
            // Once after the last line with this remedy.
            let is_last = groups.peek().is_none_or(|((next_advice, _), _)| next_advice != advice);
            if is_last && !advice.is_empty() {
                document.line(format!("  → {advice}"));
            }
        }
    }

    fn add_rest(&self, document: &mut Document) {
        if !self.notes.is_empty() || !self.silenced.is_empty() || !self.notified.is_empty() {
            document.gap();
        }
        for note in &self.notes {
            document.toned_line(format!("· {} ({}): {}", note.check, note.kind, note.message), Tone::Faint);
        }
        for silenced in &self.silenced {
            let (check, subject, day) =
                (&silenced.finding.check, &silenced.finding.subject, silence_last_day(silenced.until));
            let line = format!("· {check} for {subject} is silenced until {day}: {}", silenced.reason);
            document.toned_line(line, Tone::Faint);
        }
        for recipient in
            self.notified.iter().filter(|notified_line| notified_line.error.is_none() && notified_line.changes > 0)
        {
            document.toned_line(format!("· {} was notified", recipient.name), Tone::Faint);
        }
    }

    /// Returns the findings as a table, for spreadsheets.
    pub fn findings_document(&self) -> Document {
        let mut document = Document::default();
        document.table(findings_table([(None, self)].into_iter()));
        document
    }
}

/// Returns a table with one row per finding.
pub(super) fn findings_table<'a>(runs: impl Iterator<Item = (Option<&'a str>, &'a CheckReport)>) -> Table {
    Table::with_rows(runs.flat_map(|(target, run)| run.findings.iter().map(move |line| (target, line))))
        .column(Column::text("target", "target", 1), |(target, _)| {
            Cell::or_none(*target, |name| Value::Name(name.to_owned()))
        })
        .column(Column::text("status", "status", 0), |(_, line)| Cell::text(line.status))
        .column(Column::text("check", "check", 0), |(_, line)| Cell::text(&line.check))
        .column(Column::text("class", "class", 2), |(_, line)| {
            Cell::text(if line.class == Class::Alert { "alert" } else { "hygiene" })
        })
        .column(Column::text("subject", "subject", 0), |(_, line)| Cell::name(&line.subject))
        .column(Column::text("message", "message", 0), |(_, line)| Cell::text(&line.message))
        .column(Column::text("advice", "advice", 3), |(_, line)| Cell::or_none(line.advice.clone(), Value::Text))
        .into()
}
