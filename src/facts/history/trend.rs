//! A robust rate: the Theil–Sen slope with Sen's confidence interval (Sen 1968, JASA 63:1379), without one-off changes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Minimum number of samples for a trend.
const MIN_SAMPLES: usize = 4;
/// Maximum number of points: more do not improve the slope, and the number of pairs is quadratic.
const MAX_POINTS: usize = 100;
/// 97.5 % quantile of the normal distribution.
const Z_95_PERCENT: f64 = 1.96;

/// A size at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SizePoint {
    /// When the size was measured.
    pub at: Timestamp,
    /// The size in bytes.
    pub bytes: u64,
}

/// Growth rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Trend {
    /// The median slope in bytes per day; negative when it shrinks.
    pub bytes_per_day: f64,
    /// Lower end of the 95 % confidence interval in bytes per day, assuming independent steps.
    pub bytes_per_day_low: f64,
    /// Upper end of the interval, in bytes per day.
    pub bytes_per_day_high: f64,
    /// One-off growth or shrinkage in bytes, which is not part of the rate.
    pub one_off_bytes: f64,
    /// Number of points.
    pub samples: u64,
    /// Time of the first point.
    pub since: Timestamp,
    /// Time of the last point.
    pub until: Timestamp,
    /// The last size.
    pub bytes: u64,
}

impl Trend {
    /// Returns the days until `bytes` are reached at this rate; 0 if they are already reached, `None` if never.
    pub fn days_until(&self, bytes: u64) -> Option<f64> {
        self.days_at_rate(self.bytes_per_day, bytes)
    }

    /// Returns the same at the high end of the interval, which is the minimum.
    pub fn min_days_until(&self, bytes: u64) -> Option<f64> {
        self.days_at_rate(self.bytes_per_day_high, bytes)
    }

    fn days_at_rate(&self, rate: f64, bytes: u64) -> Option<f64> {
        let missing = bytes.saturating_sub(self.bytes) as f64;
        if missing == 0.0 { Some(0.0) } else { (rate > 0.0).then(|| missing / rate) }
    }
}

/// Returns the trend of sizes, oldest first; `None` if there are too few, or they span less than an hour.
pub fn compute_trend(points: &[SizePoint]) -> Option<Trend> {
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < MIN_SAMPLES || days_between(first.at, last.at) < 1.0 / 24.0 {
        return None;
    }
    let steps: Vec<(f64, f64)> = points
        .windows(2)
        .map(|pair| (days_between(pair[0].at, pair[1].at).max(1e-9), pair[1].bytes as f64 - pair[0].bytes as f64))
        .collect();
    let rates: Vec<f64> = steps.iter().map(|(days, bytes)| bytes / days).collect();
    let one_offs = find_one_offs(&rates);

    let mut cleaned = vec![(0.0, first.bytes as f64)];
    let (mut day, mut size, mut one_off_bytes) = (0.0, first.bytes as f64, 0.0);
    for ((days, bytes), is_one_off) in steps.iter().zip(&one_offs) {
        day += days;
        if *is_one_off {
            one_off_bytes += bytes
        } else {
            size += bytes
        }
        cleaned.push((day, size));
    }
    let every = cleaned.len().div_ceil(MAX_POINTS);
    // Counted from the end, so that the newest is included.
    let chosen: Vec<_> = cleaned.iter().rev().step_by(every).rev().collect();

    let mut slopes: Vec<f64> = Vec::with_capacity(chosen.len() * chosen.len() / 2);
    for (index, a) in chosen.iter().enumerate() {
        slopes.extend(chosen[index + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    let n = chosen.len() as f64;
    let spread = Z_95_PERCENT * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let pairs = slopes.len() as f64;
    // Only four of thousands of slopes are needed: selection is cheaper than sorting.
    let mut rank = |index: f64| {
        let position = (index.round().max(0.0) as usize).min(slopes.len() - 1);
        *slopes.select_nth_unstable_by(position, f64::total_cmp).1
    };
    Some(Trend {
        bytes_per_day: (rank((pairs - 1.0) / 2.0 - 0.25) + rank((pairs - 1.0) / 2.0 + 0.25)) / 2.0,
        bytes_per_day_low: rank((pairs - spread) / 2.0 - 1.0),
        bytes_per_day_high: rank((pairs + spread) / 2.0),
        one_off_bytes,
        samples: points.len() as u64,
        since: first.at,
        until: last.at,
        bytes: last.bytes,
    })
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 86_400.0
}

/// Returns for each step between neighbouring points whether it is a one-off: fewer than three steps have the same
/// direction and at least half its rate. Steps of a weekly load are not, a single import, drop or VACUUM FULL is.
fn find_one_offs(rates: &[f64]) -> Vec<bool> {
    let fewest = if rates.len() < 6 { 2 } else { 3 };
    rates
        .iter()
        .map(|rate| {
            let alike = rates.iter().filter(|other| **other * rate.signum() >= rate.abs() / 2.0).count();
            *rate != 0.0 && alike < fewest && rate.abs() > 2.0 * median(rates).abs()
        })
        .collect()
}

/// Returns the median step.
fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily_points(sizes: impl IntoIterator<Item = u64>) -> Vec<SizePoint> {
        sizes.into_iter().enumerate().map(|(day, bytes)| SizePoint { at: day_at(day), bytes }).collect()
    }

    fn day_at(day: usize) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day as i64 * 86_400).unwrap()
    }

    #[test]
    fn trend_needs_samples_and_time() {
        assert_eq!(compute_trend(&[]), None);
        assert_eq!(compute_trend(&daily_points([1, 2, 3])), None);
        let at_second = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let hasty: Vec<SizePoint> =
            (0..9).map(|second| SizePoint { at: at_second(second), bytes: second as u64 }).collect();
        assert_eq!(compute_trend(&hasty), None);
    }

    #[test]
    fn trend_excludes_one_off_load() {
        for moment in [1, 20, 30, 39] {
            let flat = daily_points((0..40).map(|day| if day < moment { 1_000 } else { 500_000 }));
            let trend = compute_trend(&flat).unwrap();
            assert_eq!((trend.bytes_per_day, trend.one_off_bytes), (0.0, 499_000.0), "{moment}");
            assert_eq!(trend.days_until(600_000), None);
        }
        let growing = daily_points((0..60).map(|day| 1_000 + day * 100 + if day > 30 { 900_000 } else { 0 }));
        let trend = compute_trend(&growing).unwrap();
        assert!((trend.bytes_per_day - 100.0).abs() < 5.0, "{trend:?}");
    }

    #[test]
    fn trend_includes_weekly_loads_and_gaps() {
        let weekly = compute_trend(&daily_points((0..120).map(|day| 1_000 + day / 7 * 700))).unwrap();
        assert!((weekly.bytes_per_day - 100.0).abs() < 5.0, "{weekly:?}");
        let mut gapped = daily_points((0..90).map(|day| 10_000 + day * 100));
        gapped.drain(30..60);
        let gapped = compute_trend(&gapped).unwrap();
        assert_eq!((gapped.bytes_per_day, gapped.one_off_bytes), (100.0, 0.0));
    }

    #[test]
    fn trend_interval_widens_with_noise() {
        let noise = [37_i64, -52, 11, 80, -44, 5, -90, 63, 21, -15];
        let noisy = daily_points((0..60).map(|day| (100_000 + day * 100 + noise[day as usize % 10] * 8) as u64));
        let trend = compute_trend(&noisy).unwrap();
        assert!(trend.bytes_per_day_low < 100.0 && 100.0 < trend.bytes_per_day_high, "{trend:?}");
        assert!((trend.bytes_per_day - 100.0).abs() < 10.0, "{trend:?}");
        let until = trend.days_until(trend.bytes + 1_000).unwrap();
        assert!((until - 10.0).abs() < 1.0 && trend.min_days_until(trend.bytes + 1_000).unwrap() <= until);
        assert_eq!(trend.days_until(5), Some(0.0));
    }
}
