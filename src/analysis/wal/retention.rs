//! What keeps WAL in pg_wal, and from where on.

use crate::facts::{Fact, Slot, Snapshot, Unavailable};
use crate::units::Lsn;

/// Why WAL is kept.
///
/// In the order of whose the WAL is called where several reach back equally far: what cannot be avoided first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Replay after a crash begins at the last checkpoint.
    Checkpoint,
    Summarizer,
    /// Segments not archived yet.
    Archiver,
    WalKeepSize,
    Slot,
}

/// Something that keeps WAL from a position on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub cause: Cause,
    /// The slot's name.
    pub name: Option<String>,
    pub from: Lsn,
}

/// Every holder of WAL and where WAL is now (fact sheet on slots and WAL, C).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    pub current: Lsn,
    pub holders: Vec<Holder>,
    pub wal_segment_bytes: u64,
}

/// What is known of the holders, and what is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialRetention {
    pub retention: Retention,
    /// Whose reach is not known, and why.
    pub missing: Vec<(Cause, Unavailable)>,
    /// The archiver's reach is taken from the segment it last archived or failed at.
    pub archiver_is_estimated: bool,
}

impl Retention {
    /// Gathers the holders, or names the first fact that is missing for it: with one unknown, what a slot alone holds
    /// is unknown too.
    pub fn from_snapshot(snapshot: &Snapshot) -> Result<Retention, Unavailable> {
        let partial = Retention::from_known_facts(snapshot)?;
        match partial.missing.into_iter().next() {
            Some((_, why)) => Err(why),
            None if partial.archiver_is_estimated => Err(unavailable_reason(&snapshot.archive_status)),
            None => Ok(partial.retention),
        }
    }

    /// Gathers the holders that are known. Without the position of WAL there are none.
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
                // Before its first summary it wants all there is.
                Ok(summarizer) if summarizer.summarized_lsn == Lsn(0) => {
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

    /// Bytes of whole segments that dropping this slot alone would release: from where it holds to where the next
    /// holder does. 0 when it holds nothing, or when another reaches back as far.
    pub fn reclaimable_bytes(&self, slot: &Slot) -> u64 {
        let Some(from) = slot.retained_from() else { return 0 };
        let next = self.oldest_other_holder(slot).map_or(self.current, |next| next.from);
        self.segment_start(next).saturating_sub(self.segment_start(from))
    }

    /// The holder that reaches back furthest beside this slot.
    pub fn oldest_other_holder(&self, slot: &Slot) -> Option<&Holder> {
        self.holders.iter().filter(|h| h.name.as_deref() != Some(&slot.slot_name)).min_by_key(|h| h.from)
    }

    /// Where the segment that holds a position begins.
    pub fn segment_start(&self, lsn: Lsn) -> u64 {
        lsn.0 / self.wal_segment_bytes * self.wal_segment_bytes
    }
}

fn unavailable_reason<T>(fact: &Fact<T>) -> Unavailable {
    match fact.as_result() {
        Err(why) => why.clone(),
        Ok(_) => Unavailable::new("archive status", "not read"),
    }
}
