//! What earlier looks at the same server say of a slot.

use crate::model::{Lsn, Slot, SlotPast, SlotType, Snapshot};
use jiff::Timestamp;

/// Every start of the server sets `inactive_since` anew, a moment after its own (fact sheet on slots, A2).
const AFTER_START_SECONDS: i64 = 60;

/// Whole seconds from `earlier` to `later`.
pub fn seconds(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

/// WAL that the slot's consumer has not confirmed: of a standby, what it has not flushed.
pub fn unread(slot: &Slot, current: Option<Lsn>) -> Option<u64> {
    let position = match slot.slot_type {
        SlotType::Logical => slot.confirmed_flush_lsn.or(slot.restart_lsn),
        SlotType::Physical => slot.restart_lsn,
    };
    Some(current?.bytes_since(position?))
}

/// Whether it was a start of the server, and not somebody's leaving, that set `inactive_since`.
pub fn is_start(slot: &Slot, snapshot: &Snapshot) -> bool {
    slot.inactive_since
        .is_some_and(|since| since.duration_since(snapshot.server.started_at).as_secs().abs() <= AFTER_START_SECONDS)
}

struct Look<'a> {
    at: Timestamp,
    slot: &'a Slot,
    snapshot: &'a Snapshot,
}

fn look<'a>(snapshot: &'a Snapshot, of: &Slot) -> Option<Look<'a>> {
    let slot = snapshot.slots.known()?.iter().find(|slot| slot.slot_name == of.slot_name)?;
    let same = slot.slot_type == of.slot_type && slot.plugin == of.plugin && slot.database == of.database;
    same.then_some(Look { at: snapshot.collected_at, slot, snapshot })
}

fn stands_alike(a: &Slot, b: &Slot) -> bool {
    a.restart_lsn == b.restart_lsn && a.confirmed_flush_lsn == b.confirmed_flush_lsn
}

/// The looks at which the slot stood where it stands now; `earlier` are snapshots of the same server. `None` without
/// an earlier look that knows the slot.
pub fn past(now: &Snapshot, slot: &Slot, earlier: &[Snapshot]) -> Option<SlotPast> {
    let mut looks: Vec<Look> = Vec::new();
    let mut sorted: Vec<&Snapshot> = earlier.iter().filter(|one| one.slots.known().is_some()).collect();
    sorted.sort_by_key(|one| one.collected_at);
    let mut moved_after = None;
    for snapshot in sorted {
        // One that was not there, or of another kind, was made anew: what was seen before is of another slot.
        match look(snapshot, slot) {
            Some(look) if stands_alike(look.slot, slot) => looks.push(look),
            Some(look) => {
                moved_after = Some(look.at);
                looks.clear();
            }
            None => {
                moved_after = None;
                looks.clear();
            }
        }
    }
    if looks.is_empty() && moved_after.is_none() {
        return None;
    }
    looks.push(Look { at: now.collected_at, slot, snapshot: now });
    let first = &looks[0];
    let segment = now.server.wal_segment_bytes.max(1);
    let had_to_read =
        |look: &Look| unread(look.slot, look.snapshot.current_lsn()).is_some_and(|bytes| bytes >= segment);
    let mut past = SlotPast {
        frozen_since: first.at,
        looks: looks.len() as u64,
        longest_gap_seconds: 0,
        quiet_since: first.at,
        quiet_looks: 0,
        quiet_gap_seconds: 0,
        wal_bytes: 0,
        visited_in_vain: None,
        moved_after,
        rows_written: rows_written(now, first.snapshot, slot),
    };
    if let (Some(then), Some(current)) = (first.snapshot.current_lsn(), now.current_lsn()) {
        past.wal_bytes = current.bytes_since(then);
    }
    for (at, look) in looks.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| looks.get(at));
        let came_by = before.is_some_and(|before| {
            look.slot.inactive_since > before.slot.inactive_since
                && before.slot.inactive_since.is_some()
                && !is_start(look.slot, look.snapshot)
        });
        let gap = before.map_or(0, |before| seconds(before.at, look.at));
        past.longest_gap_seconds = past.longest_gap_seconds.max(gap);
        if look.slot.active && had_to_read(look) || came_by && before.is_some_and(had_to_read) {
            past.visited_in_vain = Some(look.slot.inactive_since.unwrap_or(look.at));
        }
        if look.slot.active || came_by {
            past.quiet_looks = 0;
            past.quiet_gap_seconds = 0;
        }
        if !look.slot.active {
            if past.quiet_looks == 0 {
                past.quiet_since = look.at;
            } else {
                past.quiet_gap_seconds = past.quiet_gap_seconds.max(gap);
            }
            past.quiet_looks += 1;
        }
    }
    Some(past)
}

/// Rows written in the slot's database between the two looks; `None` where the counters began anew between them.
fn rows_written(now: &Snapshot, then: &Snapshot, slot: &Slot) -> Option<u64> {
    let database = slot.database.as_deref()?;
    let written = |snapshot: &Snapshot| {
        let all = snapshot.database_writes.known()?;
        all.iter().find(|one| one.database == database).map(|one| one.rows_written)
    };
    written(now)?.checked_sub(written(then)?)
}
