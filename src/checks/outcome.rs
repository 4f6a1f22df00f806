//! What a check answers: clear, found, cannot tell, or not applicable.

use crate::facts::{Fact, Level, Measure, Measurement, Unavailable};
use crate::message::Message;

/// One thing a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub level: Level,
    pub subject: String,
    pub measured: Option<Measure>,
    pub threshold: Option<Measure>,
    pub message: Message,
    pub advice: Message,
}

/// Why a question does not arise. None of these is a fault of the server or of the role.
#[derive(Clone, Debug, PartialEq)]
pub enum NotApplicable {
    NotConfigured(Message),
    NotEnoughHistory(Message),
    /// Not on this version, provider, or kind of server; or beyond what the documented role may read.
    NotSupported(Message),
}

/// The four answers; what was found and what could not be told may stand side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckOutcome {
    pub findings: Vec<Finding>,
    pub unknown: Vec<Unavailable>,
    pub not_applicable: Vec<NotApplicable>,
    /// The value watched, found or not: the worst where there are several.
    pub reading: Option<Measurement>,
}

/// An answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcomeKind {
    Passed,
    Found,
    Unknown,
    NotApplicable,
}

/// What a check's `judge` gives: `?` on a fact ends it with the answer that the missing fact means.
pub type Evaluation = Result<CheckOutcome, Box<CheckOutcome>>;

impl CheckOutcome {
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

    pub fn add_finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Watches a value: of several the one furthest on its way to the warning is kept.
    pub fn record_reading(&mut self, subject: &str, measured: Measure, warning: Measure, critical: Option<Measure>) {
        let ratio = |reading: &Measurement| reading.measured.value() / reading.warning.value().max(1e-9);
        let reading = Measurement { subject: subject.to_owned(), measured, warning, critical };
        if self.reading.as_ref().is_none_or(|before| ratio(before) < ratio(&reading)) {
            self.reading = Some(reading);
        }
    }

    /// Watches a value that is bad when it is large; where it has passed a limit, how bad it is, and that limit.
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

    /// What a missing fact means: a version that does not have it is no fault.
    pub fn add_unavailable(&mut self, why: &Unavailable) {
        match why.needs_version {
            Some(_) => self.not_applicable.push(NotApplicable::NotSupported(why.reason.clone().into())),
            None if !self.unknown.contains(why) => self.unknown.push(why.clone()),
            None => {}
        }
    }

    pub fn not_supported(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotSupported(message.into())],
            ..CheckOutcome::default()
        })
    }

    pub fn not_configured(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotConfigured(message.into())],
            ..CheckOutcome::default()
        })
    }

    pub fn not_enough_history(message: impl Into<Message>) -> Box<CheckOutcome> {
        Box::new(CheckOutcome {
            not_applicable: vec![NotApplicable::NotEnoughHistory(message.into())],
            ..CheckOutcome::default()
        })
    }

    pub fn from_unavailable(why: Unavailable) -> Box<CheckOutcome> {
        let mut outcome = CheckOutcome::default();
        outcome.add_unavailable(&why);
        Box::new(outcome)
    }
}

/// How bad a value is that is bad when it is large, and the limit it has passed.
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

/// The fact, or the answer that ends the check.
pub fn require_fact<T>(fact: &Fact<T>) -> Result<&T, Box<CheckOutcome>> {
    fact.as_result().map_err(|why| CheckOutcome::from_unavailable(why.clone()))
}
