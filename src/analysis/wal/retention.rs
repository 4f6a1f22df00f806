//! Holders of WAL in `pg_wal`, and the position from which each retains it.

use crate::facts::{Fact, Slot, Snapshot, Unavailable, WalStatus};
use crate::units::Lsn;
use schemars::JsonSchema;
use serde::Serialize;

/// Why WAL is retained.
///
/// When several holders start at the same segment, the WAL counts for the first in this order: the least avoidable one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Crash recovery begins at the redo position of the last checkpoint.
    Checkpoint,
    /// The WAL summarizer (`summarize_wal`) has not read it yet.
    Summarizer,
    /// It is not archived yet.
    Archiver,
    /// `wal_keep_size`.
    WalKeepSize,
    /// A replication slot.
    Slot,
}

/// Something that retains WAL from a position on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Why it retains WAL.
    pub cause: Cause,
    /// Name of the slot; `None` for other causes.
    pub name: Option<String>,
    /// Position from which WAL is retained.
    pub from: Lsn,
}

/// Every holder of WAL and the current position of WAL (docs/reference/wal.md#what-retains-wal).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Present position: written on a primary, received or replayed on a standby.
    pub current: Lsn,
    /// Holders, in no order.
    pub holders: Vec<Holder>,
    /// Size of a WAL segment in bytes.
    pub wal_segment_bytes: u64,
}

/// Holders that are known, and the causes that are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialRetention {
    /// The known holders.
    pub retention: Retention,
    /// Causes with an unknown position, and the reasons.
    pub missing: Vec<(Cause, Unavailable)>,
    /// Whether the archiver's position is derived from the file that it last archived or failed at.
    pub archiver_is_estimated: bool,
}

impl Retention {
    /// Collects the holders.
    ///
    /// # Errors
    ///
    /// Returns the reason when one of the facts is missing; the reclaimable WAL of a slot is then unknown.
    pub fn from_snapshot(snapshot: &Snapshot) -> Result<Retention, Unavailable> {
        let partial = Retention::from_known_facts(snapshot)?;
        match partial.missing.into_iter().next() {
            Some((_, why)) => Err(why),
            None if partial.archiver_is_estimated => Err(unavailable_reason(&snapshot.archive_status)),
            None => Ok(partial.retention),
        }
    }

    /// Collects the holders that are known.
    ///
    /// # Errors
    ///
    /// Returns the reason when the position of WAL is unknown.
    pub fn from_known_facts(snapshot: &Snapshot) -> Result<PartialRetention, Unavailable> {
        let position = snapshot.wal_position.as_result().map_err(Clone::clone)?;
        let current = position.current_lsn.ok_or_else(|| {
            Unavailable::new("wal position", "the standby has neither received nor replayed WAL since it started")
        })?;
        let wal_segment_bytes = snapshot.server.wal_segment_bytes.max(1);
        let mut holders = Vec::new();
        let mut missing = Vec::new();
        let mut archiver_is_estimated = false;

        match snapshot.slots.as_result() {
            Ok(slots) => holders.extend(slots.iter().filter_map(|slot| {
                Some(Holder { cause: Cause::Slot, name: Some(slot.slot_name.clone()), from: slot.retained_from()? })
            })),
            Err(why) => missing.push((Cause::Slot, why.clone())),
        }
        let mut push = |cause, from| holders.push(Holder { cause, name: None, from });
        match snapshot.control.as_result() {
            Ok(control) => push(Cause::Checkpoint, control.redo_lsn),
            Err(why) => missing.push((Cause::Checkpoint, why.clone())),
        }
        let hidden = |name: &str| match snapshot.settings.as_result() {
            Ok(_) => Unavailable::new("settings", format!("{name} is hidden from this role")),
            Err(why) => why.clone(),
        };
        let settings = snapshot.settings.known();
        match settings.filter(|settings| settings.get("wal_keep_size").is_some()) {
            // Whole segments back from the current one (KeepLogSeg in xlog.c).
            Some(settings) => {
                let keep_bytes = settings.bytes("wal_keep_size").unwrap_or(0) / wal_segment_bytes * wal_segment_bytes;
                push(Cause::WalKeepSize, current.saturating_sub(keep_bytes));
            }
            None => missing.push((Cause::WalKeepSize, hidden("wal_keep_size"))),
        }
        let archiving = settings.and_then(|settings| settings.archives(snapshot.server.in_recovery));
        match (archiving, snapshot.archive_status.as_result()) {
            (Some(false), _) => {}
            (Some(true), Ok(status)) => {
                if let Some(from) = status.oldest_ready_lsn {
                    push(Cause::Archiver, from);
                }
            }
            (Some(true), Err(why)) => {
                match snapshot.archiver.known().and_then(|a| a.oldest_waiting_lsn(wal_segment_bytes)) {
                    Some(from) => {
                        archiver_is_estimated = true;
                        push(Cause::Archiver, from);
                    }
                    None => missing.push((Cause::Archiver, why.clone())),
                }
            }
            (None, _) => missing.push((Cause::Archiver, hidden("archive_mode"))),
        }
        if settings.and_then(|settings| settings.is_on("summarize_wal")) == Some(true) {
            match snapshot.wal_summarizer.as_result() {
                // Without any summary, it needs all WAL.
                Ok(summarizer) if summarizer.summarized_lsn == Lsn::new(0) => {
                    let oldest = snapshot.wal_directory.known().and_then(|directory| directory.oldest_lsn);
                    push(Cause::Summarizer, oldest.unwrap_or(current).min(current));
                }
                Ok(summarizer) => push(Cause::Summarizer, summarizer.summarized_lsn),
                Err(why) => missing.push((Cause::Summarizer, why.clone())),
            }
        }
        let retention = Retention { current, holders, wal_segment_bytes };
        Ok(PartialRetention { retention, missing, archiver_is_estimated })
    }

    /// Returns the bytes of whole segments that dropping only this slot releases: from its position to the next
    /// holder's. 0 when it retains nothing, or when another holder starts at the same segment or before.
    pub fn reclaimable_bytes(&self, slot: &Slot) -> u64 {
        let Some(from) = slot.retained_from() else { return 0 };
        let next = self.oldest_other_holder(slot).map_or(self.current, |next| next.from);
        self.segment_start(next).saturating_sub(self.segment_start(from))
    }

    /// Returns the holder with the oldest position, except for this slot.
    pub fn oldest_other_holder(&self, slot: &Slot) -> Option<&Holder> {
        self.holders.iter().filter(|h| h.name.as_deref() != Some(&slot.slot_name)).min_by_key(|h| h.from)
    }

    /// Returns the position at which the segment of `lsn` begins, as a number of bytes.
    pub fn segment_start(&self, lsn: Lsn) -> u64 {
        lsn.position() / self.wal_segment_bytes * self.wal_segment_bytes
    }
}

fn unavailable_reason<T>(fact: &Fact<T>) -> Unavailable {
    match fact.as_result() {
        Err(why) => why.clone(),
        Ok(_) => Unavailable::new("archive status", "not read"),
    }
}

/// Cause of WAL accumulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
    let candidates = snapshot.slots.known()?.iter().filter(falls_behind);
    let (_, slot) = candidates.filter_map(|slot| Some((slot.retained_from()?, slot))).min_by_key(|(from, _)| *from)?;
    Some(WalAccumulation::Slot { slot_name: slot.slot_name.clone(), active: slot.active })
}
