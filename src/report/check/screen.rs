//! The night as people read it.

use super::{CheckReport, FindingLine};
use crate::{
    model::{Class, Status, last_day},
    render::{Cell, Column, Document, Table, Tone, Value},
    report::Report,
};
use std::collections::BTreeMap;

pub fn tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Warning => Tone::Warning,
        Status::Critical => Tone::Bad,
        Status::Unknown => Tone::Faint,
    }
}

impl Report for CheckReport {
    const COMMAND: &'static str = "check";
    const TELLS_GAPS: bool = true;

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.toned_line(format!("{}: {}", self.status.name(), self.summary()), tone(self.status));
        self.findings(&self.findings.iter().collect::<Vec<_>>(), &mut document);
        self.rest(&mut document);
        document
    }
}

impl CheckReport {
    /// These of what was found, alerts before hygiene, each with what to do; and what could not be told, by what would help.
    pub(super) fn findings(&self, shown: &[&FindingLine], document: &mut Document) {
        for class in [Class::Alert, Class::Hygiene] {
            let found: Vec<&FindingLine> =
                shown.iter().copied().filter(|one| one.class == class && one.status != "unknown").collect();
            if found.is_empty() {
                continue;
            }
            document.gap();
            if class == Class::Hygiene && !self.hygiene {
                document.toned_line("Hygiene (sets the exit code only with --hygiene):", Tone::Faint);
            }
            for one in found {
                let tone = if one.status == "critical" { Tone::Bad } else { Tone::Warning };
                document.toned_line(format!("{} {}: {}", one.status.to_uppercase(), one.check, one.message), tone);
                if let Some(advice) = &one.advice {
                    document.toned_line(format!("  → {advice}"), Tone::Plain);
                }
            }
        }
        let mut unknown: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for one in shown.iter().filter(|one| one.status == "unknown") {
            let checks = unknown.entry((one.advice.as_deref().unwrap_or_default(), &one.message)).or_default();
            if !checks.contains(&one.check.as_str()) {
                checks.push(&one.check);
            }
        }
        if !unknown.is_empty() {
            document.gap();
        }
        let mut advised = "";
        for ((advice, message), checks) in &unknown {
            document.toned_line(format!("UNKNOWN {}: {message}", checks.join(", ")), Tone::Warning);
            if !advice.is_empty() && advised != *advice {
                document.line(format!("  → {advice}"));
                advised = advice;
            }
        }
    }

    fn rest(&self, document: &mut Document) {
        if !self.notes.is_empty() || !self.silenced.is_empty() || !self.notified.is_empty() {
            document.gap();
        }
        for note in &self.notes {
            document.toned_line(format!("· {} ({}): {}", note.check, note.kind, note.message), Tone::Faint);
        }
        for one in &self.silenced {
            let (check, subject, day) = (&one.finding.check, &one.finding.subject, last_day(one.until));
            let line = format!("· {check} of {subject} is silenced until {day}: {}", one.reason);
            document.toned_line(line, Tone::Faint);
        }
        for one in self.notified.iter().filter(|one| one.error.is_none() && one.changes > 0) {
            document.toned_line(format!("· {} was told", one.name), Tone::Faint);
        }
    }

    /// The findings as a table, for spreadsheets.
    pub fn table(&self) -> Document {
        let mut document = Document::default();
        document.table(table([(None, self)].into_iter()));
        document
    }
}

/// One row a finding.
pub(super) fn table<'a>(nights: impl Iterator<Item = (Option<&'a str>, &'a CheckReport)>) -> Table {
    Table::of(nights.flat_map(|(target, night)| night.findings.iter().map(move |one| (target, one))))
        .column(Column::words("target", "target", 1), |(target, _)| {
            Cell::or_none(*target, |name| Value::Name(name.to_owned()))
        })
        .column(Column::words("status", "status", 0), |(_, one)| Cell::text(one.status))
        .column(Column::words("check", "check", 0), |(_, one)| Cell::text(&one.check))
        .column(Column::words("class", "class", 2), |(_, one)| {
            Cell::text(if one.class == Class::Alert { "alert" } else { "hygiene" })
        })
        .column(Column::words("subject", "subject", 0), |(_, one)| Cell::name(&one.subject))
        .column(Column::words("message", "message", 0), |(_, one)| Cell::text(&one.message))
        .column(Column::words("advice", "advice", 3), |(_, one)| Cell::or_none(one.advice.clone(), Value::Text))
        .into()
}
