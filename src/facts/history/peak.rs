//! Amount of WAL written, and its peak.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// WAL written between two samples of one cluster branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WalInterval {
    /// `collected_at` of the first sample.
    pub from: Timestamp,
    /// `collected_at` of the second sample.
    pub to: Timestamp,
    /// WAL written in between, in bytes.
    pub bytes: u64,
}

/// The window with the most WAL written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WalPeak {
    /// Longest time between the two samples, in seconds.
    pub window_seconds: u64,
    /// `collected_at` of the first sample.
    pub from: Timestamp,
    /// `collected_at` of the last sample.
    pub to: Timestamp,
    /// WAL written in between, in bytes.
    pub bytes: u64,
}

/// Returns the samples, at most `window` apart, between which the most WAL was written: a lower bound of the true peak.
/// `None` if no two samples are that close, because a longer average hides peaks, and if none span at least half of the
/// window, because a much shorter interval is not representative.
pub fn wal_peak(intervals: &[WalInterval], window: SignedDuration) -> Option<WalPeak> {
    let mut best: Option<WalPeak> = None;
    let (mut first, mut bytes) = (0, 0_u64);
    for (position, interval) in intervals.iter().enumerate() {
        if position > 0 && intervals[position - 1].to != interval.from {
            (first, bytes) = (position, 0);
        }
        bytes = bytes.saturating_add(interval.bytes);
        while first <= position && interval.to.duration_since(intervals[first].from) > window {
            bytes = bytes.saturating_sub(intervals[first].bytes);
            first += 1;
        }
        let spans_enough = first <= position && interval.to.duration_since(intervals[first].from) * 2 >= window;
        if spans_enough && best.is_none_or(|best| bytes > best.bytes) {
            let window_seconds = window.as_secs().unsigned_abs();
            best = Some(WalPeak { window_seconds, from: intervals[first].from, to: interval.to, bytes });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn interval(from: i64, to: i64, bytes: u64) -> WalInterval {
        WalInterval { from: at_minute(from), to: at_minute(to), bytes }
    }

    #[test]
    fn wal_peak_needs_close_samples() {
        let days = [interval(0, 1_440, 9), interval(1_440, 2_880, 5)];
        assert_eq!(wal_peak(&days, SignedDuration::from_hours(1)), None);
        assert_eq!(wal_peak(&days, SignedDuration::from_hours(24)).map(|peak| peak.bytes), Some(9));
        assert_eq!(wal_peak(&[], SignedDuration::from_hours(24)), None);
    }

    #[test]
    fn wal_peak_needs_enough_history() {
        let minutes = [interval(0, 1, 9), interval(1, 2, 5)];
        assert_eq!(wal_peak(&minutes, SignedDuration::from_hours(6)), None);
        let half = [interval(0, 90, 9), interval(90, 180, 5)];
        assert_eq!(wal_peak(&half, SignedDuration::from_hours(6)).map(|peak| peak.bytes), Some(14));
    }

    #[test]
    fn wal_peak_window_spans_adjacent_samples() {
        let intervals =
            [interval(0, 20, 1), interval(20, 40, 5), interval(40, 60, 5), interval(60, 80, 5), interval(100, 120, 8)];
        let peak = wal_peak(&intervals, SignedDuration::from_hours(1)).unwrap();
        assert_eq!((peak.bytes, peak.from, peak.to), (15, at_minute(20), at_minute(80)));
        assert_eq!(wal_peak(&intervals, SignedDuration::from_mins(20)).unwrap().bytes, 8);
    }
}
