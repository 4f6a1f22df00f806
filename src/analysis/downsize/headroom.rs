//! Space that must stay free: for WAL during a consumer outage, for rebuilding, for growth.

use super::{Amount, Assumptions, Component, ComponentGroup, ComponentKind, Confidence, GrowthSource, WalSource};
use crate::analysis::Window;
use crate::facts::history::{HistoryView, SubjectKind, wal_peak};
use crate::facts::{Snapshot, Unavailable};
use jiff::{SignedDuration, Timestamp};

/// Minimum span in seconds of an average.
const MIN_WAL_SECONDS: f64 = 3_600.0;
const MIN_GROWTH_SECONDS: u64 = 86_400;
/// Assumed ratio of peak to average when there are no samples.
const PEAK_TO_AVERAGE: f64 = 3.0;

/// Returns the headroom for WAL beyond the size of `pg_wal` after the clean-up (`clean_wal`).
pub fn wal_headroom(
    snapshot: &Snapshot,
    assumptions: &Assumptions,
    history: &HistoryView,
    clean_wal: Option<Amount>,
) -> Component {
    let outage_seconds = assumptions.outage_seconds;
    let outage = SignedDuration::from_secs(i64::try_from(outage_seconds).unwrap_or(i64::MAX));
    let hours = outage_seconds as f64 / 3_600.0;
    let volume = |bytes_per_second: f64| (bytes_per_second * outage_seconds as f64) as u64;
    let around = |average: f64| {
        let peak = average * PEAK_TO_AVERAGE;
        Amount::from_bounds(volume(average), volume(peak), volume(peak * 2.0))
    };
    let found = if let Some(rate) = assumptions.wal_bytes_per_hour {
        Some((Amount::exact((rate as f64 * hours) as u64), WalSource::Given, Confidence::Measured))
    } else if let Some(peak) = wal_peak(&history.wal, outage) {
        // Samples give a lower bound of the peak, which is at least the average.
        let seen = peak.bytes.max(statistics_average(snapshot).map_or(0, volume));
        Some((Amount::from_bounds(seen, seen, seen + seen / 2), WalSource::History, Confidence::Likely))
    } else if let Some(average) = statistics_average(snapshot) {
        Some((around(average), WalSource::StatisticsAverage, Confidence::Rough))
    } else {
        files_average(snapshot).map(|average| (around(average), WalSource::FilesAverage, Confidence::Rough))
    };
    let cap = snapshot.settings.known().and_then(|settings| settings.bytes("max_slot_wal_keep_size"));
    let clean = clean_wal.unwrap_or_default();
    let kind = |volume_bytes, capped, source| ComponentKind::WalHeadroom {
        outage_seconds,
        volume_bytes,
        capped,
        clean_wal_bytes: clean.bytes,
        source,
    };
    match found {
        Some((volume, source, confidence)) => {
            let capped = cap.is_some_and(|cap| cap < volume.bytes);
            let volume = volume.map(|bytes| cap.map_or(bytes, |cap| bytes.min(cap)));
            // The present size of pg_wal already serves as headroom.
            let beyond = volume.map(|bytes| bytes.saturating_sub(clean.bytes));
            Component::known(ComponentGroup::Headroom, kind(volume.bytes, capped, source), beyond, confidence)
        }
        None => {
            let reason = "no history, and the WAL statistics of the server cover too short a period";
            let why = Unavailable::new("WAL volume", reason)
                .not_set_up()
                .with_hint(Some("run `pgtend history record` from a timer, or pass --wal-per-hour"));
            Component::unknown(ComponentGroup::Headroom, kind(0, false, WalSource::NotKnown), why, cap)
        }
    }
}

fn seconds_between(since: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(since).as_secs_f64()
}

fn statistics_average(snapshot: &Snapshot) -> Option<f64> {
    let statistics = snapshot.wal_statistics.known()?;
    let since = statistics.stats_reset?;
    let span = seconds_between(since, statistics.requested_at);
    (span >= MIN_WAL_SECONDS).then(|| statistics.wal_bytes as f64 / span)
}

fn files_average(snapshot: &Snapshot) -> Option<f64> {
    let directory = snapshot.wal_directory.known()?;
    let span = seconds_between(directory.oldest_modified_at?, snapshot.server.requested_at);
    let written = directory.files.saturating_sub(directory.recycled_files) * snapshot.server.wal_segment_bytes;
    (span >= MIN_WAL_SECONDS).then(|| written as f64 / span)
}

/// Returns the headroom to rebuild the largest index while the old one still exists, and to sort for it. `largest` is
/// its name and size in bytes. The largest index of an unread database is unknown and cannot exceed that database:
/// `largest_unread` bounds it.
pub fn rebuild_headroom(snapshot: &Snapshot, largest: Option<(String, u64)>, largest_unread: Option<u64>) -> Component {
    let temp_bytes = snapshot.temporary_files.known().map(|files| files.bytes);
    let (index, index_bytes) = largest.map_or((None, 0), |(name, bytes)| (Some(name), bytes));
    let kind = ComponentKind::RebuildHeadroom { index, index_bytes, temp_bytes };
    let sorted = index_bytes.saturating_mul(2);
    let temp_bytes = temp_bytes.unwrap_or(0);
    let at_most = sorted.max(largest_unread.unwrap_or(0).saturating_mul(2)).max(temp_bytes);
    let amount = Amount::from_bounds(index_bytes.max(temp_bytes), sorted.max(temp_bytes), at_most);
    let confidence = if largest_unread.is_none() { Confidence::Likely } else { Confidence::Rough };
    Component::known(ComponentGroup::Headroom, kind, amount, confidence)
}

/// Returns the growth until the horizon: as given, from history, or from row counters, in this order.
pub fn growth_component(snapshot: &Snapshot, assumptions: &Assumptions, history: &HistoryView) -> Component {
    let days = assumptions.horizon_days;
    let over = |rate: f64| (rate.max(0.0) * f64::from(days)) as u64;
    let kind = |bytes_per_day, source| ComponentKind::Growth { days, bytes_per_day, source };
    if let Some(rate) = assumptions.growth_bytes_per_day {
        let amount = Amount::exact(over(rate as f64));
        return Component::known(
            ComponentGroup::Headroom,
            kind(rate as f64, GrowthSource::Given),
            amount,
            Confidence::Measured,
        );
    }
    let cluster = history.growth.iter().find(|growth| growth.subject.kind == SubjectKind::Cluster);
    if let Some(trend) = cluster.and_then(|growth| growth.trend()) {
        let rates = [trend.bytes_per_day_low, trend.bytes_per_day, trend.bytes_per_day_high].map(over);
        let amount = Amount::from_bounds(rates[0], rates[1], rates[2]);
        return Component::known(
            ComponentGroup::Headroom,
            kind(trend.bytes_per_day, GrowthSource::History),
            amount,
            Confidence::Likely,
        );
    }
    match row_counter_growth(snapshot, history) {
        Some(rate) => {
            let amount = Amount::from_bounds(over(rate / 2.0), over(rate), over(rate * 2.0));
            Component::known(ComponentGroup::Headroom, kind(rate, GrowthSource::RowCounters), amount, Confidence::Rough)
        }
        None => {
            let reason = "no history, and the row counters of the server cover too short a period";
            let why = Unavailable::new("growth", reason)
                .not_set_up()
                .with_hint(Some("run `pgtend history record` from a timer, or pass --growth, for example --growth 0"));
            Component::unknown(ComponentGroup::Headroom, kind(0.0, GrowthSource::NotKnown), why, None)
        }
    }
}

/// Returns the growth in bytes per day from the rows inserted and deleted since the statistics reset.
fn row_counter_growth(snapshot: &Snapshot, history: &HistoryView) -> Option<f64> {
    let mut rate = 0.0;
    let mut any = false;
    for db in &snapshot.database_snapshots {
        let window = Window::from_snapshot(snapshot, db, history.index_history(&db.database))
            .observed_seconds(snapshot.server.requested_at)?;
        if window < MIN_GROWTH_SECONDS {
            return None;
        }
        for table in db.tables.known()? {
            let Some(rows) = table.row_estimate().filter(|rows| *rows > 0) else { continue };
            let bytes_of_row = (table.heap.bytes + table.toast.bytes) as f64 / rows as f64;
            rate += (table.rows_inserted - table.rows_deleted) as f64 * bytes_of_row * 86_400.0 / window as f64;
            any = true;
        }
    }
    any.then_some(rate.max(0.0))
}
