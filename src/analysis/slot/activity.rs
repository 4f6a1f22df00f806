//! Since when a slot stands where it stands, and who came by in that time.

use crate::facts::history::{SlotHistory, SlotSample, SlotState};
use crate::facts::{Slot, Snapshot};
use jiff::Timestamp;

/// Every start of the server sets `inactive_since` anew, a moment after its own (fact sheet on slots, A2).
const AFTER_START_SECONDS: i64 = 60;

/// The looks at which a slot stood where it stands now, the present one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotActivity {
    /// The first of them; earlier, where the store noted that and has thinned its samples since.
    pub frozen_since: Timestamp,
    pub samples: u64,
    /// The longest time between two of them.
    pub longest_gap_seconds: u64,
    /// WAL written since the first.
    pub wal_bytes: u64,
    /// The first look since the last one that found somebody using it, or that knows of a visit.
    pub unused_since: Timestamp,
    /// Looks since then; 0 when somebody uses it now.
    pub samples_without_progress: u64,
    pub unused_gap_seconds: u64,
    /// How long the slot was on record as unused in all at looks before starts of the server, each of which begins the
    /// record anew; the time from such a look to the start after it is not counted.
    pub recorded_seconds: u64,
    /// When somebody last used it while a segment of WAL or more lay unread, and left it where it was.
    pub connected_without_progress: Option<Timestamp>,
    /// The look before the first of them, which found the slot standing elsewhere.
    pub moved_after: Option<Timestamp>,
    /// Rows written in the slot's database since the first, where both looks counted them.
    pub rows_written: Option<u64>,
}

/// Whole seconds from `earlier` to `later`.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

/// WAL that the slot's consumer has not confirmed, in the present look.
pub fn unconfirmed_bytes(slot: &Slot, snapshot: &Snapshot) -> Option<u64> {
    SlotSample::from_snapshot(snapshot, &slot.slot_name)?.seen?.unconfirmed_bytes(snapshot.current_lsn())
}

/// Whether it was a start of the server, and not somebody's leaving, that set `inactive_since`.
pub fn set_by_server_start(inactive_since: Option<Timestamp>, started_at: Timestamp) -> bool {
    inactive_since.is_some_and(|since| since.duration_since(started_at).as_secs().abs() <= AFTER_START_SECONDS)
}

struct ActivitySample<'a> {
    collected_at: Timestamp,
    seen: &'a SlotState,
    sample: &'a SlotSample,
}

/// Returns what earlier samples of the same server tell of a slot; `None` if none of them has it.
pub fn slot_activity(now: &Snapshot, slot: &Slot, history: Option<&SlotHistory>) -> Option<SlotActivity> {
    let history = history?;
    let current_sample = SlotSample::from_snapshot(now, &slot.slot_name)?;
    let current_slot = current_sample.seen.as_ref()?;
    let mut samples: Vec<ActivitySample> = Vec::new();
    let mut moved_after = None;
    for sample in history.samples.iter().filter(|sample| sample.collected_at < now.collected_at) {
        // One that was not there, or of another kind, was made anew: what was seen before is of another slot.
        match sample.seen.as_ref().filter(|seen| seen.has_same_kind(current_slot)) {
            Some(seen) if seen.has_same_positions(current_slot) => {
                samples.push(ActivitySample { collected_at: sample.collected_at, seen, sample });
            }
            Some(_) => {
                moved_after = Some(sample.collected_at);
                samples.clear();
            }
            None => {
                moved_after = None;
                samples.clear();
            }
        }
    }
    if samples.is_empty() && moved_after.is_none() {
        return None;
    }
    samples.push(ActivitySample { collected_at: now.collected_at, seen: current_slot, sample: &current_sample });
    let first = &samples[0];
    let segment = now.server.wal_segment_bytes.max(1);
    let had_unread_wal = |look: &ActivitySample| {
        look.seen.unconfirmed_bytes(look.sample.current_lsn).is_some_and(|bytes| bytes >= segment)
    };
    let noted = history.record.as_ref().map(|record| record.frozen_since.max(record.certain_since));
    let noted = noted.filter(|since| {
        samples.len() > 1 && *since < first.collected_at && moved_after.is_none_or(|timestamp| timestamp < *since)
    });
    let mut activity = SlotActivity {
        frozen_since: noted.unwrap_or(first.collected_at),
        samples: samples.len() as u64,
        longest_gap_seconds: 0,
        unused_since: first.collected_at,
        samples_without_progress: 0,
        unused_gap_seconds: 0,
        recorded_seconds: 0,
        wal_bytes: 0,
        connected_without_progress: None,
        moved_after,
        rows_written: current_slot
            .rows_written
            .zip(first.seen.rows_written)
            .and_then(|(now, then)| now.checked_sub(then)),
    };
    if let (Some(then), Some(current)) = (first.sample.current_lsn, current_sample.current_lsn) {
        activity.wal_bytes = current.bytes_since(then);
    }
    for (position, sample) in samples.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|at| samples.get(at));
        let was_connected = before.is_some_and(|before| {
            sample.seen.inactive_since > before.seen.inactive_since
                && before.seen.inactive_since.is_some()
                && !set_by_server_start(sample.seen.inactive_since, sample.sample.started_at)
        });
        let gap = before.map_or(0, |before| seconds_between(before.collected_at, sample.collected_at));
        activity.longest_gap_seconds = activity.longest_gap_seconds.max(gap);
        if sample.seen.is_active && had_unread_wal(sample) || was_connected && before.is_some_and(had_unread_wal) {
            activity.connected_without_progress = Some(sample.seen.inactive_since.unwrap_or(sample.collected_at));
        }
        if sample.seen.is_active || was_connected {
            activity.samples_without_progress = 0;
            activity.unused_gap_seconds = 0;
            activity.recorded_seconds = 0;
        } else if let Some(before) = before
            && let Some(since) = before.seen.inactive_since.filter(|since| sample.seen.inactive_since > Some(*since))
        {
            activity.recorded_seconds += seconds_between(since, before.collected_at);
        }
        if !sample.seen.is_active {
            if activity.samples_without_progress == 0 {
                activity.unused_since = sample.collected_at;
            } else {
                activity.unused_gap_seconds = activity.unused_gap_seconds.max(gap);
            }
            activity.samples_without_progress += 1;
        }
    }
    Some(activity)
}
