//! The outcome of a check: passed, found, unknown or not applicable.

use crate::facts::{Fact, Level, Measure, Measurement, Unavailable};
use crate::message::Message;

/// What a rule finds. The runner adds the id and the class of the check: that makes it a [`Finding`](crate::facts::Finding).
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFinding {
    pub level: Level,
    pub subject: String,
    pub measured: Option<Measure>,
    pub threshold: Option<Measure>,
    pub message: Message,
    pub advice: Message,
}

/// Why a check does not apply. None of these is a fault of the server or of the role.
#[derive(Clone, Debug, PartialEq)]
pub enum NotApplicable {
    NotConfigured(Message),
    NotEnoughHistory(Message),
    /// Not on this version, provider, or kind of server; or beyond what the documented role may read.
    NotSupported(Message),
}

/// The outcome of a check. It may have findings and unknown facts at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckOutcome {
    pub findings: Vec<RuleFinding>,
    pub unknown: Vec<Unavailable>,
    pub not_applicable: Vec<NotApplicable>,
    /// The measured value, whether it is a finding or not: the worst of several.
    pub reading: Option<Measurement>,
}

/// The kind of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcomeKind {
    Passed,
    Found,
    Unknown,
    NotApplicable,
}

/// What a check's `evaluate` returns: `?` on a fact ends it with the outcome that the missing fact means.
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

    /// Records a value that is bad when it is large. Returns the level and the threshold that it exceeds.
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

    /// Adds an unavailable fact: not applicable where the server version does not have it, else unknown.
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

/// Returns the fact, or the outcome that ends the check.
pub fn require_fact<T>(fact: &Fact<T>) -> Result<&T, Box<CheckOutcome>> {
    fact.as_result().map_err(|why| CheckOutcome::from_unavailable(why.clone()))
}
