//! How fast WAL has been written of late.

use super::WalInterval;
use jiff::{SignedDuration, Timestamp};

/// Of the last day, if there are samples of it.
const OF_LATE: SignedDuration = SignedDuration::from_hours(24);

/// WAL written over a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WalRate {
    pub bytes_per_hour: u64,
    pub since: Timestamp,
    pub until: Timestamp,
}

impl WalRate {
    /// Seconds it was observed over.
    pub fn seconds(&self) -> f64 {
        self.until.duration_since(self.since).as_secs_f64()
    }
}

/// The average over the newest intervals: as many as lie within a day, at least one. `None` without intervals, or when
/// they span no time.
pub fn wal_rate(intervals: &[WalInterval]) -> Option<WalRate> {
    let until = intervals.last()?.to;
    let mut newest = intervals.len() - 1;
    while newest > 0
        && intervals[newest - 1].to == intervals[newest].from
        && until.duration_since(intervals[newest - 1].from) <= OF_LATE
    {
        newest -= 1;
    }
    let since = intervals[newest].from;
    let bytes: u64 = intervals[newest..].iter().map(|interval| interval.bytes).sum();
    let hours = until.duration_since(since).as_secs_f64() / 3_600.0;
    (hours > 0.0).then(|| WalRate { bytes_per_hour: (bytes as f64 / hours) as u64, since, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_or_else_the_last_interval() {
        let at = |hours: i64| Timestamp::from_second(1_800_000_000 + hours * 3_600).unwrap();
        let interval = |from, to, bytes| WalInterval { from: at(from), to: at(to), bytes };
        assert_eq!(wal_rate(&[]), None);
        assert_eq!(wal_rate(&[interval(3, 3, 7)]), None);
        let nightly = wal_rate(&[interval(0, 48, 9_999), interval(48, 98, 500)]).unwrap();
        assert_eq!((nightly.bytes_per_hour, nightly.since), (10, at(48)));
        let hourly = wal_rate(&[interval(0, 48, 9_999), interval(48, 60, 100), interval(60, 72, 20)]).unwrap();
        assert_eq!((hourly.bytes_per_hour, hourly.since, hourly.seconds()), (5, at(48), 86_400.0));
    }
}
