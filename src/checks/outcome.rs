//! The outcome of a check: passed, found, unknown or not applicable.

use crate::facts::{Fact, Level, Measure, Measurement, Unavailable};
use crate::message::Message;

/// A finding of a rule. The runner adds the id and the class of the check and so makes a
/// [`Finding`](crate::facts::Finding).
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFinding {
    /// Severity.
    pub level: Level,
    /// Object of the finding, such as `shop/public.orders` or `pg_wal`. Check and subject identify a finding.
    pub subject: String,
    /// Measured value; `None` when the finding is not a quantity.
    pub measured: Option<Measure>,
    /// Threshold that the value exceeds; `None` without a threshold.
    pub threshold: Option<Measure>,
    /// What was found.
    pub message: Message,
    /// What to do.
    pub advice: Message,
}

/// Why a check does not apply. None of these reasons is a fault of the server or of the role.
#[derive(Clone, Debug, PartialEq)]
pub enum NotApplicable {
    /// The checked feature is not in use.
    NotConfigured(Message),
    /// Earlier samples are needed, and there are none or too few.
    NotEnoughHistory(Message),
    /// Not possible on this version, provider or kind of server, or with the documented role.
    NotSupported(Message),
}

/// Outcome of a check. It can have findings and unknown facts at the same time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckOutcome {
    /// Findings of the rule.
    pub findings: Vec<RuleFinding>,
    /// Facts that could not be read.
    pub unknown: Vec<Unavailable>,
    /// Reasons why the check does not apply, or not to all objects.
    pub not_applicable: Vec<NotApplicable>,
    /// Measured value, also without a finding. Of several, the one closest to its threshold; `None` when nothing
    /// was measured.
    pub reading: Option<Measurement>,
}

/// Kind of an outcome. The first that applies counts: findings, unknown facts, not applicable, passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcomeKind {
    /// No findings, and nothing unknown.
    Passed,
    /// At least one finding.
    Found,
    /// No findings, and at least one fact could not be read.
    Unknown,
    /// No findings, and the check does not apply.
    NotApplicable,
}

/// Result of a check's `evaluate`. With `?`, a missing fact ends it with the outcome that follows from the missing
/// fact.
pub type Evaluation = Result<CheckOutcome, Box<CheckOutcome>>;

impl CheckOutcome {
    /// Returns the kind of the outcome.
    pub fn kind(&self) -> CheckOutcomeKind {
        if !self.findings.is_empty() {
            CheckOutcomeKind::Found
        } else if !self.unknown.is_empty() {
            CheckOutcomeKind::Unknown
        } else if !self.not_applicable.is_empty() {
            CheckOutcomeKind::NotApplicable
        } else {
            CheckOutcomeKind::Passed
        }
    }

    /// Adds a finding.
    pub fn add_finding(&mut self, finding: RuleFinding) {
        self.findings.push(finding);
    }

    /// Records a value. Of several, the one closest to its warning threshold is kept.
    pub fn record_reading(&mut self, subject: &str, measured: Measure, warning: Measure, critical: Option<Measure>) {
        let ratio = |reading: &Measurement| reading.measured.value() / reading.warning.value().max(1e-9);
        let reading = Measurement { subject: subject.to_owned(), measured, warning, critical };
        if self.reading.as_ref().is_none_or(|before| ratio(before) < ratio(&reading)) {
            self.reading = Some(reading);
        }
    }

    /// Records a value for which larger is worse. Returns the level and the threshold that it exceeds.
    pub fn record_and_compare<Q>(
        &mut self,
        subject: &str,
        value: Q,
        warning: Q,
        critical: Q,
    ) -> Option<(Level, Measure)>
    where
        Q: Copy + PartialOrd + Into<Measure>,
    {
        self.record_reading(subject, value.into(), warning.into(), Some(critical.into()));
        exceeded_threshold(value, warning, critical)
    }

    /// Adds an unavailable fact: not applicable when the server version does not have it, otherwise unknown.
    pub fn add_unavailable(&mut self, why: &Unavailable) {
        match why.needs_version {
            Some(_) => self.not_applicable.push(NotApplicable::NotSupported(why.reason.clone().into())),
            None if !self.unknown.contains(why) => self.unknown.push(why.clone()),
            None => {}
        }
    }

    /// Returns an outcome that ends the check as not supported.
    pub fn not_supported(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotSupported(message.into())],
            ..CheckOutcome::default()
        })
    }

    /// Returns an outcome that ends the check as not configured.
    pub fn not_configured(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotConfigured(message.into())],
            ..CheckOutcome::default()
        })
    }

    /// Returns an outcome that ends the check for lack of history.
    pub fn not_enough_history(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotEnoughHistory(message.into())],
            ..CheckOutcome::default()
        })
    }

    /// Returns the outcome of a missing fact, as [`CheckOutcome::add_unavailable`] classifies it.
    pub fn from_unavailable(why: Unavailable) -> Box<CheckOutcome> {
        let mut outcome = CheckOutcome::default();
        outcome.add_unavailable(&why);
        Box::new(outcome)
    }
}

/// Returns the level and the threshold that a value exceeds. Larger is worse.
pub fn exceeded_threshold<Q: PartialOrd + Into<Measure>>(
    value: Q,
    warning: Q,
    critical: Q,
) -> Option<(Level, Measure)> {
    if value >= critical {
        Some((Level::Critical, critical.into()))
    } else if value >= warning {
        Some((Level::Warning, warning.into()))
    } else {
        None
    }
}

/// Returns the fact.
///
/// # Errors
///
/// Returns the outcome that ends the check when the fact is unavailable.
pub fn require_fact<T>(fact: &Fact<T>) -> Result<&T, Box<CheckOutcome>> {
    fact.as_result().map_err(|why| CheckOutcome::from_unavailable(why.clone()))
}
