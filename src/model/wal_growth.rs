//! How fast WAL is written, by every account there is of it.

use super::{Snapshot, Unavailable, past::WalInterval};
use serde::Serialize;

/// Where a rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    /// Two looks of this run.
    Sample,
    /// Positions of earlier looks.
    History,
    /// An average since the statistics of WAL began.
    PgStatWal,
    /// Segments archived since the statistics of the archiver began.
    Archiver,
    /// The age of the oldest segment in pg_wal.
    Segments,
}

/// WAL written over a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedRate {
    pub bytes_per_hour: u64,
    pub source: RateSource,
    pub span_seconds: f64,
}

/// Every account of the rate, the best first, and how far they are apart.
#[derive(Clone, Debug, PartialEq)]
pub struct WalGrowth {
    pub rates: Vec<ObservedRate>,
    /// The least and the most of them, bytes an hour, the peaks between two looks included.
    pub low: u64,
    pub high: u64,
}

/// A time that depends on the rate; `None`: never, at that rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeLeft {
    /// At the highest rate seen.
    pub soonest_seconds: Option<u64>,
    /// At the lowest.
    pub latest_seconds: Option<u64>,
}

/// Seconds; an average over less is mostly the noise of the start.
const SHORTEST_SPAN: f64 = 60.0;

/// Seconds; less tells nothing of how far rates are apart.
const SHORTEST_PEAK: f64 = 600.0;

impl WalGrowth {
    /// All that the snapshot and the intervals between earlier looks tell; or why nothing does.
    pub fn of(snapshot: &Snapshot, remembered: &[WalInterval]) -> Result<WalGrowth, Unavailable> {
        let sampled = sampled(snapshot)?;
        let mut rates: Vec<ObservedRate> = sampled.into_iter().collect();
        rates.extend(of_late(remembered));
        let (statistics, why) = match of_statistics(snapshot) {
            Ok(rate) => (Some(rate), None),
            Err(why) => (None, Some(why)),
        };
        rates.extend(statistics);
        // Each of these counts whole segments, switched away from too early or not, as the disk does.
        rates.extend(of_archiver(snapshot));
        if rates.is_empty() {
            rates.extend(of_segments(snapshot));
        }
        let Some(best) = rates.first() else {
            return Err(why.unwrap_or_else(|| Unavailable::because("wal rate", "nothing tells it")));
        };
        let peaks =
            remembered.iter().filter(|one| seconds(one) >= SHORTEST_PEAK).map(|one| hourly(one.bytes, seconds(one)));
        let steady = rates.iter().filter(|rate| rate.span_seconds >= SHORTEST_PEAK).map(|rate| rate.bytes_per_hour);
        let all: Vec<u64> = steady.chain(peaks).chain([best.bytes_per_hour]).collect();
        let (low, high) = (all.iter().min().copied().unwrap_or(0), all.iter().max().copied().unwrap_or(0));
        Ok(WalGrowth { rates, low, high })
    }

    pub fn best(&self) -> Option<&ObservedRate> {
        self.rates.first()
    }

    /// How long until so much more WAL is written.
    pub fn time_for(&self, bytes: u64) -> TimeLeft {
        let seconds = |rate: u64| (rate > 0).then(|| (bytes as f64 / rate as f64 * 3_600.0) as u64);
        TimeLeft { soonest_seconds: seconds(self.high), latest_seconds: seconds(self.low) }
    }
}

fn seconds(interval: &WalInterval) -> f64 {
    interval.to.duration_since(interval.from).as_secs_f64()
}

fn hourly(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds * 3_600.0) as u64
}

fn sampled(snapshot: &Snapshot) -> Result<Option<ObservedRate>, Unavailable> {
    let (Some(first), Some(second)) = (snapshot.wal_position.known(), &snapshot.wal_position_later) else {
        return Ok(None);
    };
    let span_seconds = second.asked_at.duration_since(first.asked_at).as_secs_f64();
    match (first.current_lsn, second.current_lsn) {
        (Some(from), Some(to)) if span_seconds > 0.0 => {
            let bytes_per_hour = hourly(to.bytes_since(from), span_seconds);
            Ok(Some(ObservedRate { bytes_per_hour, source: RateSource::Sample, span_seconds }))
        }
        _ => Err(Unavailable::because("wal rate", "one of the two looks found no WAL position")),
    }
}

/// The newest intervals, of the last day if they are as short.
fn of_late(remembered: &[WalInterval]) -> Option<ObservedRate> {
    let until = remembered.last()?.to;
    let recent = |one: &&WalInterval| until.duration_since(one.from).as_secs() <= 86_400;
    let mut newest: Vec<&WalInterval> = remembered.iter().filter(recent).collect();
    if newest.is_empty() {
        newest.extend(remembered.last());
    }
    let span_seconds: f64 = newest.iter().copied().map(seconds).sum();
    let bytes = newest.iter().map(|one| one.bytes).sum();
    (span_seconds >= SHORTEST_SPAN).then(|| ObservedRate {
        bytes_per_hour: hourly(bytes, span_seconds),
        source: RateSource::History,
        span_seconds,
    })
}

/// The average since the statistics began. A standby's own do not count the WAL it replays.
fn of_statistics(snapshot: &Snapshot) -> Result<ObservedRate, Unavailable> {
    let sample = Some("pgtend wal --sample 10s");
    if snapshot.server.in_recovery {
        let reason = "a standby keeps no statistics of the WAL it replays";
        return Err(Unavailable::because("wal rate", reason).not_set_up().with_hint(sample));
    }
    let statistics = snapshot.wal_statistics.as_result().map_err(|why| {
        let hint = why.hint.as_deref().or(sample);
        why.for_fact("wal rate").with_hint(hint)
    })?;
    let span_seconds =
        statistics.stats_reset.map_or(0.0, |since| statistics.asked_at.duration_since(since).as_secs_f64());
    if span_seconds < SHORTEST_SPAN {
        let reason = "the WAL statistics have only just begun";
        return Err(Unavailable::because("wal rate", reason).not_set_up().with_hint(sample));
    }
    let bytes_per_hour = hourly(statistics.wal_bytes, span_seconds);
    Ok(ObservedRate { bytes_per_hour, source: RateSource::PgStatWal, span_seconds })
}

fn of_archiver(snapshot: &Snapshot) -> Option<ObservedRate> {
    let archiver = snapshot.archiver.known().filter(|_| !snapshot.server.in_recovery)?;
    // Where archiving fails, what was archived says nothing of what was written.
    if archiver.last_failed_time > archiver.last_archived_time {
        return None;
    }
    let span_seconds = archiver.last_archived_time?.duration_since(archiver.stats_reset?).as_secs_f64();
    let bytes = archiver.archived_count.checked_mul(snapshot.server.wal_segment_bytes)?;
    (span_seconds >= SHORTEST_SPAN && archiver.archived_count > 1).then(|| ObservedRate {
        bytes_per_hour: hourly(bytes, span_seconds),
        source: RateSource::Archiver,
        span_seconds,
    })
}

/// What was written after the oldest segment was finished. Only where something holds some back.
fn of_segments(snapshot: &Snapshot) -> Option<ObservedRate> {
    let directory = snapshot.wal_directory.known()?;
    let segment = snapshot.server.wal_segment_bytes;
    let position = snapshot.wal_position.known()?;
    let span_seconds = position.asked_at.duration_since(directory.oldest_modified_at?).as_secs_f64();
    let bytes = position.current_lsn?.bytes_since(directory.oldest_lsn?).checked_sub(segment)?;
    (span_seconds >= SHORTEST_SPAN && bytes >= 4 * segment).then(|| ObservedRate {
        bytes_per_hour: hourly(bytes, span_seconds),
        source: RateSource::Segments,
        span_seconds,
    })
}

/// The WAL written from each look to the next; `now` is the last.
pub fn between_looks(earlier: &[Snapshot], now: &Snapshot) -> Vec<WalInterval> {
    let mut placed: Vec<_> = earlier
        .iter()
        .chain([now])
        .filter_map(|snapshot| Some((snapshot.collected_at, snapshot.current_lsn()?)))
        .collect();
    placed.sort_by_key(|(at, _)| *at);
    let between = |pair: &[(jiff::Timestamp, super::Lsn)]| WalInterval {
        from: pair[0].0,
        to: pair[1].0,
        bytes: pair[1].1.bytes_since(pair[0].1),
    };
    placed.windows(2).map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;
    use jiff::Timestamp;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const MB: u64 = 1 << 20;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    /// A primary at 1000 MB.
    fn snapshot() -> Snapshot {
        serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": at(0),
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": at(0), "asked_at": at(0), "block_size_bytes": 8192, "wal_segment_bytes": MB},
            "wal_position": {"known": {"current_lsn": "0/3E800000", "replay_lsn": null, "asked_at": at(0)}},
        }))
        .unwrap()
    }

    fn statistics(seconds: i64, wal_bytes: u64) -> Fact<crate::model::WalStatistics> {
        let json = json!({"known": {"wal_records": 1, "wal_fpi": 1, "wal_bytes": wal_bytes,
            "stats_reset": at(-seconds), "asked_at": at(0)}});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn without_any_account_the_reason_is_told() {
        let mut snapshot = snapshot();
        assert!(WalGrowth::of(&snapshot, &[]).is_err());
        snapshot.wal_statistics = statistics(30, MB);
        let why = WalGrowth::of(&snapshot, &[]).unwrap_err();
        assert!(why.reason.contains("just begun") && why.hint.is_some(), "{why:?}");
        snapshot.wal_statistics = statistics(3_600, MB);
        snapshot.server.in_recovery = true;
        assert!(WalGrowth::of(&snapshot, &[]).unwrap_err().reason.contains("standby"));
    }

    #[test]
    fn what_was_seen_of_late_comes_before_a_long_average_and_both_make_the_range() {
        let mut snapshot = snapshot();
        snapshot.wal_statistics = statistics(36_000, 100 * MB);
        let interval = |from: i64, to: i64, bytes| WalInterval { from: at(from), to: at(to), bytes };
        let remembered = [interval(-7_200, -3_600, 90 * MB), interval(-3_600, 0, 30 * MB)];
        let growth = WalGrowth::of(&snapshot, &remembered).unwrap();
        let best = growth.best().unwrap();
        assert_eq!((best.source, best.bytes_per_hour), (RateSource::History, 60 * MB));
        assert_eq!((growth.low, growth.high), (10 * MB, 90 * MB));
        let left = growth.time_for(180 * MB);
        assert_eq!((left.soonest_seconds, left.latest_seconds), (Some(7_200), Some(64_800)));
    }

    #[test]
    fn a_quiet_server_never_fills_a_disk() {
        let mut snapshot = snapshot();
        snapshot.wal_statistics = statistics(3_600, 0);
        let left = WalGrowth::of(&snapshot, &[]).unwrap().time_for(1);
        assert_eq!((left.soonest_seconds, left.latest_seconds), (None, None));
    }

    #[test]
    fn the_age_of_held_segments_is_the_last_resort_and_a_failing_archiver_none() {
        let mut snapshot = snapshot();
        snapshot.wal_directory = serde_json::from_value(json!({"known": {"directory_bytes": 0, "files": 1,
            "recycled_files": 0, "recycled_bytes": 0, "oldest_lsn": "0/38300000", "oldest_modified_at": at(-7_200)}}))
        .unwrap();
        let growth = WalGrowth::of(&snapshot, &[]).unwrap();
        // From 899 MB, the first of them finished, to 1000 MB.
        assert_eq!(
            growth.best().map(|rate| (rate.source, rate.bytes_per_hour)),
            Some((RateSource::Segments, 52_428_800))
        );
        let archiver = |failed: i64| {
            serde_json::from_value(json!({"known": {"archived_count": 10, "last_archived_wal": "x",
                "last_archived_time": at(-10), "failed_count": 1, "last_failed_wal": "x",
                "last_failed_time": at(failed), "stats_reset": at(-3_610)}}))
            .unwrap()
        };
        snapshot.archiver = archiver(-20);
        let growth = WalGrowth::of(&snapshot, &[]).unwrap();
        assert_eq!(growth.best().map(|rate| (rate.source, rate.bytes_per_hour)), Some((RateSource::Archiver, 10 * MB)));
        snapshot.archiver = archiver(-5);
        assert_eq!(WalGrowth::of(&snapshot, &[]).unwrap().best().unwrap().source, RateSource::Segments);
    }
}
