//! WAL accumulation: whether something that makes no progress retains WAL.

use crate::facts::{Slot, Snapshot, WalStatus};
use serde::Serialize;

/// Cause of WAL accumulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum WalAccumulation {
    /// A slot without a consumer, or with one that falls behind.
    Slot {
        /// Name of the slot.
        slot_name: String,
        /// Whether a consumer is connected.
        active: bool,
    },
    /// Archiving fails.
    ArchivingFails {
        /// File that failed last; `None` when unknown.
        segment: Option<String>,
    },
    /// `archive_mode` is on without a command or library, so nothing is archived.
    NoArchiveCommand,
}

/// Returns the cause; a failing archiver comes before a slot.
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

/// Returns the slot with the oldest WAL among those without a consumer or with more than `max_wal_size`.
fn slot_accumulation(snapshot: &Snapshot) -> Option<WalAccumulation> {
    let falls_behind =
        |slot: &&Slot| matches!(slot.wal_status, Some(WalStatus::Extended | WalStatus::Unreserved)) || !slot.active;
    let holding = snapshot.slots.known()?.iter().filter(falls_behind);
    let (_, slot) = holding.filter_map(|slot| Some((slot.retained_from()?, slot))).min_by_key(|(from, _)| *from)?;
    Some(WalAccumulation::Slot { slot_name: slot.slot_name.clone(), active: slot.active })
}
