//! Which samples are kept: all for 35 days, the last of each week for a year, the last of each month after that.

use super::time::timestamp;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const ALL: SignedDuration = SignedDuration::from_hours(35 * 24);
const WEEKLY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// A stretch of time of which one sample is kept.
#[derive(PartialEq, Eq)]
enum Stretch {
    Week(i64),
    Month(i16, i8),
}

/// The samples that go, each with the one that takes over its values: the next that stays. Samples are a number and a
/// time in microseconds, oldest first.
pub(super) fn merged(samples: &[(i64, i64)], now: Timestamp) -> Vec<(i64, i64)> {
    let mut merged = Vec::new();
    let mut later: Option<(i64, Option<Stretch>)> = None;
    for &(sample_id, collected_at) in samples.iter().rev() {
        let stretch = timestamp(collected_at).ok().and_then(|at| stretch(at, now));
        match &later {
            Some((keeper, of)) if stretch.is_some() && *of == stretch => merged.push((sample_id, *keeper)),
            _ => later = Some((sample_id, stretch)),
        }
    }
    merged
}

fn stretch(at: Timestamp, now: Timestamp) -> Option<Stretch> {
    let age = now.duration_since(at);
    if age <= ALL {
        None
    } else if age <= WEEKLY {
        // The epoch was a Thursday; weeks begin on Monday.
        Some(Stretch::Week((at.as_second().div_euclid(86_400) + 3).div_euclid(7)))
    } else {
        let date = at.to_zoned(TimeZone::UTC).date();
        Some(Stretch::Month(date.year(), date.month()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_years_of_nights_become_months_weeks_and_days() {
        let now: Timestamp = "2027-01-01T04:00:00Z".parse().unwrap();
        let night = |ago: i64| now - SignedDuration::from_hours(ago * 24 + 1);
        let samples: Vec<(i64, i64)> = (0..730).map(|at| (at, night(729 - at).as_microsecond())).collect();
        let gone = merged(&samples, now);
        let stays = |id: i64| !gone.iter().any(|(dropped, _)| *dropped == id);
        assert!((730 - 35..730).all(stays), "the last 35 days");
        let weekly = (365..695).filter(|id| stays(*id)).count();
        assert!((46..=49).contains(&weekly), "{weekly}");
        let monthly = (0..365).filter(|id| stays(*id)).count();
        assert!((12..=14).contains(&monthly), "{monthly}");
        assert!(gone.iter().all(|(dropped, keeper)| keeper > dropped && stays(*keeper)));
    }

    #[test]
    fn pruning_twice_changes_nothing_and_a_young_store_loses_nothing() {
        let now: Timestamp = "2027-01-01T04:00:00Z".parse().unwrap();
        let at = |ago: i64| (now - SignedDuration::from_hours(ago * 24)).as_microsecond();
        assert_eq!(merged(&[(1, at(30)), (2, at(20)), (3, at(0))], now), []);
        let samples: Vec<(i64, i64)> = (0..200).map(|id| (id, at(199 - id))).collect();
        let gone = merged(&samples, now);
        let left: Vec<_> =
            samples.into_iter().filter(|(id, _)| !gone.iter().any(|(dropped, _)| dropped == id)).collect();
        assert_eq!(merged(&left, now), []);
    }
}
