//! What a check answers: clear, found, cannot tell, or not applicable.

use crate::model::{Fact, Level, Measure, Reading, Unavailable, Words};

/// One thing a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptom {
    pub level: Level,
    pub subject: String,
    pub measured: Option<Measure>,
    pub threshold: Option<Measure>,
    pub message: Words,
    pub advice: Words,
}

/// Why a question does not arise. None of these is a fault of the server or of the role.
#[derive(Clone, Debug, PartialEq)]
pub enum NotApplicable {
    NotConfigured(Words),
    NotEnoughHistory(Words),
    /// Not on this version, provider, or kind of server; or beyond what the documented role may read.
    NotHere(Words),
}

/// The four answers; what was found and what could not be told may stand side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub found: Vec<Symptom>,
    pub unknown: Vec<Unavailable>,
    pub not_applicable: Vec<NotApplicable>,
    /// The value watched, found or not: the worst where there are several.
    pub reading: Option<Reading>,
}

/// An answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Clear,
    Found,
    CannotTell,
    NotApplicable,
}

/// What a check's `judge` gives: `?` on a fact ends it with the answer that the missing fact means.
pub type Judged = Result<Answer, Box<Answer>>;

impl Answer {
    pub fn kind(&self) -> Kind {
        if !self.found.is_empty() {
            Kind::Found
        } else if !self.unknown.is_empty() {
            Kind::CannotTell
        } else if !self.not_applicable.is_empty() {
            Kind::NotApplicable
        } else {
            Kind::Clear
        }
    }

    pub fn find(&mut self, symptom: Symptom) {
        self.found.push(symptom);
    }

    /// Watches a value: of several the one furthest on its way to the warning is kept.
    pub fn watch(&mut self, subject: &str, measured: Measure, warning: Measure, critical: Option<Measure>) {
        let way = |reading: &Reading| reading.measured.number() / reading.warning.number().max(1e-9);
        let reading = Reading { subject: subject.to_owned(), measured, warning, critical };
        if self.reading.as_ref().is_none_or(|before| way(before) < way(&reading)) {
            self.reading = Some(reading);
        }
    }

    /// Watches a value that is bad when it is large; where it has passed a limit, how bad it is, and that limit.
    pub fn grade<Q>(&mut self, subject: &str, value: Q, warning: Q, critical: Q) -> Option<(Level, Measure)>
    where
        Q: Copy + PartialOrd + Into<Measure>,
    {
        self.watch(subject, value.into(), warning.into(), Some(critical.into()));
        passed(value, warning, critical)
    }

    /// What a missing fact means: a version that does not have it is no fault.
    pub fn missing(&mut self, why: &Unavailable) {
        match why.needs_version {
            Some(_) => self.not_applicable.push(NotApplicable::NotHere(why.reason.clone().into())),
            None if !self.unknown.contains(why) => self.unknown.push(why.clone()),
            None => {}
        }
    }

    pub fn not_here(words: impl Into<Words>) -> Box<Answer> {
        Box::new(Answer { not_applicable: vec![NotApplicable::NotHere(words.into())], ..Answer::default() })
    }

    pub fn not_configured(words: impl Into<Words>) -> Box<Answer> {
        Box::new(Answer { not_applicable: vec![NotApplicable::NotConfigured(words.into())], ..Answer::default() })
    }

    pub fn not_enough_history(words: impl Into<Words>) -> Box<Answer> {
        Box::new(Answer { not_applicable: vec![NotApplicable::NotEnoughHistory(words.into())], ..Answer::default() })
    }

    pub fn cannot_tell(why: Unavailable) -> Box<Answer> {
        let mut answer = Answer::default();
        answer.missing(&why);
        Box::new(answer)
    }
}

/// How bad a value is that is bad when it is large, and the limit it has passed.
pub fn passed<Q: PartialOrd + Into<Measure>>(value: Q, warning: Q, critical: Q) -> Option<(Level, Measure)> {
    if value >= critical {
        Some((Level::Critical, critical.into()))
    } else if value >= warning {
        Some((Level::Warning, warning.into()))
    } else {
        None
    }
}

/// The fact, or the answer that ends the check.
pub fn known<T>(fact: &Fact<T>) -> Result<&T, Box<Answer>> {
    fact.as_result().map_err(|why| Answer::cannot_tell(why.clone()))
}
