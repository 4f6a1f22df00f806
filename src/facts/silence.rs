//! Silences: findings that are acknowledged until a date.

use super::Finding;
use glob::Pattern;
use jiff::Timestamp;

/// A `[[silence]]` of the configuration, or a silence of the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// The check's id: `stale-slot`.
    pub check: String,
    /// Subject; `None` for all subjects of the check.
    pub subject: Option<Pattern>,
    /// Target; `None` for all targets.
    pub target: Option<Pattern>,
    /// The silence ends at this time.
    pub until: Timestamp,
    /// Reason given by the user.
    pub reason: String,
}

/// Last day of a silence in UTC, such as 2027-01-31.
pub fn silence_last_day(until: Timestamp) -> String {
    let before = until.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(until);
    before.strftime("%Y-%m-%d").to_string()
}

impl Silence {
    /// Returns whether the silence applies to this target at `now`.
    pub fn is_active(&self, target: Option<&str>, now: Timestamp) -> bool {
        now < self.until && self.target.as_ref().is_none_or(|glob| target.is_some_and(|target| glob.matches(target)))
    }

    /// Returns whether the silence matches this finding; the target and the time are not compared.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.check == finding.check && self.subject.as_ref().is_none_or(|glob| glob.matches(&finding.subject))
    }

    /// Returns whether the whole check is silenced, including its UNKNOWN.
    pub fn covers_check(&self, check: &str) -> bool {
        self.check == check && self.subject.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_last_day_is_inclusive() {
        // The day is included.
        assert_eq!(silence_last_day("2027-02-01T00:00:00Z".parse().unwrap()), "2027-01-31");
        assert_eq!(silence_last_day("2027-01-31T10:00:00Z".parse().unwrap()), "2027-01-31");
    }
}
