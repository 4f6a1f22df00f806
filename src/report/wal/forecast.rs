//! Time until the disk is full, and until slots are lost.

use crate::analysis::wal::{TimeLeft, WalAccumulation, WalGrowth, find_wal_accumulation};
use crate::facts::{DiskSource, Slot, Snapshot, Unavailable, WalHeadroom};
use crate::render::{human_bytes, human_duration};
use crate::report::Gaps;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The volume of `pg_wal`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DiskLine {
    source: DiskSource,
    size_bytes: Option<u64>,
    free_bytes: u64,
    /// Whether it is the disk size minus the known files, so that other files may reduce it.
    free_is_at_most: bool,
    /// Whether `pg_wal` has its own volume.
    wal_is_apart: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Forecast {
    /// What retains WAL without progress. Null: nothing, so `pg_wal` does not grow without bound, unless a gap says
    /// otherwise.
    pub wal_accumulation: Option<WalAccumulation>,
    /// Whether every possible holder could be read.
    #[serde(skip)]
    knows_holders: bool,
    /// Time until the disk is full if all WAL written from now on is retained.
    pub until_full: Option<TimeLeft>,
    /// Time per 100 GB, when the disk size is unknown.
    pub per_100_gb: Option<TimeLeft>,
    /// Slots that a limit will invalidate.
    pub slots: Option<Vec<SlotForecast>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct SlotForecast {
    pub slot_name: String,
    /// WAL until `max_slot_wal_keep_size` is reached; null without this limit. The next checkpoint after that
    /// invalidates the slot.
    safe_wal_size: Option<u64>,
    pub until_lost: Option<TimeLeft>,
    /// Time at which `idle_replication_slot_timeout` expires; null without this limit, or while the slot is in use.
    pub timeout_at: Option<Timestamp>,
}

const HUNDRED_GB: u64 = 100 << 30;

/// Returns the space for WAL. If it is unknown, notes that `fields` are null.
pub fn known_headroom(snapshot: &Snapshot, fields: &[&str], gaps: &mut Gaps) -> Option<WalHeadroom> {
    match snapshot.wal_headroom() {
        Some(Ok(headroom)) => Some(headroom),
        Some(Err(why)) => {
            gaps.note(&why, fields, Vec::new());
            None
        }
        None => {
            let why = match snapshot.disk.as_result() {
                Ok(_) => Unavailable::new("disk", "disk size and free space are unknown"),
                Err(why) => why.for_fact("disk"),
            };
            gaps.note(&why.not_set_up().with_hint(Some("pass --disk-size or --disk-free")), fields, Vec::new());
            None
        }
    }
}

impl DiskLine {
    pub fn new(headroom: &WalHeadroom) -> DiskLine {
        DiskLine {
            source: headroom.source,
            size_bytes: headroom.size_bytes,
            free_bytes: headroom.free_bytes,
            free_is_at_most: headroom.is_upper_bound,
            wal_is_apart: headroom.wal_on_own_volume,
        }
    }

    pub fn describe(&self) -> String {
        let volume = if self.wal_is_apart { "on the volume of pg_wal" } else { "on the volume of the data and pg_wal" };
        let total = self.size_bytes.map(|size| format!(" of {}", human_bytes(size))).unwrap_or_default();
        let most = if self.free_is_at_most { "at most " } else { "" };
        format!("{most}{}{total} free {volume}", human_bytes(self.free_bytes))
    }
}

impl Forecast {
    pub fn new(
        snapshot: &Snapshot,
        headroom: Option<&WalHeadroom>,
        growth: Option<&WalGrowth>,
        gaps: &mut Gaps,
    ) -> Forecast {
        gaps.get_or_note(&snapshot.slots, &["wal.forecast.slots"]);
        let wal_accumulation = find_wal_accumulation(snapshot);
        let unread = unread_holders(snapshot);
        for why in unread.iter().filter(|_| wal_accumulation.is_none()) {
            gaps.note(why, &["wal.forecast.wal_accumulation"], Vec::new());
        }
        Forecast {
            wal_accumulation,
            knows_holders: unread.is_empty(),
            until_full: headroom.zip(growth).map(|(headroom, growth)| growth.time_to_write(headroom.free_bytes)),
            per_100_gb: growth.map(|growth| growth.time_to_write(HUNDRED_GB)),
            slots: slot_forecasts(snapshot, growth),
        }
    }

    /// Describes the time until the disk is full.
    pub fn describe_time_until_full(&self, disk: Option<&DiskLine>) -> String {
        let time_left = match (self.until_full, disk) {
            (Some(left), Some(disk)) => Some(format!("{}: full in {}", disk.describe(), format_time_left(&left))),
            _ => self
                .per_100_gb
                .map(|left| format!("free disk space unknown: 100 GB would last {}", format_time_left(&left))),
        };
        let condition = match &self.wal_accumulation {
            Some(accumulation) => describe_accumulation(accumulation),
            None if self.knows_holders => "currently, nothing retains all new WAL".to_owned(),
            None => "whether anything retains all new WAL is unknown".to_owned(),
        };
        match time_left {
            Some(text) if self.wal_accumulation.is_some() => format!("{text}; {condition}"),
            Some(text) => format!("{text} if all new WAL is retained; {condition}"),
            None => format!("unknown, because the WAL rate is unknown; {condition}"),
        }
    }
}

/// Returns the missing facts that could show a holder of WAL.
fn unread_holders(snapshot: &Snapshot) -> Vec<Unavailable> {
    let mut unread: Vec<Unavailable> = snapshot.slots.as_result().err().cloned().into_iter().collect();
    match snapshot.settings.as_result() {
        Err(why) => unread.push(why.clone()),
        Ok(settings) => match settings.archives(snapshot.server.in_recovery) {
            Some(true) => unread.extend(snapshot.archiver.as_result().err().cloned()),
            Some(false) => {}
            None => unread.push(Unavailable::new("settings", "archive_mode is hidden from this role")),
        },
    }
    unread
}

/// Describes what retains WAL without progress.
pub fn describe_accumulation(accumulation: &WalAccumulation) -> String {
    match accumulation {
        WalAccumulation::Slot { slot_name, active: false } => {
            format!("slot {slot_name} retains all new WAL and has no consumer")
        }
        WalAccumulation::Slot { slot_name, active: true } => {
            format!("slot {slot_name} retains all new WAL, and its consumer falls behind")
        }
        WalAccumulation::ArchivingFails { segment } => {
            let position = segment.as_ref().map(|segment| format!(" at {segment}")).unwrap_or_default();
            format!("archiving fails{position}, so all new WAL is retained")
        }
        WalAccumulation::NoArchiveCommand => {
            "archive_mode is on without archive_command or archive_library, so all new WAL is retained".to_owned()
        }
    }
}

fn slot_forecasts(snapshot: &Snapshot, growth: Option<&WalGrowth>) -> Option<Vec<SlotForecast>> {
    let slots = snapshot.slots.known()?;
    Some(slots.iter().filter_map(|slot| SlotForecast::new(snapshot, slot, growth)).collect())
}

impl SlotForecast {
    /// Returns the forecast; `None` when the slot retains nothing, or no limit applies.
    pub fn new(snapshot: &Snapshot, slot: &Slot, growth: Option<&WalGrowth>) -> Option<SlotForecast> {
        slot.retained_from()?;
        let timeout = snapshot.settings.known().and_then(|settings| settings.text("idle_replication_slot_timeout"));
        let timeout: Option<i64> = timeout.and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
        let safe_wal_size = slot.safe_wal_size.map(|bytes| u64::try_from(bytes).unwrap_or(0));
        // Synced copies time out on the primary only (PostgreSQL 18 manual, idle_replication_slot_timeout).
        let idle = slot.inactive_since.filter(|_| !slot.active && slot.synced != Some(true));
        let timeout_at =
            idle.zip(timeout).and_then(|(since, timeout)| since.checked_add(SignedDuration::from_secs(timeout)).ok());
        (safe_wal_size.is_some() || timeout_at.is_some()).then(|| SlotForecast {
            slot_name: slot.slot_name.clone(),
            safe_wal_size,
            until_lost: safe_wal_size.zip(growth).map(|(bytes, growth)| growth.time_to_write(bytes)),
            timeout_at,
        })
    }

    /// Describes when the slot is lost.
    pub fn describe(&self, now: Timestamp) -> Option<String> {
        let name = &self.slot_name;
        let by_size = self.safe_wal_size.map(|bytes| {
            let time_left = self.until_lost.map_or("unknown time".to_owned(), |left| format_time_left(&left));
            format!("after {} more WAL ({time_left})", human_bytes(bytes))
        });
        let by_time = self.timeout_at.map(|timestamp| match u64::try_from(timestamp.duration_since(now).as_secs()) {
            Ok(seconds) => format!("in {} by idle_replication_slot_timeout", human_duration(seconds)),
            Err(_) => "at the next checkpoint by idle_replication_slot_timeout".to_owned(),
        });
        let causes: Vec<String> = [by_size, by_time].into_iter().flatten().collect();
        (!causes.is_empty()).then(|| format!("slot {name} is invalidated {}", causes.join(", or ")))
    }
}

/// Formats a time that depends on the rate.
pub fn format_time_left(time_left: &TimeLeft) -> String {
    match (time_left.min_seconds, time_left.max_seconds) {
        (Some(min), Some(max)) if human_duration(min) == human_duration(max) => human_duration(min),
        (Some(min), Some(max)) => format!("{} to {}", human_duration(min), human_duration(max)),
        (Some(min), None) => format!("{} at the highest observed rate, never at the lowest", human_duration(min)),
        (None, _) => "an unknown time (no WAL is written)".to_owned(),
    }
}
