//! Silences: findings that are acknowledged until a date.

use super::Finding;
use glob::Pattern;
use jiff::Timestamp;

/// A `[[silence]]` of the configuration, or a silence of the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// The check's id: `stale-slot`.
    pub check: String,
    /// All subjects of the check where none is named.
    pub subject: Option<Pattern>,
    /// All targets where none is named.
    pub target: Option<Pattern>,
    /// The silence ends at this time.
    pub until: Timestamp,
    /// Why, as the user gave it.
    pub reason: String,
}

/// The last day on which a silence that ends then holds, in UTC, as 2027-01-31.
pub fn silence_last_day(until: Timestamp) -> String {
    let before = until.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(until);
    before.strftime("%Y-%m-%d").to_string()
}

impl Silence {
    /// Returns whether the silence holds for this target at `now`.
    pub fn is_active(&self, target: Option<&str>, now: Timestamp) -> bool {
        now < self.until && self.target.as_ref().is_none_or(|glob| target.is_some_and(|target| glob.matches(target)))
    }

    /// Returns whether the silence matches this finding; the target and the time are not compared.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.check == finding.check && self.subject.as_ref().is_none_or(|glob| glob.matches(&finding.subject))
    }

    /// Returns whether the whole check is silenced: then its UNKNOWN is silenced, too.
    pub fn covers_check(&self, check: &str) -> bool {
        self.check == check && self.subject.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_last_day_is_inclusive() {
        // A day counts to its end.
        assert_eq!(silence_last_day("2027-02-01T00:00:00Z".parse().unwrap()), "2027-01-31");
        assert_eq!(silence_last_day("2027-01-31T10:00:00Z".parse().unwrap()), "2027-01-31");
    }
}
