//! Summary of all results: one status, and the findings to show.

use super::{CheckOutcomeKind, NotApplicable, runner::CheckResult};
use crate::facts::{Class, Finding, Level, Measurement, Silence, Status, Unavailable};
use crate::message::Message;
use crate::quote::PrintedConnection;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Options of a summary.
#[derive(Clone, Debug, Default)]
pub struct SummaryOptions<'a> {
    /// Whether hygiene findings set the status too.
    pub hygiene: bool,
    /// Ids of checks that must have a result.
    pub required: BTreeSet<String>,
    /// Silences of the configuration.
    pub silences: &'a [Silence],
    /// Name of the target in the configuration; `None` outside a configuration.
    pub target: Option<&'a str>,
}

/// Reason why a check does not apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Id of the check.
    pub check: String,
    /// Kind of reason: `not configured`, `not enough history`, `not applicable` or `not read`.
    pub kind: &'static str,
    /// The reason.
    pub message: Message,
}

/// A silenced finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Silenced {
    /// The finding.
    pub finding: Finding,
    /// End of the silence.
    pub until: Timestamp,
    /// Reason that the configuration gives.
    pub reason: String,
}

/// Summary of one run on one target.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSummary {
    /// Worst level of the alerts, and of hygiene with that option; UNKNOWN when a required check has no result.
    pub status: Status,
    /// Findings, the worst first; UNKNOWN comes last.
    pub findings: Vec<Finding>,
    /// Findings that are silenced at this time. They do not set the status.
    pub silenced: Vec<Silenced>,
    /// Ids of the checks without findings.
    pub passed: Vec<String>,
    /// Checks that do not apply.
    pub notes: Vec<Note>,
    /// Measured values by id of the check.
    pub readings: Vec<(String, Measurement)>,
    /// Ids of the checks that were evaluated completely: a former finding of theirs that is missing now is resolved.
    pub fully_evaluated: BTreeSet<String>,
}

/// Summarises the results. `now` decides which silences are in force.
pub fn summarize_checks(results: &[CheckResult], options: &SummaryOptions<'_>, now: Timestamp) -> CheckSummary {
    let silences: Vec<&Silence> =
        options.silences.iter().filter(|silence| silence.is_active(options.target, now)).collect();
    let mut summary = CheckSummary::empty();
    for result in results {
        let name = result.check.name.to_owned();
        if result.outcome.kind() == CheckOutcomeKind::Passed {
            summary.passed.push(name.clone());
        }
        if result.outcome.unknown.is_empty() {
            summary.fully_evaluated.insert(name.clone());
        }
        summary.readings.extend(result.outcome.reading.clone().map(|reading| (name.clone(), reading)));
        for why in &result.outcome.not_applicable {
            let (kind, message) = match why {
                NotApplicable::NotConfigured(reason) => ("not configured", reason),
                NotApplicable::NotEnoughHistory(reason) => ("not enough history", reason),
                NotApplicable::NotSupported(reason) => ("not applicable", reason),
            };
            summary.notes.push(Note { check: name.clone(), kind, message: message.clone() });
        }
        for finding in result.findings().into_iter().chain(unknown_findings(result)) {
            let covers = |silence: &&&Silence| match finding.level {
                Level::Unknown => silence.covers_check(&finding.check),
                _ => silence.covers(&finding),
            };
            match silences.iter().find(covers) {
                Some(silence) => {
                    let (until, reason) = (silence.until, silence.reason.clone());
                    summary.silenced.push(Silenced { finding, until, reason });
                }
                None => summary.findings.push(finding),
            }
        }
    }
    summary.sort_and_set_status(options);
    summary
}

/// Returns the unknown facts as findings, one per fact: several databases may lack the same one.
fn unknown_findings(result: &CheckResult) -> Vec<Finding> {
    let mut by_fact: BTreeMap<&str, Vec<&Unavailable>> = BTreeMap::new();
    for why in &result.outcome.unknown {
        by_fact.entry(&why.fact).or_default().push(why);
    }
    let finding = |(fact, whys): (&str, Vec<&Unavailable>)| {
        let reasons: Vec<&str> = whys.iter().take(MAX_REASONS).map(|why| why.reason.as_str()).collect();
        let more = whys.len().saturating_sub(MAX_REASONS);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Finding {
            check: result.check.name.to_owned(),
            class: result.class,
            level: Level::Unknown,
            subject: fact.to_owned(),
            message: format!("{}{more}", reasons.join("; ")).into(),
            measured: None,
            threshold: None,
            advice: whys.iter().find_map(|why| why.hint.clone()).unwrap_or_default().into(),
        }
    };
    by_fact.into_iter().map(finding).collect()
}

/// Maximum number of reasons in one finding.
const MAX_REASONS: usize = 3;

impl CheckSummary {
    fn empty() -> CheckSummary {
        CheckSummary {
            status: Status::Ok,
            findings: Vec::new(),
            silenced: Vec::new(),
            passed: Vec::new(),
            notes: Vec::new(),
            readings: Vec::new(),
            fully_evaluated: BTreeSet::new(),
        }
    }

    /// Returns the summary of a server that could not be reached.
    pub fn unreachable(why: &str, hint: Option<&str>) -> CheckSummary {
        let mut summary = CheckSummary::empty();
        summary.add_unknown("connection", "server", why, hint);
        summary
    }

    /// Adds an UNKNOWN finding with a cause outside the checks.
    pub fn add_unknown(&mut self, check: &str, subject: &str, why: &str, hint: Option<&str>) {
        self.findings.push(Finding {
            check: check.to_owned(),
            class: Class::Alert,
            level: Level::Unknown,
            subject: subject.to_owned(),
            message: why.into(),
            measured: None,
            threshold: None,
            advice: hint.unwrap_or_default().into(),
        });
        self.status = self.status.or_worse(Status::Unknown);
    }

    /// Adds the connection to the commands of the advice.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        let silenced = self.silenced.iter_mut().map(|silenced| &mut silenced.finding);
        for finding in self.findings.iter_mut().chain(silenced) {
            finding.advice.reached_by(connection);
        }
        for note in &mut self.notes {
            note.message.reached_by(connection);
        }
    }

    /// Sorts the findings, and derives the status from them.
    fn sort_and_set_status(&mut self, options: &SummaryOptions<'_>) {
        let counts = |finding: &&Finding| finding.class == Class::Alert || options.hygiene;
        self.findings.sort_by(|a, b| {
            let key = |finding: &Finding| (std::cmp::Reverse(finding.level), finding.class);
            key(a).cmp(&key(b)).then_with(|| (&a.check, &a.subject).cmp(&(&b.check, &b.subject)))
        });
        self.status = self
            .findings
            .iter()
            .filter(counts)
            .fold(Status::Ok, |status, finding| status.or_worse(finding.level.into()));
        let is_required =
            |finding: &Finding| finding.level == Level::Unknown && options.required.contains(&finding.check);
        if self.status != Status::Critical && self.findings.iter().any(is_required) {
            self.status = Status::Unknown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CHECKS, CheckOutcome, RuleFinding};
    use crate::facts::Unavailable;

    fn check_result(name: &str, levels: &[Level], unknown: bool) -> CheckResult {
        let check = CHECKS.iter().find(|check| check.name == name).unwrap();
        let mut outcome = CheckOutcome::default();
        for (position, level) in levels.iter().enumerate() {
            outcome.add_finding(RuleFinding {
                level: *level,
                subject: format!("s{position}"),
                measured: None,
                threshold: None,
                message: "m".into(),
                advice: "a".into(),
            });
        }
        if unknown {
            outcome.add_unavailable(&Unavailable::new("fact", "denied"));
        }
        CheckResult { check, class: check.nightly.unwrap().class, outcome }
    }

    fn summary_status(results: &[CheckResult], options: &SummaryOptions<'_>) -> Status {
        summarize_checks(results, options, Timestamp::UNIX_EPOCH).status
    }

    #[test]
    fn summary_hygiene_sets_status_on_request() {
        let results = [check_result("table-bloat", &[Level::Warning], true)];
        assert_eq!(summary_status(&results, &SummaryOptions::default()), Status::Ok);
        assert_eq!(
            summary_status(&results, &SummaryOptions { hygiene: true, ..SummaryOptions::default() }),
            Status::Warning
        );
    }

    #[test]
    fn summary_unknown_masks_only_if_required() {
        let unknown = || check_result("connections", &[], true);
        let required = SummaryOptions { required: ["connections".to_owned()].into(), ..SummaryOptions::default() };
        let warned = [unknown(), check_result("lost-slot", &[Level::Warning], false)];
        let critical = [unknown(), check_result("lost-slot", &[Level::Critical], false)];
        assert_eq!(summary_status(&[unknown()], &SummaryOptions::default()), Status::Unknown);
        assert_eq!(summary_status(&warned, &SummaryOptions::default()), Status::Warning);
        assert_eq!(summary_status(&warned, &required), Status::Unknown);
        assert_eq!(summary_status(&critical, &required), Status::Critical);
    }

    #[test]
    fn summary_merges_unknowns_per_fact() {
        let mut result = check_result("table-bloat", &[], false);
        for database in ["a", "b", "c", "d"] {
            result.outcome.add_unavailable(&Unavailable::new("tables", format!("in database {database}: denied")));
        }
        let summary = summarize_checks(&[result], &SummaryOptions::default(), Timestamp::UNIX_EPOCH);
        let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
        let message = format!("{:?}", finding.message);
        assert!(message.contains("database c") && message.contains("and 1 more"), "{message}");
    }

    #[test]
    fn summary_silence_hides_until_expiry() {
        let silence = |subject: Option<&str>| Silence {
            check: "lost-slot".into(),
            subject: subject.map(|glob| glob::Pattern::new(glob).unwrap()),
            target: None,
            until: Timestamp::from_second(100).unwrap(),
            reason: "known".into(),
        };
        let results = [check_result("lost-slot", &[Level::Critical, Level::Critical], true)];
        let summarize_at = |second: i64, silences: &[Silence]| {
            let options = SummaryOptions { silences, ..SummaryOptions::default() };
            let summary = summarize_checks(&results, &options, Timestamp::from_second(second).unwrap());
            (summary.status, summary.silenced.len())
        };
        assert_eq!(summarize_at(99, &[silence(Some("s1"))]), (Status::Critical, 1));
        assert_eq!(summarize_at(99, &[silence(Some("s*"))]), (Status::Unknown, 2));
        assert_eq!(summarize_at(99, &[silence(None)]), (Status::Ok, 3));
        assert_eq!(summarize_at(100, &[silence(None)]), (Status::Critical, 0), "an expired silence has no effect");
    }
}
