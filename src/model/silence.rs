//! What somebody knows of and does not want to be told again.

use super::Finding;
use glob::Pattern;
use jiff::Timestamp;

/// `[[silence]]`: from the configuration, or said on the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    pub check: String,
    /// All subjects of the check where none is named.
    pub subject: Option<Pattern>,
    /// All targets where none is named.
    pub target: Option<Pattern>,
    pub until: Timestamp,
    pub reason: String,
}

impl Silence {
    /// Whether it holds for this target now.
    pub fn holds(&self, target: Option<&str>, now: Timestamp) -> bool {
        now < self.until && self.target.as_ref().is_none_or(|glob| target.is_some_and(|target| glob.matches(target)))
    }

    pub fn covers(&self, finding: &Finding) -> bool {
        self.check == finding.check && self.subject.as_ref().is_none_or(|glob| glob.matches(&finding.subject))
    }

    /// Whether the whole check is silenced: then what it cannot tell is, too.
    pub fn covers_check(&self, check: &str) -> bool {
        self.check == check && self.subject.is_none()
    }
}
