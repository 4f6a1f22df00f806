//! Share of full page images in the WAL, and settings that reduce it.
//!
//! The first change of a page after a checkpoint writes the whole page (PostgreSQL manual, `full_page_writes`), so fewer
//! checkpoints write fewer images. 19 counts their bytes. Before, the number of images times the page size is an upper
//! bound, because holes are omitted and images may be compressed
//! (docs/reference/wal.md#full-page-images).

use crate::analysis::wal::WalGrowth;
use crate::facts::{Snapshot, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// Minimum share of the WAL for recommendations.
const MIN_SHARE: f64 = 0.2;

/// Minimum bytes per hour for recommendations.
const MIN_BYTES_PER_HOUR: u64 = 100 << 20;

/// Longest recommended `checkpoint_timeout` in seconds. A longer one makes crash recovery long.
const MAX_TIMEOUT: u64 = 1_800;

/// Setting that reduces full page images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "id", rename_all = "kebab-case")]
pub enum WalRecommendation {
    /// WAL volume triggers checkpoints before `checkpoint_timeout`. A larger `max_wal_size` avoids that.
    MaxWalSize {
        /// Seconds between checkpoints at the highest rate.
        seconds_between: u64,
        /// Present `checkpoint_timeout` in seconds.
        checkpoint_timeout: u64,
        /// Present `max_wal_size` in bytes.
        max_wal_size: u64,
        /// Recommended `max_wal_size` in bytes.
        wanted_bytes: u64,
    },
    /// Checkpoints are timed. A longer `checkpoint_timeout` at least halves their number.
    CheckpointTimeout {
        /// Present `checkpoint_timeout` in seconds.
        checkpoint_timeout: u64,
        /// Recommended `checkpoint_timeout` in seconds.
        wanted_seconds: u64,
        /// Present `max_wal_size` in bytes.
        max_wal_size: u64,
        /// `max_wal_size` in bytes that the longer timeout needs.
        wanted_bytes: u64,
    },
    /// `wal_compression` is off. It compresses full page images only.
    WalCompression {
        /// Bytes per hour of full page images, an upper bound of the saving.
        at_most_bytes_per_hour: u64,
    },
}

/// Full page images as a part of the WAL.
#[derive(Clone, Debug, PartialEq)]
pub struct FullPageStats {
    /// Full page images since the statistics began (`pg_stat_wal.wal_fpi`).
    pub images: u64,
    /// Bytes of WAL since the statistics began.
    pub wal_bytes: u64,
    /// Whether the server counts the bytes in full page images, from 19 on; the bounds are then exact.
    pub is_exact: bool,
    /// Upper bound of the bytes in full page images.
    pub bytes_at_most: u64,
    /// The same as a share of the WAL, 0 to 1.
    pub share_at_most: f64,
    /// Timed and requested checkpoints since their statistics began; `None` when unknown.
    pub checkpoints: Option<(u64, u64)>,
    /// Settings that reduce full page images; empty when the effect is small.
    pub recommendations: Vec<WalRecommendation>,
}

impl FullPageStats {
    /// Computes the figures from the statistics since their reset.
    ///
    /// # Errors
    ///
    /// Returns the reason on a standby, which does not generate WAL, and when `pg_stat_wal` could not be read.
    pub fn new(snapshot: &Snapshot, growth: Option<&WalGrowth>) -> Result<FullPageStats, Unavailable> {
        if snapshot.server.in_recovery {
            let reason = "a standby does not generate WAL";
            return Err(Unavailable::new("full page images", reason));
        }
        let statistics = snapshot.wal_statistics.as_result().map_err(|why| why.for_fact("full page images"))?;
        let pages = statistics.wal_fpi.saturating_mul(snapshot.server.block_size_bytes);
        let bytes_at_most = statistics.wal_fpi_bytes.unwrap_or(pages).min(statistics.wal_bytes);
        let share_at_most =
            if statistics.wal_bytes == 0 { 0.0 } else { bytes_at_most as f64 / statistics.wal_bytes as f64 };
        let mut recommendations = Vec::new();
        if let Some(growth) = growth.filter(|growth| growth.high >= MIN_BYTES_PER_HOUR)
            && share_at_most >= MIN_SHARE
        {
            recommendations.extend(recommend_checkpoint_settings(snapshot, growth));
            let settings = snapshot.settings.known();
            if settings.and_then(|settings| settings.is_on("wal_compression")) == Some(false) {
                let rate = growth.best().map_or(0, |rate| rate.bytes_per_hour);
                recommendations.push(WalRecommendation::WalCompression {
                    at_most_bytes_per_hour: (rate as f64 * share_at_most) as u64,
                });
            }
        }
        let checkpoints = snapshot.checkpoints.known().map(|found| (found.timed, found.requested));
        let is_exact = statistics.wal_fpi_bytes.is_some();
        let (images, wal_bytes) = (statistics.wal_fpi, statistics.wal_bytes);
        Ok(FullPageStats { images, wal_bytes, is_exact, bytes_at_most, share_at_most, checkpoints, recommendations })
    }
}

/// A checkpoint begins when `max_wal_size / (1 + checkpoint_completion_target)` was written since the previous one
/// (PostgreSQL source, `CalculateCheckpointSegments`), or at `checkpoint_timeout`.
fn recommend_checkpoint_settings(snapshot: &Snapshot, growth: &WalGrowth) -> Option<WalRecommendation> {
    let settings = snapshot.settings.known()?;
    let max_wal_size = settings.bytes("max_wal_size")?;
    let checkpoint_timeout: u64 = settings.text("checkpoint_timeout")?.parse().ok()?;
    let target: f64 = settings.text("checkpoint_completion_target")?.parse().ok()?;
    let seconds_between = growth.time_to_write((max_wal_size as f64 / (1.0 + target)) as u64).min_seconds?;
    let wanted_size = |seconds: u64| {
        let bytes = growth.high as f64 / 3_600.0 * seconds as f64 * (1.0 + target);
        (bytes as u64).div_ceil(1 << 30) << 30
    };
    if seconds_between < checkpoint_timeout {
        let wanted_bytes = wanted_size(checkpoint_timeout);
        Some(WalRecommendation::MaxWalSize { seconds_between, checkpoint_timeout, max_wal_size, wanted_bytes })
    } else if checkpoint_timeout * 2 <= MAX_TIMEOUT {
        let wanted_bytes = wanted_size(MAX_TIMEOUT).max(max_wal_size);
        Some(WalRecommendation::CheckpointTimeout {
            checkpoint_timeout,
            wanted_seconds: MAX_TIMEOUT,
            max_wal_size,
            wanted_bytes,
        })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::wal::{ObservedRate, RateSource};
    use crate::facts::Fact;
    use serde_json::json;

    const GB: u64 = 1 << 30;

    fn snapshot(images: u64, wal_bytes: u64, settings: &[(&str, &str, &str)]) -> Snapshot {
        let now = "2026-06-01T00:00:00Z";
        let setting = |(name, setting, unit): &(&str, &str, &str)| {
            json!({"name": name, "setting": setting, "unit": (!unit.is_empty()).then_some(unit), "source": "default",
                "pending_restart": false})
        };
        serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": now,
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": now, "requested_at": now, "block_size_bytes": 8192, "wal_segment_bytes": 16_777_216},
            "wal_statistics": {"known": {"wal_records": 1, "wal_fpi": images, "wal_bytes": wal_bytes,
                "stats_reset": now, "requested_at": now}},
            "settings": {"known": settings.iter().map(setting).collect::<Vec<_>>()},
        }))
        .unwrap()
    }

    fn growth(rate: u64) -> WalGrowth {
        let observed = ObservedRate { bytes_per_hour: rate, source: RateSource::PgStatWal, span_seconds: 86_400.0 };
        WalGrowth { rates: vec![observed], low: rate, high: rate }
    }

    fn settings<'a>(max_wal_size: &'a str, timeout: &'a str, compression: &'a str) -> [(&'a str, &'a str, &'a str); 4] {
        [
            ("max_wal_size", max_wal_size, "MB"),
            ("checkpoint_timeout", timeout, "s"),
            ("checkpoint_completion_target", "0.9", ""),
            ("wal_compression", compression, ""),
        ]
    }

    #[test]
    fn full_page_bound_is_at_most_all_wal() {
        let found = FullPageStats::new(&snapshot(GB, GB, &[]), None).unwrap();
        assert_eq!((found.bytes_at_most, found.share_at_most, found.recommendations.len()), (GB, 1.0, 0));
        assert_eq!(FullPageStats::new(&snapshot(0, 0, &[]), None).unwrap().share_at_most, 0.0);
    }

    #[test]
    fn full_page_bytes_are_exact_from_19_on() {
        let mut snapshot = snapshot(20_494, 116_489_989, &[]);
        let bound = FullPageStats::new(&snapshot, None).unwrap();
        assert_eq!((bound.is_exact, bound.share_at_most), (false, 1.0));
        let Fact::Known(statistics) = &mut snapshot.wal_statistics else { panic!() };
        statistics.wal_fpi_bytes = Some(22_648_967);
        let exact = FullPageStats::new(&snapshot, None).unwrap();
        assert_eq!((exact.is_exact, exact.bytes_at_most), (true, 22_648_967));
        assert!((exact.share_at_most - 0.194).abs() < 0.001, "{exact:?}");
    }

    #[test]
    fn full_page_forced_checkpoints_need_max_wal_size() {
        // 19 GB an hour; max_wal_size 1 GB is 539 MB a checkpoint, 100 s.
        let snapshot = snapshot(100_000, GB, &settings("1024", "300", "off"));
        let found = FullPageStats::new(&snapshot, Some(&growth(19 * GB))).unwrap();
        let WalRecommendation::MaxWalSize { seconds_between, wanted_bytes, .. } = found.recommendations[0] else {
            panic!("{found:?}")
        };
        // 1.58 GB in 300 s, times 1.9.
        assert_eq!((seconds_between, wanted_bytes), (99, 4 * GB));
        assert!(matches!(found.recommendations[1], WalRecommendation::WalCompression { .. }));
    }

    #[test]
    fn full_page_timed_checkpoints_need_timeout() {
        let snapshot = snapshot(100_000, GB, &settings("16384", "300", "pglz"));
        let found = FullPageStats::new(&snapshot, Some(&growth(GB))).unwrap();
        let [WalRecommendation::CheckpointTimeout { wanted_seconds, wanted_bytes, .. }] = found.recommendations[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((wanted_seconds, wanted_bytes), (1_800, 16 * GB));
        assert!(FullPageStats::new(&snapshot, Some(&growth(1 << 20))).unwrap().recommendations.is_empty());
    }
}
