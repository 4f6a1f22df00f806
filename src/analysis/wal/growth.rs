//! Rate at which WAL is written, from every available source.

use crate::facts::history::WalInterval;
use crate::facts::{Snapshot, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// Source of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    /// Two positions read by this run.
    Sample,
    /// Positions of earlier samples.
    History,
    /// Average since the reset of `pg_stat_wal`.
    PgStatWal,
    /// Segments archived since the reset of `pg_stat_archiver`.
    Archiver,
    /// Age of the oldest segment in `pg_wal`.
    Segments,
}

/// Rate of WAL over a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedRate {
    /// Bytes per hour.
    pub bytes_per_hour: u64,
    /// Source of the rate.
    pub source: RateSource,
    /// Length of the period in seconds.
    pub span_seconds: f64,
}

/// Rates of all sources, the best first, and their range.
#[derive(Clone, Debug, PartialEq)]
pub struct WalGrowth {
    /// The rates; never empty.
    pub rates: Vec<ObservedRate>,
    /// Lowest rate in bytes per hour, including the intervals between samples.
    pub low: u64,
    /// Highest rate in bytes per hour, including the intervals between samples.
    pub high: u64,
}

/// Time that depends on the rate of WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TimeLeft {
    /// Seconds at the highest rate; `None` when that rate is 0.
    pub min_seconds: Option<u64>,
    /// Seconds at the lowest rate; `None` when that rate is 0.
    pub max_seconds: Option<u64>,
}

/// Minimum period in seconds of an average; a shorter one is mostly noise.
const MIN_SPAN_SECONDS: f64 = 60.0;

/// Minimum period in seconds of a rate that counts for the range.
const MIN_PEAK_SECONDS: f64 = 600.0;

impl WalGrowth {
    /// Computes the rates from the snapshot and the intervals between earlier samples.
    ///
    /// # Errors
    ///
    /// Returns the reason when no source is available.
    pub fn from_snapshot(snapshot: &Snapshot, history: &[WalInterval]) -> Result<WalGrowth, Unavailable> {
        let sampled = sampled_rate(snapshot)?;
        let mut rates: Vec<ObservedRate> = sampled.into_iter().collect();
        rates.extend(history_rate(history));
        let (statistics, why) = match pg_stat_wal_rate(snapshot) {
            Ok(rate) => (Some(rate), None),
            Err(why) => (None, Some(why)),
        };
        rates.extend(statistics);
        // Both count whole segments, also partly filled ones, like the disk.
        rates.extend(archiver_rate(snapshot));
        if rates.is_empty() {
            rates.extend(segment_rate(snapshot));
        }
        let Some(best) = rates.first() else {
            return Err(why.unwrap_or_else(|| Unavailable::new("wal rate", "no source is available")));
        };
        let peaks = history
            .iter()
            .filter(|interval| interval_seconds(interval) >= MIN_PEAK_SECONDS)
            .map(|interval| hourly_rate(interval.bytes, interval_seconds(interval)));
        let steady = rates.iter().filter(|rate| rate.span_seconds >= MIN_PEAK_SECONDS).map(|rate| rate.bytes_per_hour);
        let hourly_rates: Vec<u64> = steady.chain(peaks).chain([best.bytes_per_hour]).collect();
        let (low, high) =
            (hourly_rates.iter().min().copied().unwrap_or(0), hourly_rates.iter().max().copied().unwrap_or(0));
        Ok(WalGrowth { rates, low, high })
    }

    /// Returns the rate of the best source.
    pub fn best(&self) -> Option<&ObservedRate> {
        self.rates.first()
    }

    /// Returns the time until `bytes` more WAL is written.
    pub fn time_to_write(&self, bytes: u64) -> TimeLeft {
        let seconds = |rate: u64| (rate > 0).then(|| (bytes as f64 / rate as f64 * 3_600.0) as u64);
        TimeLeft { min_seconds: seconds(self.high), max_seconds: seconds(self.low) }
    }
}

fn interval_seconds(interval: &WalInterval) -> f64 {
    interval.to.duration_since(interval.from).as_secs_f64()
}

fn hourly_rate(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds * 3_600.0) as u64
}

fn sampled_rate(snapshot: &Snapshot) -> Result<Option<ObservedRate>, Unavailable> {
    let (Some(first), Some(second)) = (snapshot.wal_position.known(), &snapshot.wal_position_later) else {
        return Ok(None);
    };
    let span_seconds = second.requested_at.duration_since(first.requested_at).as_secs_f64();
    match (first.current_lsn, second.current_lsn) {
        (Some(from), Some(to)) if span_seconds > 0.0 => {
            let bytes_per_hour = hourly_rate(to.bytes_since(from), span_seconds);
            Ok(Some(ObservedRate { bytes_per_hour, source: RateSource::Sample, span_seconds }))
        }
        _ => Err(Unavailable::new("wal rate", "one of the two samples has no WAL position")),
    }
}

/// Rate of the intervals of the last day, or of the newest interval if that is longer.
fn history_rate(history: &[WalInterval]) -> Option<ObservedRate> {
    let until = history.last()?.to;
    let recent = |interval: &&WalInterval| until.duration_since(interval.from).as_secs() <= 86_400;
    let mut newest: Vec<&WalInterval> = history.iter().filter(recent).collect();
    if newest.is_empty() {
        newest.extend(history.last());
    }
    let span_seconds: f64 = newest.iter().copied().map(interval_seconds).sum();
    let bytes = newest.iter().map(|interval| interval.bytes).sum();
    (span_seconds >= MIN_SPAN_SECONDS).then(|| ObservedRate {
        bytes_per_hour: hourly_rate(bytes, span_seconds),
        source: RateSource::History,
        span_seconds,
    })
}

/// Average since the reset of the statistics. On a standby, they do not count replayed WAL.
fn pg_stat_wal_rate(snapshot: &Snapshot) -> Result<ObservedRate, Unavailable> {
    let sample = Some("pgtend wal --sample 10s");
    if snapshot.server.in_recovery {
        let reason = "a standby has no statistics of replayed WAL";
        return Err(Unavailable::new("wal rate", reason).not_set_up().with_hint(sample));
    }
    let statistics = snapshot.wal_statistics.as_result().map_err(|why| {
        let hint = why.hint.as_deref().or(sample);
        why.for_fact("wal rate").with_hint(hint)
    })?;
    let span_seconds =
        statistics.stats_reset.map_or(0.0, |since| statistics.requested_at.duration_since(since).as_secs_f64());
    if span_seconds < MIN_SPAN_SECONDS {
        let reason = "pg_stat_wal was reset less than a minute ago";
        return Err(Unavailable::new("wal rate", reason).not_set_up().with_hint(sample));
    }
    let bytes_per_hour = hourly_rate(statistics.wal_bytes, span_seconds);
    Ok(ObservedRate { bytes_per_hour, source: RateSource::PgStatWal, span_seconds })
}

fn archiver_rate(snapshot: &Snapshot) -> Option<ObservedRate> {
    let archiver = snapshot.archiver.known().filter(|_| !snapshot.server.in_recovery)?;
    // While archiving fails, the number of archived segments is not the amount of WAL written.
    if archiver.last_failed_time > archiver.last_archived_time {
        return None;
    }
    let span_seconds = archiver.last_archived_time?.duration_since(archiver.stats_reset?).as_secs_f64();
    let bytes = archiver.archived_count.checked_mul(snapshot.server.wal_segment_bytes)?;
    (span_seconds >= MIN_SPAN_SECONDS && archiver.archived_count > 1).then(|| ObservedRate {
        bytes_per_hour: hourly_rate(bytes, span_seconds),
        source: RateSource::Archiver,
        span_seconds,
    })
}

/// Rate since the oldest segment was finished. It needs at least four segments that something retains.
fn segment_rate(snapshot: &Snapshot) -> Option<ObservedRate> {
    let directory = snapshot.wal_directory.known()?;
    let segment = snapshot.server.wal_segment_bytes;
    let position = snapshot.wal_position.known()?;
    let span_seconds = position.requested_at.duration_since(directory.oldest_modified_at?).as_secs_f64();
    let bytes = position.current_lsn?.bytes_since(directory.oldest_lsn?).checked_sub(segment)?;
    (span_seconds >= MIN_SPAN_SECONDS && bytes >= 4 * segment).then(|| ObservedRate {
        bytes_per_hour: hourly_rate(bytes, span_seconds),
        source: RateSource::Segments,
        span_seconds,
    })
}

/// Returns the WAL written between successive snapshots; `now` is the last.
pub fn wal_between_snapshots(earlier: &[Snapshot], now: &Snapshot) -> Vec<WalInterval> {
    let mut positions: Vec<_> = earlier
        .iter()
        .chain([now])
        .filter_map(|snapshot| Some((snapshot.collected_at, snapshot.current_lsn()?)))
        .collect();
    positions.sort_by_key(|(timestamp, _)| *timestamp);
    let between = |pair: &[(jiff::Timestamp, crate::units::Lsn)]| WalInterval {
        from: pair[0].0,
        to: pair[1].0,
        bytes: pair[1].1.bytes_since(pair[0].1),
    };
    positions.windows(2).map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;
    use jiff::Timestamp;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const MB: u64 = 1 << 20;

    fn time_at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    /// A primary at 1000 MB.
    fn snapshot() -> Snapshot {
        serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": time_at(0),
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": time_at(0), "requested_at": time_at(0), "block_size_bytes": 8192, "wal_segment_bytes": MB},
            "wal_position": {"known": {"current_lsn": "0/3E800000", "replay_lsn": null, "requested_at": time_at(0)}},
        }))
        .unwrap()
    }

    fn wal_statistics(seconds: i64, wal_bytes: u64) -> Fact<crate::facts::WalStatistics> {
        let json = json!({"known": {"wal_records": 1, "wal_fpi": 1, "wal_bytes": wal_bytes,
            "stats_reset": time_at(-seconds), "requested_at": time_at(0)}});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn wal_growth_explains_a_missing_rate() {
        let mut snapshot = snapshot();
        assert!(WalGrowth::from_snapshot(&snapshot, &[]).is_err());
        snapshot.wal_statistics = wal_statistics(30, MB);
        let why = WalGrowth::from_snapshot(&snapshot, &[]).unwrap_err();
        assert!(why.reason.contains("less than a minute") && why.hint.is_some(), "{why:?}");
        snapshot.wal_statistics = wal_statistics(3_600, MB);
        snapshot.server.in_recovery = true;
        assert!(WalGrowth::from_snapshot(&snapshot, &[]).unwrap_err().reason.contains("standby"));
    }

    #[test]
    fn wal_growth_prefers_recent_history() {
        let mut snapshot = snapshot();
        snapshot.wal_statistics = wal_statistics(36_000, 100 * MB);
        let interval = |from: i64, to: i64, bytes| WalInterval { from: time_at(from), to: time_at(to), bytes };
        let history = [interval(-7_200, -3_600, 90 * MB), interval(-3_600, 0, 30 * MB)];
        let growth = WalGrowth::from_snapshot(&snapshot, &history).unwrap();
        let best = growth.best().unwrap();
        assert_eq!((best.source, best.bytes_per_hour), (RateSource::History, 60 * MB));
        assert_eq!((growth.low, growth.high), (10 * MB, 90 * MB));
        let left = growth.time_to_write(180 * MB);
        assert_eq!((left.min_seconds, left.max_seconds), (Some(7_200), Some(64_800)));
    }

    #[test]
    fn wal_growth_zero_rate_never_fills() {
        let mut snapshot = snapshot();
        snapshot.wal_statistics = wal_statistics(3_600, 0);
        let left = WalGrowth::from_snapshot(&snapshot, &[]).unwrap().time_to_write(1);
        assert_eq!((left.min_seconds, left.max_seconds), (None, None));
    }

    #[test]
    fn wal_growth_falls_back_to_segment_age() {
        let mut snapshot = snapshot();
        snapshot.wal_directory = serde_json::from_value(json!({"known": {"directory_bytes": 0, "files": 1,
            "recycled_files": 0, "recycled_bytes": 0, "oldest_lsn": "0/38300000", "oldest_modified_at": time_at(-7_200)}}))
        .unwrap();
        let growth = WalGrowth::from_snapshot(&snapshot, &[]).unwrap();
        // From 899 MB, the first of them finished, to 1000 MB.
        assert_eq!(
            growth.best().map(|rate| (rate.source, rate.bytes_per_hour)),
            Some((RateSource::Segments, 52_428_800))
        );
        let archiver = |failed: i64| {
            serde_json::from_value(json!({"known": {"archived_count": 10, "last_archived_wal": "x",
                "last_archived_time": time_at(-10), "failed_count": 1, "last_failed_wal": "x",
                "last_failed_time": time_at(failed), "stats_reset": time_at(-3_610)}}))
            .unwrap()
        };
        snapshot.archiver = archiver(-20);
        let growth = WalGrowth::from_snapshot(&snapshot, &[]).unwrap();
        assert_eq!(growth.best().map(|rate| (rate.source, rate.bytes_per_hour)), Some((RateSource::Archiver, 10 * MB)));
        snapshot.archiver = archiver(-5);
        assert_eq!(WalGrowth::from_snapshot(&snapshot, &[]).unwrap().best().unwrap().source, RateSource::Segments);
    }
}
