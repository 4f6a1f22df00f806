//! Activity of a slot: since when its positions are unchanged, and whether a consumer connected in that time.

use crate::facts::history::{SlotHistory, SlotSample, SlotState};
use crate::facts::{Slot, Snapshot};
use jiff::Timestamp;

/// Every start of the server sets `inactive_since` shortly after its own time
/// (docs/reference/slots.md#inactive_since).
const AFTER_START_SECONDS: i64 = 60;

/// Summary of the samples with the slot's present positions, including the present snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotActivity {
    /// Time of the first of these samples, or an earlier time that the store recorded before it thinned its samples.
    pub frozen_since: Timestamp,
    /// Number of these samples.
    pub samples: u64,
    /// Longest gap between two of them, in seconds.
    pub longest_gap_seconds: u64,
    /// Bytes of WAL written since the first.
    pub wal_bytes: u64,
    /// First sample without a consumer since the last one that shows or implies a connection.
    pub unused_since: Timestamp,
    /// Samples since then; 0 when a consumer is connected now.
    pub samples_without_progress: u64,
    /// Longest gap between two of those, in seconds.
    pub unused_gap_seconds: u64,
    /// Seconds of inactivity that samples recorded before restarts of the server. A restart resets `inactive_since`;
    /// the time from the last sample to the restart is not counted.
    pub recorded_seconds: u64,
    /// Last connection that left the positions unchanged although at least one segment of WAL was unread; `None`
    /// without one.
    pub connected_without_progress: Option<Timestamp>,
    /// Last sample that shows other positions; `None` when there is none.
    pub moved_after: Option<Timestamp>,
    /// Rows written in the slot's database since the first sample; `None` when one of them has no count.
    pub rows_written: Option<u64>,
}

/// Returns the whole seconds from `earlier` to `later`; 0 if `later` is before `earlier`.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

/// Returns the bytes of WAL that the slot's consumer has not confirmed; `None` when a position is unknown.
pub fn unconfirmed_bytes(slot: &Slot, snapshot: &Snapshot) -> Option<u64> {
    SlotSample::from_snapshot(snapshot, &slot.slot_name)?.seen?.unconfirmed_bytes(snapshot.current_lsn())
}

/// Returns whether a start of the server, and not a disconnect, set `inactive_since`.
pub fn set_by_server_start(inactive_since: Option<Timestamp>, started_at: Timestamp) -> bool {
    inactive_since.is_some_and(|since| since.duration_since(started_at).as_secs().abs() <= AFTER_START_SECONDS)
}

struct ActivitySample<'a> {
    collected_at: Timestamp,
    seen: &'a SlotState,
    sample: &'a SlotSample,
}

/// Returns what earlier samples of the same server show of a slot; `None` when none of them has it.
pub fn slot_activity(now: &Snapshot, slot: &Slot, history: Option<&SlotHistory>) -> Option<SlotActivity> {
    let history = history?;
    let current_sample = SlotSample::from_snapshot(now, &slot.slot_name)?;
    let current_slot = current_sample.seen.as_ref()?;
    let mut samples: Vec<ActivitySample> = Vec::new();
    let mut moved_after = None;
    for sample in history.samples.iter().filter(|sample| sample.collected_at < now.collected_at) {
        // A slot that was missing or of another kind was created again: earlier samples show another slot.
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
    let had_unread_wal = |sample: &ActivitySample| {
        sample.seen.unconfirmed_bytes(sample.sample.current_lsn).is_some_and(|bytes| bytes >= segment)
    };
    let recorded = history.record.as_ref().map(|record| record.frozen_since.max(record.certain_since));
    let recorded = recorded.filter(|since| {
        samples.len() > 1 && *since < first.collected_at && moved_after.is_none_or(|timestamp| timestamp < *since)
    });
    let mut activity = SlotActivity {
        frozen_since: recorded.unwrap_or(first.collected_at),
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
        let before = position.checked_sub(1).and_then(|position| samples.get(position));
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
