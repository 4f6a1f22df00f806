//! Retention of samples: all for 35 days, the last of each week for a year, the last of each month before that.

use super::time::timestamp;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const KEEP_ALL: SignedDuration = SignedDuration::from_hours(35 * 24);
const KEEP_WEEKLY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// An interval of which one sample is kept.
#[derive(PartialEq, Eq)]
enum RetentionInterval {
    Week(i64),
    Month(i16, i8),
}

/// Returns the samples to delete, each with the next remaining sample, which gets its values. A sample is a number and
/// a time in microseconds, oldest first.
pub(super) fn samples_to_merge(samples: &[(i64, i64)], now: Timestamp) -> Vec<(i64, i64)> {
    let mut merged = Vec::new();
    let mut later: Option<(i64, Option<RetentionInterval>)> = None;
    for &(sample_id, collected_at) in samples.iter().rev() {
        let interval = timestamp(collected_at).ok().and_then(|timestamp| retention_interval(timestamp, now));
        match &later {
            Some((kept, of)) if interval.is_some() && *of == interval => merged.push((sample_id, *kept)),
            _ => later = Some((sample_id, interval)),
        }
    }
    merged
}

fn retention_interval(collected_at: Timestamp, now: Timestamp) -> Option<RetentionInterval> {
    let age = now.duration_since(collected_at);
    if age <= KEEP_ALL {
        None
    } else if age <= KEEP_WEEKLY {
        // The epoch was a Thursday; weeks begin on Monday.
        Some(RetentionInterval::Week((collected_at.as_second().div_euclid(86_400) + 3).div_euclid(7)))
    } else {
        let date = collected_at.to_zoned(TimeZone::UTC).date();
        Some(RetentionInterval::Month(date.year(), date.month()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_thins_to_days_weeks_months() {
        let now: Timestamp = "2027-01-01T04:00:00Z".parse().unwrap();
        let sample_time = |ago: i64| now - SignedDuration::from_hours(ago * 24 + 1);
        let samples: Vec<(i64, i64)> = (0..730).map(|day| (day, sample_time(729 - day).as_microsecond())).collect();
        let gone = samples_to_merge(&samples, now);
        let stays = |id: i64| !gone.iter().any(|(dropped, _)| *dropped == id);
        assert!((730 - 35..730).all(stays), "the last 35 days");
        let weekly = (365..695).filter(|id| stays(*id)).count();
        assert!((46..=49).contains(&weekly), "{weekly}");
        let monthly = (0..365).filter(|id| stays(*id)).count();
        assert!((12..=14).contains(&monthly), "{monthly}");
        assert!(gone.iter().all(|(dropped, kept)| kept > dropped && stays(*kept)));
    }

    #[test]
    fn retention_is_idempotent() {
        let now: Timestamp = "2027-01-01T04:00:00Z".parse().unwrap();
        let time_ago = |ago: i64| (now - SignedDuration::from_hours(ago * 24)).as_microsecond();
        assert_eq!(samples_to_merge(&[(1, time_ago(30)), (2, time_ago(20)), (3, time_ago(0))], now), []);
        let samples: Vec<(i64, i64)> = (0..200).map(|id| (id, time_ago(199 - id))).collect();
        let gone = samples_to_merge(&samples, now);
        let left: Vec<_> =
            samples.into_iter().filter(|(id, _)| !gone.iter().any(|(dropped, _)| dropped == id)).collect();
        assert_eq!(samples_to_merge(&left, now), []);
    }
}
