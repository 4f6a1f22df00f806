//! What keeps WAL in pg_wal, and from where on.

use super::{Lsn, Slot, Snapshot, Unavailable};

/// Why WAL is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Slot,
    /// Segments not archived yet.
    Archiver,
    WalKeepSize,
    /// Replay after a crash begins at the last checkpoint.
    Checkpoint,
    Summarizer,
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

impl Retention {
    /// Gathers the holders, or names the first fact that is missing for it: with one unknown, what a slot alone holds
    /// is unknown too.
    pub fn of(snapshot: &Snapshot) -> Result<Retention, Unavailable> {
        let slots = snapshot.slots.as_result().map_err(Clone::clone)?;
        let position = snapshot.wal_position.as_result().map_err(Clone::clone)?;
        let control = snapshot.control.as_result().map_err(Clone::clone)?;
        let settings = snapshot.settings.as_result().map_err(Clone::clone)?;
        let current = position.current_lsn.ok_or_else(|| {
            Unavailable::because("wal position", "the standby has neither received nor replayed WAL since it started")
        })?;

        let mut holders: Vec<Holder> = slots
            .iter()
            .filter_map(|slot| {
                Some(Holder { cause: Cause::Slot, name: Some(slot.slot_name.clone()), from: slot.holds_from()? })
            })
            .collect();
        let mut push = |cause, from| holders.push(Holder { cause, name: None, from });
        push(Cause::Checkpoint, control.redo_lsn);
        match settings.get("wal_keep_size") {
            Some(_) => push(Cause::WalKeepSize, current.back(settings.bytes("wal_keep_size").unwrap_or(0))),
            None => return Err(Unavailable::because("settings", "wal_keep_size is hidden from this role")),
        }
        let archiving = match settings.get("archive_mode").map(|s| s.setting.as_str()) {
            Some("off") => false,
            Some("on") => !snapshot.server.in_recovery,
            Some(_) => true,
            None => return Err(Unavailable::because("settings", "archive_mode is hidden from this role")),
        };
        if archiving && let Some(from) = snapshot.archive_status.as_result().map_err(Clone::clone)?.oldest_ready_lsn {
            push(Cause::Archiver, from);
        }
        if settings.is_on("summarize_wal") == Some(true) {
            push(Cause::Summarizer, snapshot.wal_summarizer.as_result().map_err(Clone::clone)?.summarized_lsn);
        }
        Ok(Retention { current, holders, wal_segment_bytes: snapshot.server.wal_segment_bytes.max(1) })
    }

    /// Bytes of whole segments that dropping this slot alone would release: from where it holds to where the next
    /// holder does. 0 when it holds nothing, or when another reaches back as far.
    pub fn reclaimable_bytes(&self, slot: &Slot) -> u64 {
        let Some(from) = slot.holds_from() else { return 0 };
        let next = self.beyond(slot).map_or(self.current, |next| next.from);
        self.segment_start(next).saturating_sub(self.segment_start(from))
    }

    /// The holder that reaches back furthest beside this slot.
    pub fn beyond(&self, slot: &Slot) -> Option<&Holder> {
        self.holders.iter().filter(|h| h.name.as_deref() != Some(&slot.slot_name)).min_by_key(|h| h.from)
    }

    /// Where the segment that holds a position begins.
    pub fn segment_start(&self, lsn: Lsn) -> u64 {
        lsn.0 / self.wal_segment_bytes * self.wal_segment_bytes
    }
}
