//! A robust rate: the Theil–Sen slope with Sen's confidence interval (Sen 1968, JASA 63:1379), after what came once
//! was set aside.

use jiff::Timestamp;
use serde::Serialize;

/// With fewer samples nothing is said of a trend.
const MIN_SAMPLES: usize = 4;
/// More points would make no better slope, and pairs grow with the square.
const MAX_POINTS: usize = 100;
/// Of the normal distribution: 95 % lie within.
const Z_95_PERCENT: f64 = 1.96;

/// A size at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SizePoint {
    /// When the size was measured.
    pub at: Timestamp,
    /// The size in bytes.
    pub bytes: u64,
}

/// How fast something grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// The median slope in bytes per day; negative when it shrinks.
    pub bytes_per_day: f64,
    /// The slopes between which the true one lies in 95 of 100 cases, were the steps independent.
    pub bytes_per_day_low: f64,
    /// Upper end of the interval, in bytes per day.
    pub bytes_per_day_high: f64,
    /// What came, or went, at once and is no part of the rate.
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
    /// Days until `bytes` are reached at this rate; 0 when they are, `None` when never.
    pub fn days_until(&self, bytes: u64) -> Option<f64> {
        self.days_at_rate(self.bytes_per_day, bytes)
    }

    /// The same at the fastest rate that the samples allow: the soonest.
    pub fn min_days_until(&self, bytes: u64) -> Option<f64> {
        self.days_at_rate(self.bytes_per_day_high, bytes)
    }

    fn days_at_rate(&self, rate: f64, bytes: u64) -> Option<f64> {
        let missing = bytes.saturating_sub(self.bytes) as f64;
        if missing == 0.0 { Some(0.0) } else { (rate > 0.0).then(|| missing / rate) }
    }
}

/// The trend of sizes, oldest first; `None` when there are too few, or when they span less than an hour.
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
    for ((days, bytes), alone) in steps.iter().zip(&one_offs) {
        day += days;
        if *alone {
            one_off_bytes += bytes
        } else {
            size += bytes
        }
        cleaned.push((day, size));
    }
    let every = cleaned.len().div_ceil(MAX_POINTS);
    // Counted from the end, so that the newest is among them.
    let chosen: Vec<_> = cleaned.iter().rev().step_by(every).rev().collect();

    let mut slopes: Vec<f64> = Vec::with_capacity(chosen.len() * chosen.len() / 2);
    for (index, a) in chosen.iter().enumerate() {
        slopes.extend(chosen[index + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    let n = chosen.len() as f64;
    let spread = Z_95_PERCENT * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let pairs = slopes.len() as f64;
    // Of some thousand slopes four are wanted: choosing is cheaper than sorting.
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

/// For each step between neighbouring points, whether it stands alone: fewer than three steps went the same way at
/// least half as fast. Those of a weekly load have company; a single import, drop or VACUUM FULL has none.
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

/// The median step.
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
