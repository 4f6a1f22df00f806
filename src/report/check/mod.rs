//! `pgtend check`: findings with their remedies, the worst first.

mod document;
mod fleet;
mod nagios;
mod prometheus;

pub use fleet::{FleetReport, TargetRun};

use super::finding::FindingLine;
use crate::checks::{runner::Checks, summary::CheckSummary};
use crate::facts::{Class, Measure, Status};
use crate::render::format_message;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Run on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    /// Worst status of the findings that count.
    pub status: Status,
    findings: Vec<FindingLine>,
    notes: Vec<NoteLine>,
    /// Ids of checks without findings.
    passed: Vec<String>,
    silenced: Vec<SilencedLine>,
    /// Results of the notifications, one per recipient.
    pub notified: Vec<NotifiedLine>,
    #[serde(skip)]
    readings: Vec<ReadingLine>,
    /// Whether hygiene sets the status.
    #[serde(skip)]
    hygiene: bool,
    /// Name of the target in the configuration; `None` outside a configuration.
    #[serde(skip)]
    target: Option<String>,
    #[serde(skip)]
    checked_at: Timestamp,
    /// Identity of the server, equal for all its databases.
    #[serde(skip)]
    server: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NoteLine {
    check: String,
    kind: &'static str,
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SilencedLine {
    #[serde(flatten)]
    finding: FindingLine,
    until: Timestamp,
    reason: String,
}

/// Result for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotifiedLine {
    /// Name of the recipient in the configuration.
    pub name: String,
    /// Number of changes sent; 0 when there was nothing to send.
    pub changes: usize,
    /// Reason why the notification was not delivered.
    pub error: Option<String>,
}

impl NotifiedLine {
    /// Describes the failure: `slack was not notified: …`; `None` when the notification was delivered.
    fn undelivered(&self) -> Option<String> {
        self.error.as_ref().map(|error| format!("{} was not notified: {error}", self.name))
    }
}

#[derive(Debug)]
struct ReadingLine {
    check: String,
    subject: String,
    measured: Measure,
    warning: Measure,
    critical: Option<Measure>,
}

impl CheckReport {
    /// Builds the report from a summary.
    pub fn new(summary: CheckSummary, hygiene: bool, target: Option<&str>, checked_at: Timestamp) -> CheckReport {
        CheckReport {
            status: summary.status,
            findings: summary.findings.iter().map(FindingLine::new).collect(),
            notes: summary
                .notes
                .into_iter()
                .map(|note| NoteLine { check: note.check, kind: note.kind, message: format_message(&note.message) })
                .collect(),
            passed: summary.passed,
            silenced: summary
                .silenced
                .into_iter()
                .map(|silenced| SilencedLine {
                    finding: FindingLine::new(&silenced.finding),
                    until: silenced.until,
                    reason: silenced.reason,
                })
                .collect(),
            notified: Vec::new(),
            readings: summary
                .readings
                .into_iter()
                .map(|(check, reading)| ReadingLine {
                    check,
                    subject: reading.subject,
                    measured: reading.measured,
                    warning: reading.warning,
                    critical: reading.critical,
                })
                .collect(),
            hygiene,
            target: target.map(str::to_owned),
            checked_at,
            server: None,
        }
    }

    /// Sets the identity of the server. Findings that several targets share on one server are then shown once.
    #[must_use]
    pub fn with_server(self, server: Option<String>) -> CheckReport {
        CheckReport { server, ..self }
    }

    /// Returns a key that is equal for the same finding on several targets; `None` when the identity of the server is
    /// unknown.
    fn deduplication_key(&self, finding: &FindingLine) -> Option<String> {
        match finding.status {
            "unknown" => Some(format!("{}\n{}", finding.id, finding.message)),
            _ => self.server.as_ref().map(|server| format!("{}\n{server}", finding.id)),
        }
    }

    /// Adds the results of the notifications. One that was not delivered makes the run UNKNOWN, unless it is worse
    /// already.
    pub fn add_notified(&mut self, lines: Vec<NotifiedLine>) {
        for line in &lines {
            if let Some(message) = line.undelivered() {
                self.add_unknown("notify", &line.name, &message);
            }
        }
        self.notified = lines;
    }

    /// Adds an UNKNOWN finding with a cause outside the checks.
    pub fn add_unknown(&mut self, check: &str, subject: &str, why: &str) {
        self.status = self.status.or_worse(Status::Unknown);
        self.findings.push(FindingLine {
            id: format!("{check}:{subject}"),
            check: check.to_owned(),
            class: Class::Alert,
            status: "unknown",
            subject: subject.to_owned(),
            message: why.to_owned(),
            measured: None,
            unit: None,
            threshold: None,
            advice: None,
        });
    }

    /// Returns the number of findings of a status and class.
    fn count(&self, status: &str, class: Class) -> usize {
        self.findings.iter().filter(|line| line.status == status && line.class == class).count()
    }

    /// Returns a summary such as `1 critical, 2 warnings, 3 hygiene; 17 passed, 4 not evaluated, 1 silenced`.
    fn summary_line(&self) -> String {
        let count_of = |count: usize, singular: &str, plural: &str| match count {
            0 => None,
            1 => Some(format!("1 {singular}")),
            _ => Some(format!("{count} {plural}")),
        };
        let hygiene_count =
            self.findings.iter().filter(|line| line.class == Class::Hygiene && line.status != "unknown").count();
        let unknown = self.findings.iter().filter(|line| line.status == "unknown").count();
        let mut found = vec![
            count_of(self.count("critical", Class::Alert), "critical", "critical"),
            count_of(self.count("warning", Class::Alert), "warning", "warnings"),
            count_of(hygiene_count, "hygiene", "hygiene"),
            count_of(unknown, "unknown", "unknown"),
        ];
        found.retain(Option::is_some);
        let found: Vec<String> = found.into_iter().flatten().collect();
        let mut not_evaluated: Vec<&str> = self.notes.iter().map(|note| note.check.as_str()).collect();
        // Each check counts once. A note about the selected databases is not about a check.
        not_evaluated.retain(|name| {
            Checks::names().contains(name)
                && !self.passed.iter().any(|passed| passed == name)
                && !self.findings.iter().any(|finding| finding.check == *name)
        });
        not_evaluated.sort_unstable();
        not_evaluated.dedup();
        let rest = [
            Some(format!("{} passed", self.passed.len())),
            count_of(not_evaluated.len(), "not evaluated", "not evaluated"),
            count_of(self.silenced.len(), "silenced", "silenced"),
        ];
        let rest: Vec<String> = rest.into_iter().flatten().collect();
        let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
        format!("{found}; {}", rest.join(", "))
    }
}
