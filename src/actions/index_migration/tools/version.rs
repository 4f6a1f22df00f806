//! The next version in a folder, in the folder's own style.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Style of versions when the folder has none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStyle {
    /// `20260131235959`, UTC.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// `20260131235959123`, UTC.
    LongMilliseconds,
    /// 1, 2, 3 with a fixed number of digits.
    Serial { digits: usize },
}

const MAX_DIGITS: usize = 18;

const SECONDS_FORMAT: &str = "%Y%m%d%H%M%S";

/// Sequence of versions, each greater than all existing ones and its predecessors.
#[derive(Clone, Debug)]
pub struct VersionSequence {
    style: VersionStyle,
    last: Option<u64>,
    now: Timestamp,
}

impl VersionSequence {
    /// `existing` are the leading digits of the folder's file names.
    pub fn after<'a>(
        existing: impl IntoIterator<Item = &'a str>,
        default_style: VersionStyle,
        now: Timestamp,
    ) -> VersionSequence {
        // Longer numbers are not times or serials to continue from.
        let existing = existing.into_iter().filter(|digits| digits.len() <= MAX_DIGITS);
        let numbers = existing.filter_map(|digits| Some((digits.parse::<u64>().ok()?, digits.len())));
        let last = numbers.max_by_key(|(number, _)| *number);
        let style = match last {
            None => default_style,
            Some((_, 14)) => VersionStyle::Seconds,
            Some((_, 13)) => VersionStyle::Milliseconds,
            Some((_, 17)) => VersionStyle::LongMilliseconds,
            Some((_, digits)) => VersionStyle::Serial { digits },
        };
        VersionSequence { style, last: last.map(|(number, _)| number), now }
    }

    pub fn next(&mut self) -> String {
        let now = self.now.to_zoned(TimeZone::UTC);
        let (from_clock, digits) = match self.style {
            VersionStyle::Seconds => (now.strftime(SECONDS_FORMAT).to_string().parse().unwrap_or(0), 14),
            VersionStyle::Milliseconds => (u64::try_from(self.now.as_millisecond()).unwrap_or(0), 13),
            VersionStyle::LongMilliseconds => {
                let seconds: u64 = now.strftime(SECONDS_FORMAT).to_string().parse().unwrap_or(0);
                (seconds * 1_000 + u64::from(now.millisecond().unsigned_abs()), 17)
            }
            VersionStyle::Serial { digits } => (1, digits),
        };
        let number = match self.last {
            Some(last) if last >= from_clock => self.next_after(last),
            _ => from_clock,
        };
        self.last = Some(number);
        format!("{number:0digits$}")
    }

    /// Returns the next second of a time, otherwise the next number.
    fn next_after(&self, last: u64) -> u64 {
        let following = match self.style {
            VersionStyle::Seconds => next_second(&format!("{last:014}")),
            // The tools compare these as numbers. Adding one gives a valid time, except at the end of a second.
            VersionStyle::LongMilliseconds if last % 1_000 == 999 => {
                next_second(&format!("{:014}", last / 1_000)).map(|second| second * 1_000)
            }
            _ => None,
        };
        following.unwrap_or(last + 1)
    }
}

fn next_second(digits: &str) -> Option<u64> {
    let time = DateTime::strptime(SECONDS_FORMAT, digits).ok()?;
    let next = time.checked_add(jiff::Span::new().seconds(1)).ok()?;
    next.strftime(SECONDS_FORMAT).to_string().parse().ok()
}

/// Returns the digits at the beginning of a name.
pub fn leading_digits(name: &str) -> &str {
    &name[..name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next_three(existing: &[&str], default_style: VersionStyle) -> Vec<String> {
        let now = "2026-01-31T23:59:58.250Z".parse().unwrap();
        let mut versions = VersionSequence::after(existing.iter().copied(), default_style, now);
        (0..3).map(|_| versions.next()).collect()
    }

    #[test]
    fn versions_keep_folder_style() {
        assert_eq!(next_three(&[], VersionStyle::Seconds), ["20260131235958", "20260131235959", "20260201000000"]);
        assert_eq!(next_three(&["20260301000059"], VersionStyle::Seconds)[0], "20260301000100");
        assert_eq!(next_three(&["0007", "0012"], VersionStyle::Seconds), ["0013", "0014", "0015"]);
        assert_eq!(next_three(&["9"], VersionStyle::Seconds), ["10", "11", "12"]);
        assert_eq!(next_three(&["00000000000000"], VersionStyle::Seconds)[0], "20260131235958");
        assert_eq!(next_three(&[], VersionStyle::Serial { digits: 4 }), ["0001", "0002", "0003"]);
        assert_eq!(
            next_three(&["1700000000000"], VersionStyle::Seconds),
            ["1769903998250", "1769903998251", "1769903998252"]
        );
        assert_eq!(next_three(&["20270131235959999"], VersionStyle::Milliseconds)[0], "20270201000000000");
        assert_eq!(next_three(&["18446744073709551615", "7"], VersionStyle::Seconds)[0], "8");
    }

    proptest! {
        #[test]
        fn versions_increase_strictly(existing in proptest::collection::vec(0_u64..100_000_000_000_000_000, 0..6)) {
            let texts: Vec<String> = existing.iter().map(u64::to_string).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut last = existing.iter().max().copied();
            for version in next_three(&texts, VersionStyle::Seconds) {
                let number: u64 = version.parse().unwrap();
                prop_assert!(last.is_none_or(|last| number > last));
                last = Some(number);
            }
        }
    }
}
