//! Whether WAL piles up: whether something keeps it that does not move on.

use crate::facts::{Slot, Snapshot, WalStatus};
use serde::Serialize;

/// Who keeps WAL without moving on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum WalAccumulation {
    /// A slot that nobody uses, or whose consumer falls behind.
    Slot { slot_name: String, active: bool },
    /// Archiving fails at this segment.
    ArchivingFails { segment: Option<String> },
    /// `archive_mode` is on without a command: nothing is ever archived.
    NoArchiveCommand,
}

/// The first of them: what never ends by itself before what may.
pub fn find_wal_accumulation(snapshot: &Snapshot) -> Option<WalAccumulation> {
    archiver_accumulation(snapshot).or_else(|| slot_accumulation(snapshot))
}

fn archiver_accumulation(snapshot: &Snapshot) -> Option<WalAccumulation> {
    let settings = snapshot.settings.known()?;
    if !settings.archives(snapshot.server.in_recovery)? {
        return None;
    }
    if settings.has_archive_command() == Some(false) {
        return Some(WalAccumulation::NoArchiveCommand);
    }
    let archiver = snapshot.archiver.known()?;
    (archiver.last_failed_time > archiver.last_archived_time)
        .then(|| WalAccumulation::ArchivingFails { segment: archiver.last_failed_wal.clone() })
}

/// The slot that reaches back furthest of those nobody uses, or that hold more than `max_wal_size`.
fn slot_accumulation(snapshot: &Snapshot) -> Option<WalAccumulation> {
    let falls_behind =
        |slot: &&Slot| matches!(slot.wal_status, Some(WalStatus::Extended | WalStatus::Unreserved)) || !slot.active;
    let holding = snapshot.slots.known()?.iter().filter(falls_behind);
    let (_, slot) = holding.filter_map(|slot| Some((slot.retained_from()?, slot))).min_by_key(|(from, _)| *from)?;
    Some(WalAccumulation::Slot { slot_name: slot.slot_name.clone(), active: slot.active })
}
