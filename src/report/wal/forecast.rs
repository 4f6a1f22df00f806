//! How long the disk lasts, and how long slots do.

use crate::{
    judge::wal::{PileUp, pile_up},
    model::{DiskSource, Slot, Snapshot, TimeLeft, Unavailable, WalGrowth, WalRoom},
    render::{human_bytes, human_duration},
    report::Gaps,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// The volume of pg_wal.
#[derive(Debug, Serialize)]
pub struct DiskLine {
    source: DiskSource,
    size_bytes: Option<u64>,
    free_bytes: u64,
    /// The size less what is known to lie there; other things take room, too.
    free_is_at_most: bool,
    /// pg_wal has a volume of its own.
    wal_is_apart: bool,
}

#[derive(Debug, Serialize)]
pub struct Forecast {
    /// Who keeps WAL without moving on; null: nobody, and pg_wal does not grow for ever, unless a gap says otherwise.
    pub pile_up: Option<PileUp>,
    /// Everybody who could was looked at.
    #[serde(skip)]
    knows_keepers: bool,
    /// Until the disk is full, were all WAL kept that is written from now on.
    pub until_full: Option<TimeLeft>,
    /// For each 100 GB, where the disk is not known.
    pub per_100_gb: Option<TimeLeft>,
    /// Slots that a limit will invalidate.
    pub slots: Option<Vec<SlotForecast>>,
}

#[derive(Debug, Serialize)]
pub struct SlotForecast {
    pub slot_name: String,
    /// WAL until `max_slot_wal_keep_size` is reached; null without that limit. The next checkpoint after that loses it.
    safe_wal_size: Option<u64>,
    pub until_lost: Option<TimeLeft>,
    /// When `idle_replication_slot_timeout` is over; null without one, or while it is in use.
    pub timeout_at: Option<Timestamp>,
}

const HUNDRED_GB: u64 = 100 << 30;

/// The disk, if somebody told of it. `field` is null otherwise.
pub fn room(snapshot: &Snapshot, fields: &[&str], gaps: &mut Gaps) -> Option<WalRoom> {
    match snapshot.wal_room() {
        Some(Ok(room)) => Some(room),
        Some(Err(why)) => {
            gaps.note(&why, fields, Vec::new());
            None
        }
        None => {
            let why = match snapshot.disk.as_result() {
                Ok(_) => Unavailable::because("disk", "neither its size nor what is free was told"),
                Err(why) => why.for_fact("disk"),
            };
            gaps.note(&why.not_set_up().with_hint(Some("--disk-size, --disk-free")), fields, Vec::new());
            None
        }
    }
}

impl DiskLine {
    pub fn of(room: &WalRoom) -> DiskLine {
        DiskLine {
            source: room.source,
            size_bytes: room.size_bytes,
            free_bytes: room.free_bytes,
            free_is_at_most: room.is_at_most,
            wal_is_apart: room.wal_is_apart,
        }
    }

    pub fn words(&self) -> String {
        let whose = if self.wal_is_apart { "on pg_wal's own volume" } else { "on the volume of the data and pg_wal" };
        let of = self.size_bytes.map(|size| format!(" of {}", human_bytes(size))).unwrap_or_default();
        let most = if self.free_is_at_most { "at most " } else { "" };
        format!("{most}{}{of} free {whose}", human_bytes(self.free_bytes))
    }
}

impl Forecast {
    pub fn of(snapshot: &Snapshot, room: Option<&WalRoom>, growth: Option<&WalGrowth>, gaps: &mut Gaps) -> Forecast {
        gaps.take(&snapshot.slots, &["wal.forecast.slots"]);
        let pile_up = pile_up(snapshot);
        let unread = keepers_unread(snapshot);
        for why in unread.iter().filter(|_| pile_up.is_none()) {
            gaps.note(why, &["wal.forecast.pile_up"], Vec::new());
        }
        Forecast {
            pile_up,
            knows_keepers: unread.is_empty(),
            until_full: room.zip(growth).map(|(room, growth)| growth.time_for(room.free_bytes)),
            per_100_gb: growth.map(|growth| growth.time_for(HUNDRED_GB)),
            slots: slots(snapshot, growth),
        }
    }

    /// Until the disk is full, in words.
    pub fn full(&self, disk: Option<&DiskLine>) -> String {
        let (left, what) = match (self.until_full, disk) {
            (Some(left), Some(disk)) => (Some(left), format!("{}: ", disk.words())),
            _ => (self.per_100_gb, "each 100 GB: ".to_owned()),
        };
        let left = left.map_or("how long they last is not known, as the rate is not".to_owned(), |left| {
            match (self.until_full, disk) {
                (Some(_), Some(_)) => format!("full in {}", words(&left)),
                _ => format!("filled in {}", words(&left)),
            }
        });
        let because = match &self.pile_up {
            Some(pile_up) => keeper(pile_up),
            None if self.knows_keepers => "were anybody to keep all WAL from now on, and nobody does".to_owned(),
            None => "were anybody to keep all WAL from now on; whether anybody does is not known".to_owned(),
        };
        format!("{what}{left}; {because}")
    }
}

/// What would have to be known to say that nobody keeps WAL.
fn keepers_unread(snapshot: &Snapshot) -> Vec<Unavailable> {
    let mut unread: Vec<Unavailable> = snapshot.slots.as_result().err().cloned().into_iter().collect();
    match snapshot.settings.as_result() {
        Err(why) => unread.push(why.clone()),
        Ok(settings) => match settings.archives(snapshot.server.in_recovery) {
            Some(true) => unread.extend(snapshot.archiver.as_result().err().cloned()),
            Some(false) => {}
            None => unread.push(Unavailable::because("settings", "archive_mode is hidden from this role")),
        },
    }
    unread
}

/// Who keeps WAL without moving on, in words.
pub fn keeper(pile_up: &PileUp) -> String {
    match pile_up {
        PileUp::Slot { slot_name, active: false } => format!("slot {slot_name} keeps all WAL, and nobody reads it"),
        PileUp::Slot { slot_name, active: true } => format!("slot {slot_name} keeps all WAL and falls behind"),
        PileUp::ArchivingFails { segment } => {
            let at = segment.as_ref().map(|segment| format!(" at {segment}")).unwrap_or_default();
            format!("archiving fails{at}, which keeps all WAL")
        }
        PileUp::NoArchiveCommand => "archive_mode is on without a command, which keeps all WAL".to_owned(),
    }
}

fn slots(snapshot: &Snapshot, growth: Option<&WalGrowth>) -> Option<Vec<SlotForecast>> {
    let slots = snapshot.slots.known()?;
    Some(slots.iter().filter_map(|slot| SlotForecast::of(snapshot, slot, growth)).collect())
}

impl SlotForecast {
    /// `None` for one that holds nothing, or that no limit threatens.
    pub fn of(snapshot: &Snapshot, slot: &Slot, growth: Option<&WalGrowth>) -> Option<SlotForecast> {
        slot.holds_from()?;
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
            until_lost: safe_wal_size.zip(growth).map(|(bytes, growth)| growth.time_for(bytes)),
            timeout_at,
        })
    }

    /// When it is lost, in words.
    pub fn sentence(&self, now: Timestamp) -> Option<String> {
        let name = &self.slot_name;
        let by_size = self.safe_wal_size.map(|bytes| {
            let left = self.until_lost.map_or("not known".to_owned(), |left| words(&left));
            format!("after {} more, in {left}", human_bytes(bytes))
        });
        let by_time = self.timeout_at.map(|at| match u64::try_from(at.duration_since(now).as_secs()) {
            Ok(seconds) => format!("in {} as unused", human_duration(seconds)),
            Err(_) => "at the next checkpoint as unused".to_owned(),
        });
        let ways: Vec<String> = [by_size, by_time].into_iter().flatten().collect();
        (!ways.is_empty()).then(|| format!("slot {name} is lost {}", ways.join(", or ")))
    }
}

/// A time that depends on the rate.
pub fn words(left: &TimeLeft) -> String {
    match (left.soonest_seconds, left.latest_seconds) {
        (Some(soonest), Some(latest)) if human_duration(soonest) == human_duration(latest) => human_duration(soonest),
        (Some(soonest), Some(latest)) => format!("{} to {}", human_duration(soonest), human_duration(latest)),
        (Some(soonest), None) => format!("{} at the highest rate seen, never at the lowest", human_duration(soonest)),
        (None, _) => "a time that nobody can tell, as no WAL is written".to_owned(),
    }
}
