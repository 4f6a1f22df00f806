//! Many targets' nights as one: the worst first.

use super::{
    CheckReport, FindingLine, NotifiedLine, nagios, prometheus,
    screen::{table, tone},
};
use crate::{
    model::{SCHEMA_VERSION, Status},
    render::{Document, Tone, counted},
    report::Envelope,
};
use serde::Serialize;
use std::collections::HashSet;

/// One target with its night.
#[derive(Debug, Serialize)]
pub struct TargetNight {
    target: String,
    #[serde(flatten)]
    envelope: Envelope<CheckReport>,
}

impl TargetNight {
    pub fn new(target: String, envelope: Envelope<CheckReport>) -> TargetNight {
        TargetNight { target, envelope }
    }
}

/// All of them.
#[derive(Debug, Serialize)]
pub struct FleetReport {
    schema_version: u32,
    command: &'static str,
    pub status: Status,
    targets: Vec<TargetNight>,
    /// How notifying went: one line a recipient.
    notified: Vec<NotifiedLine>,
}

impl FleetReport {
    /// Who was not told makes the whole UNKNOWN, unless it is worse already.
    pub fn of(mut targets: Vec<TargetNight>, notified: Vec<NotifiedLine>) -> FleetReport {
        let rank = |night: &TargetNight| match night.envelope.report().status {
            Status::Critical => 0,
            Status::Warning => 1,
            Status::Unknown => 2,
            Status::Ok => 3,
        };
        targets.sort_by(|a, b| (rank(a), &a.target).cmp(&(rank(b), &b.target)));
        let status = targets.iter().fold(Status::Ok, |all, one| all.or_worse(one.envelope.report().status));
        let untold = notified.iter().any(|line| line.error.is_some());
        let status = if untold { status.or_worse(Status::Unknown) } else { status };
        FleetReport { schema_version: SCHEMA_VERSION, command: "check", status, targets, notified }
    }

    fn nights(&self) -> impl Iterator<Item = (Option<&str>, &CheckReport)> + Clone {
        self.targets.iter().map(|one| (Some(one.target.as_str()), one.envelope.report()))
    }

    /// Every night with findings, without those that an earlier one has of the same server.
    fn told_once(&self) -> Vec<(Option<&str>, &CheckReport, Vec<&FindingLine>)> {
        let mut told = HashSet::new();
        let nights = self.nights().filter(|(_, night)| !night.findings.is_empty());
        let once = nights.map(|(name, night)| {
            let is_new = |one: &&FindingLine| night.same_elsewhere(one).is_none_or(|key| told.insert(key));
            (name, night, night.findings.iter().filter(is_new).collect())
        });
        once.collect()
    }

    fn summary(&self) -> String {
        let count = |status: Status| self.nights().filter(|(_, night)| night.status == status).count();
        let all = [Status::Critical, Status::Warning, Status::Unknown, Status::Ok];
        let parts: Vec<String> = all
            .into_iter()
            .filter(|status| count(*status) > 0)
            .map(|status| format!("{} {}", count(status), status.name()))
            .collect();
        format!("{}: {}", counted(self.targets.len() as u64, "target"), parts.join(", "))
    }

    pub fn document(&self) -> Document {
        let mut document = Document { title: "pgtend check".to_owned(), ..Document::default() };
        document.toned_line(format!("{}: {}", self.status.name(), self.summary()), tone(self.status));
        let mut told_above = Vec::new();
        for (name, night, findings) in self.told_once() {
            let name = name.unwrap_or_default();
            if findings.is_empty() {
                told_above.push(name);
                continue;
            }
            document.gap().heading(format!("{name} {}: {}", night.status.name(), night.summary()));
            night.findings(&findings, &mut document);
            let more = night.findings.len() - findings.len();
            if more > 0 {
                document.toned_line(format!("· {more} more: the same as above"), Tone::Faint);
            }
        }
        if !told_above.is_empty() {
            let names = told_above.join(", ");
            document.gap().toned_line(format!("The same as above: {names}"), Tone::Faint);
        }
        for line in &self.notified {
            if let Some(error) = &line.error {
                document.toned_line(format!("UNKNOWN notify: {} was not told: {error}", line.name), Tone::Warning);
            }
        }
        let quiet: Vec<&str> =
            self.nights().filter(|(_, night)| night.findings.is_empty()).filter_map(|(name, _)| name).collect();
        if !quiet.is_empty() {
            document.gap().toned_line(format!("Nothing found: {}", quiet.join(", ")), Tone::Faint);
        }
        document
    }

    /// The findings as a table, for spreadsheets.
    pub fn table(&self) -> Document {
        let mut document = Document::default();
        document.table(table(self.nights()));
        document
    }

    pub fn nagios(&self) -> String {
        let mut out = format!("PGTEND {} - {}\n", self.status.name(), nagios::text(&self.summary()));
        let untold = self.notified.iter().filter_map(|line| {
            let why = format!("UNKNOWN notify: {} was not told: {}", line.name, line.error.as_ref()?);
            Some(nagios::text(&why) + "\n")
        });
        let mut lines: Vec<String> = untold.collect();
        for (target, _, findings) in self.told_once() {
            lines.extend(findings.into_iter().map(|one| nagios::long_line(target, one)));
        }
        nagios::append(&mut out, &lines);
        out
    }

    pub fn prometheus(&self) -> String {
        prometheus::prometheus(self.nights())
    }
}
