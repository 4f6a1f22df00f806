//! Since when a slot stands where it stands, and who came by in that time.

use crate::model::{
    Slot, Snapshot,
    past::{SeenSlot, SlotLook, SlotPast},
};
use jiff::Timestamp;

/// Every start of the server sets `inactive_since` anew, a moment after its own (fact sheet on slots, A2).
const AFTER_START_SECONDS: i64 = 60;

/// The looks at which a slot stood where it stands now, the present one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The first of them; earlier, where the store noted that and has thinned its samples since.
    pub frozen_since: Timestamp,
    pub looks: u64,
    /// The longest time between two of them.
    pub longest_gap_seconds: u64,
    /// WAL written since the first.
    pub wal_bytes: u64,
    /// The first look since the last one that found somebody using it, or that knows of a visit.
    pub quiet_since: Timestamp,
    /// Looks since then; 0 when somebody uses it now.
    pub quiet_looks: u64,
    pub quiet_gap_seconds: u64,
    /// How long the slot was on record as unused in all at looks before starts of the server, each of which begins the
    /// record anew; the time from such a look to the start after it is not counted.
    pub recorded_seconds: u64,
    /// When somebody last used it while a segment of WAL or more lay unread, and left it where it was.
    pub visited_in_vain: Option<Timestamp>,
    /// The look before the first of them, which found the slot standing elsewhere.
    pub moved_after: Option<Timestamp>,
    /// Rows written in the slot's database since the first, where both looks counted them.
    pub rows_written: Option<u64>,
}

/// Whole seconds from `earlier` to `later`.
pub fn seconds(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

/// WAL that the slot's consumer has not confirmed, in the present look.
pub fn unread(slot: &Slot, snapshot: &Snapshot) -> Option<u64> {
    SlotLook::of(snapshot, &slot.slot_name)?.seen?.unread(snapshot.current_lsn())
}

/// Whether it was a start of the server, and not somebody's leaving, that set `inactive_since`.
pub fn is_start(inactive_since: Option<Timestamp>, started_at: Timestamp) -> bool {
    inactive_since.is_some_and(|since| since.duration_since(started_at).as_secs().abs() <= AFTER_START_SECONDS)
}

struct Look<'a> {
    at: Timestamp,
    slot: &'a SeenSlot,
    of: &'a SlotLook,
}

/// How a slot has stood; `past` is of the same server. `None` without an earlier look that knows the slot.
pub fn standing(now: &Snapshot, slot: &Slot, past: Option<&SlotPast>) -> Option<Standing> {
    let past = past?;
    let present = SlotLook::of(now, &slot.slot_name)?;
    let today = present.seen.as_ref()?;
    let mut looks: Vec<Look> = Vec::new();
    let mut moved_after = None;
    for look in past.looks.iter().filter(|look| look.collected_at < now.collected_at) {
        // One that was not there, or of another kind, was made anew: what was seen before is of another slot.
        match look.seen.as_ref().filter(|seen| seen.is_like(today)) {
            Some(seen) if seen.stands_like(today) => {
                looks.push(Look { at: look.collected_at, slot: seen, of: look });
            }
            Some(_) => {
                moved_after = Some(look.collected_at);
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
    looks.push(Look { at: now.collected_at, slot: today, of: &present });
    let first = &looks[0];
    let segment = now.server.wal_segment_bytes.max(1);
    let had_to_read = |look: &Look| look.slot.unread(look.of.current_lsn).is_some_and(|bytes| bytes >= segment);
    let noted = past.record.as_ref().map(|record| record.frozen_since.max(record.certain_since));
    let noted = noted.filter(|since| looks.len() > 1 && *since < first.at && moved_after.is_none_or(|it| it < *since));
    let mut standing = Standing {
        frozen_since: noted.unwrap_or(first.at),
        looks: looks.len() as u64,
        longest_gap_seconds: 0,
        quiet_since: first.at,
        quiet_looks: 0,
        quiet_gap_seconds: 0,
        recorded_seconds: 0,
        wal_bytes: 0,
        visited_in_vain: None,
        moved_after,
        rows_written: today.rows_written.zip(first.slot.rows_written).and_then(|(now, then)| now.checked_sub(then)),
    };
    if let (Some(then), Some(current)) = (first.of.current_lsn, present.current_lsn) {
        standing.wal_bytes = current.bytes_since(then);
    }
    for (at, look) in looks.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| looks.get(at));
        let came_by = before.is_some_and(|before| {
            look.slot.inactive_since > before.slot.inactive_since
                && before.slot.inactive_since.is_some()
                && !is_start(look.slot.inactive_since, look.of.started_at)
        });
        let gap = before.map_or(0, |before| seconds(before.at, look.at));
        standing.longest_gap_seconds = standing.longest_gap_seconds.max(gap);
        if look.slot.is_active && had_to_read(look) || came_by && before.is_some_and(had_to_read) {
            standing.visited_in_vain = Some(look.slot.inactive_since.unwrap_or(look.at));
        }
        if look.slot.is_active || came_by {
            standing.quiet_looks = 0;
            standing.quiet_gap_seconds = 0;
            standing.recorded_seconds = 0;
        } else if let Some(before) = before
            && let Some(since) = before.slot.inactive_since.filter(|since| look.slot.inactive_since > Some(*since))
        {
            standing.recorded_seconds += seconds(since, before.at);
        }
        if !look.slot.is_active {
            if standing.quiet_looks == 0 {
                standing.quiet_since = look.at;
            } else {
                standing.quiet_gap_seconds = standing.quiet_gap_seconds.max(gap);
            }
            standing.quiet_looks += 1;
        }
    }
    Some(standing)
}
