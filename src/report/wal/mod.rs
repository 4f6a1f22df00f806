//! `pgtend wal`: position of WAL, content of `pg_wal` and what retains it, writers, and forecasts.

mod archiver;
mod document;
mod forecast;
mod holders;
mod prevention;
mod writers;

pub(super) use forecast::{DiskLine, SlotForecast, format_time_left, known_headroom};

use super::{Gaps, Report};
use crate::analysis::wal::{RateSource, WalGrowth};
use crate::facts::history::WalInterval;
use crate::facts::{Settings, Snapshot, Unavailable};
use crate::render::Document;
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend wal`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WalReport {
    wal: Wal,
    #[serde(skip)]
    collected_at: Timestamp,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Wal {
    current_lsn: Option<Lsn>,
    /// Standbys only.
    replay_lsn: Option<Lsn>,
    redo_lsn: Option<Lsn>,
    checkpoint_time: Option<Timestamp>,
    directory_bytes: Option<u64>,
    files: Option<u64>,
    recycled_files: Option<u64>,
    recycled_bytes: Option<u64>,
    oldest_lsn: Option<Lsn>,
    oldest_modified_at: Option<Timestamp>,
    rate_bytes_per_hour: Option<u64>,
    rate_source: Option<RateSource>,
    /// Seconds over which the rate was observed.
    rate_span_seconds: Option<f64>,
    /// Lowest and highest rate of all sources, including intervals between samples.
    rate_low_bytes_per_hour: Option<u64>,
    rate_high_bytes_per_hour: Option<u64>,
    settings: Option<Bounds>,
    archiver: Option<archiver::ArchiverState>,
    /// Holders of WAL, the one with the oldest position first.
    holders: Option<Vec<holders::HolderLine>>,
    /// Statements that write most WAL, from pg_stat_statements.
    statements: Option<writers::Statements>,
    /// Processes that have written most WAL since their start; 18 and newer.
    backends: Option<Vec<writers::BackendLine>>,
    /// Null on a standby, which writes none.
    full_page_images: Option<writers::FullPageImages>,
    disk: Option<forecast::DiskLine>,
    forecast: forecast::Forecast,
    prevention: Option<prevention::PreventionLine>,
}

const RATE: [&str; 5] = [
    "wal.rate_bytes_per_hour",
    "wal.rate_source",
    "wal.rate_span_seconds",
    "wal.rate_low_bytes_per_hour",
    "wal.rate_high_bytes_per_hour",
];

impl WalReport {
    /// Builds the report. `history` is the WAL written between earlier samples of the same server, the oldest first.
    pub fn new(snapshot: &Snapshot, history: &[WalInterval], gaps: &mut Gaps) -> WalReport {
        let position = gaps.get_or_note(&snapshot.wal_position, &["wal.current_lsn", "wal.replay_lsn"]);
        let current_lsn = position.and_then(|position| position.current_lsn);
        if position.is_some() && current_lsn.is_none() {
            let reason = "the standby has neither received nor replayed WAL since it started";
            gaps.note(&Unavailable::new("wal position", reason), &["wal.current_lsn"], Vec::new());
        }
        let control = gaps.get_or_note(&snapshot.control, &["wal.redo_lsn", "wal.checkpoint_time"]);
        let of_directory = [
            "wal.directory_bytes",
            "wal.files",
            "wal.recycled_files",
            "wal.recycled_bytes",
            "wal.oldest_lsn",
            "wal.oldest_modified_at",
        ];
        let directory = gaps.get_or_note(&snapshot.wal_directory, &of_directory);
        let growth = wal_growth(snapshot, history, &RATE, gaps);
        let growth = growth.as_ref();
        let rate = growth.and_then(WalGrowth::best);
        if growth.is_none() {
            note_missing_growth(snapshot, history, gaps);
        }
        let settings = gaps.get_or_note(
            &snapshot.settings,
            &["wal.settings", "wal.archiver.archive_mode", "wal.archiver.has_command", "wal.prevention"],
        );
        let headroom = forecast::known_headroom(snapshot, &["wal.disk", "wal.forecast.until_full"], gaps);
        gaps.get_or_note(&snapshot.slots, &["wal.prevention"]);
        let wal = Wal {
            current_lsn,
            replay_lsn: position.and_then(|position| position.replay_lsn),
            redo_lsn: control.map(|control| control.redo_lsn),
            checkpoint_time: control.map(|control| control.checkpoint_time),
            directory_bytes: directory.map(|directory| directory.directory_bytes),
            files: directory.map(|directory| directory.files),
            recycled_files: directory.map(|directory| directory.recycled_files),
            recycled_bytes: directory.map(|directory| directory.recycled_bytes),
            oldest_lsn: directory.and_then(|directory| directory.oldest_lsn),
            oldest_modified_at: directory.and_then(|directory| directory.oldest_modified_at),
            rate_bytes_per_hour: rate.map(|rate| rate.bytes_per_hour),
            rate_source: rate.map(|rate| rate.source),
            rate_span_seconds: rate.map(|rate| rate.span_seconds),
            rate_low_bytes_per_hour: growth.map(|growth| growth.low),
            rate_high_bytes_per_hour: growth.map(|growth| growth.high),
            settings: settings.map(|settings| Bounds::new(settings, snapshot.server.wal_segment_bytes)),
            archiver: archiver::ArchiverState::new(snapshot, settings, gaps),
            holders: holders::holders(snapshot, gaps),
            statements: writers::top_statements(snapshot, gaps),
            backends: writers::top_backends(snapshot, gaps),
            full_page_images: writers::full_page_image_stats(snapshot, growth, gaps),
            disk: headroom.as_ref().map(forecast::DiskLine::new),
            forecast: forecast::Forecast::new(snapshot, headroom.as_ref(), growth, gaps),
            prevention: prevention::PreventionLine::new(snapshot, headroom, growth),
        };
        WalReport { wal, collected_at: snapshot.collected_at }
    }
}

/// Returns the rates of all sources; `fields` are null without one.
pub(super) fn wal_growth(
    snapshot: &Snapshot,
    history: &[WalInterval],
    fields: &[&str],
    gaps: &mut Gaps,
) -> Option<WalGrowth> {
    match WalGrowth::from_snapshot(snapshot, history) {
        Ok(growth) => Some(growth),
        Err(why) => {
            gaps.note(&why, fields, Vec::new());
            None
        }
    }
}

fn note_missing_growth(snapshot: &Snapshot, history: &[WalInterval], gaps: &mut Gaps) {
    let mut fields = vec!["wal.forecast.per_100_gb", "wal.forecast.until_full"];
    let limited = |slot: &crate::facts::Slot| slot.retained_from().is_some() && slot.safe_wal_size.is_some();
    if snapshot.slots.known().is_some_and(|slots| slots.iter().any(limited)) {
        fields.push("wal.forecast.slots[].until_lost");
    }
    wal_growth(snapshot, history, &fields, gaps);
}

impl Report for WalReport {
    const COMMAND: &'static str = "wal";

    fn document(&self) -> Document {
        document::wal_document(&self.wal, self.collected_at)
    }
}

/// Settings that bound `pg_wal`. Null: not set, or unknown to this version.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bounds {
    wal_level: Option<String>,
    pub min_wal_size_bytes: Option<u64>,
    pub max_wal_size_bytes: Option<u64>,
    pub wal_keep_size_bytes: Option<u64>,
    /// Null: slots may retain WAL without limit.
    pub max_slot_wal_keep_size_bytes: Option<u64>,
    /// Seconds; null before 18.
    idle_replication_slot_timeout: Option<u64>,
    checkpoint_timeout_seconds: Option<u64>,
    wal_segment_bytes: u64,
    wal_compression: Option<String>,
    wal_recycle: Option<bool>,
    summarize_wal: Option<bool>,
}

impl Bounds {
    pub fn new(settings: &Settings, wal_segment_bytes: u64) -> Bounds {
        let text = |name| settings.text(name).map(str::to_owned);
        let number = |name| settings.text(name).and_then(|text| text.parse().ok());
        Bounds {
            wal_level: text("wal_level"),
            min_wal_size_bytes: settings.bytes("min_wal_size"),
            max_wal_size_bytes: settings.bytes("max_wal_size"),
            wal_keep_size_bytes: settings.bytes("wal_keep_size"),
            max_slot_wal_keep_size_bytes: settings.bytes("max_slot_wal_keep_size"),
            idle_replication_slot_timeout: number("idle_replication_slot_timeout"),
            checkpoint_timeout_seconds: number("checkpoint_timeout"),
            wal_segment_bytes,
            wal_compression: text("wal_compression"),
            wal_recycle: settings.is_on("wal_recycle"),
            summarize_wal: settings.is_on("summarize_wal"),
        }
    }
}
