//! Runs on several targets as one report, the worst first.

use super::{
    CheckReport, FindingLine, NotifiedLine,
    document::{findings_table, status_tone},
    nagios, prometheus,
};
use crate::facts::{SCHEMA_VERSION, Status};
use crate::render::{Document, Tone, format_counted};
use crate::report::Envelope;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;

/// Run on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TargetRun {
    target: String,
    #[serde(flatten)]
    envelope: Envelope<CheckReport>,
}

impl TargetRun {
    /// Combines the name of a target in the configuration with its run.
    pub fn new(target: String, envelope: Envelope<CheckReport>) -> TargetRun {
        TargetRun { target, envelope }
    }
}

/// Runs on all targets.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FleetReport {
    #[schemars(extend("const" = SCHEMA_VERSION))]
    schema_version: u32,
    #[schemars(extend("const" = "check"))]
    command: &'static str,
    /// Worst status of all runs; UNKNOWN when a notification was not delivered.
    pub status: Status,
    targets: Vec<TargetRun>,
    /// Results of the notifications, one per recipient.
    notified: Vec<NotifiedLine>,
}

impl FleetReport {
    /// Sorts the runs and computes the status. A notification that was not delivered makes it UNKNOWN, unless it is
    /// worse already.
    pub fn new(mut targets: Vec<TargetRun>, notified: Vec<NotifiedLine>) -> FleetReport {
        let rank = |run: &TargetRun| match run.envelope.report().status {
            Status::Critical => 0,
            Status::Warning => 1,
            Status::Unknown => 2,
            Status::Ok => 3,
        };
        targets.sort_by(|a, b| (rank(a), &a.target).cmp(&(rank(b), &b.target)));
        let status = targets.iter().fold(Status::Ok, |status, run| status.or_worse(run.envelope.report().status));
        let is_undelivered = notified.iter().any(|line| line.error.is_some());
        let status = if is_undelivered { status.or_worse(Status::Unknown) } else { status };
        FleetReport { schema_version: SCHEMA_VERSION, command: "check", status, targets, notified }
    }

    fn runs(&self) -> impl Iterator<Item = (Option<&str>, &CheckReport)> + Clone {
        self.targets.iter().map(|run| (Some(run.target.as_str()), run.envelope.report()))
    }

    /// Returns every run with findings, without findings that an earlier run has for the same server.
    fn deduplicated(&self) -> Vec<(Option<&str>, &CheckReport, Vec<&FindingLine>)> {
        let mut seen = HashSet::new();
        let with_findings = self.runs().filter(|(_, run)| !run.findings.is_empty());
        let deduplicated = with_findings.map(|(name, run)| {
            let is_new = |line: &&FindingLine| run.deduplication_key(line).is_none_or(|key| seen.insert(key));
            (name, run, run.findings.iter().filter(is_new).collect())
        });
        deduplicated.collect()
    }

    fn summary_line(&self) -> String {
        let count = |status: Status| self.runs().filter(|(_, run)| run.status == status).count();
        let statuses = [Status::Critical, Status::Warning, Status::Unknown, Status::Ok];
        let parts: Vec<String> = statuses
            .into_iter()
            .filter(|status| count(*status) > 0)
            .map(|status| format!("{} {}", count(status), status.name()))
            .collect();
        format!("{}: {}", format_counted(self.targets.len() as u64, "target"), parts.join(", "))
    }

    /// Returns the document of all runs.
    pub fn document(&self) -> Document {
        let mut document = Document { title: "pgtend check".to_owned(), ..Document::default() };
        document.toned_line(format!("{}: {}", self.status.name(), self.summary_line()), status_tone(self.status));
        let mut repeated = Vec::new();
        for (name, run, findings) in self.deduplicated() {
            let name = name.unwrap_or_default();
            if findings.is_empty() {
                repeated.push(name);
                continue;
            }
            document.gap().heading(format!("{name} {}: {}", run.status.name(), run.summary_line()));
            run.add_findings(&findings, &mut document);
            let more = run.findings.len() - findings.len();
            if more > 0 {
                document
                    .toned_line(format!("· {} also listed above", format_counted(more as u64, "finding")), Tone::Faint);
            }
        }
        if !repeated.is_empty() {
            let names = repeated.join(", ");
            document.gap().toned_line(format!("Only findings that are listed above: {names}"), Tone::Faint);
        }
        for line in &self.notified {
            if let Some(message) = line.undelivered() {
                document.toned_line(format!("UNKNOWN notify: {message}"), Tone::Warning);
            }
        }
        let passed: Vec<&str> =
            self.runs().filter(|(_, run)| run.findings.is_empty()).filter_map(|(name, _)| name).collect();
        if !passed.is_empty() {
            document.gap().toned_line(format!("No findings: {}", passed.join(", ")), Tone::Faint);
        }
        document
    }

    /// Returns the findings as a table, for spreadsheets.
    pub fn findings_document(&self) -> Document {
        let mut document = Document::default();
        document.table(findings_table(self.runs()));
        document
    }

    /// Returns the output of a monitoring plugin for all runs.
    pub fn nagios(&self) -> String {
        let mut out = format!("PGTEND {} - {}\n", self.status.name(), nagios::escape_text(&self.summary_line()));
        let undelivered = self.notified.iter().filter_map(|line| {
            let text = format!("UNKNOWN notify: {}", line.undelivered()?);
            Some(nagios::escape_text(&text) + "\n")
        });
        let mut lines: Vec<String> = undelivered.collect();
        for (target, _, findings) in self.deduplicated() {
            lines.extend(findings.into_iter().map(|finding_line| nagios::long_output_line(target, finding_line)));
        }
        nagios::append_lines(&mut out, &lines);
        out
    }

    /// Returns the metrics of all runs for node_exporter's textfile collector.
    pub fn prometheus(&self) -> String {
        prometheus::prometheus(self.runs())
    }
}
