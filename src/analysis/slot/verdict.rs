//! Verdict on a slot: in use, stuck, unused, or stale.

use super::{
    KeptRows, Limits, Reason, SlotEvidence,
    activity::{SlotActivity, seconds_between, set_by_server_start, slot_activity, unconfirmed_bytes},
    causes,
    owner::{TableSync, table_sync},
};
use crate::facts::{Slot, SlotType, Snapshot, WalStatus};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// State of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SlotVerdict {
    /// In use and making progress.
    Healthy,
    /// In use, and falling behind or stuck.
    Lagging,
    /// Not in use, and not proven to be stale.
    Inactive,
    /// Proven: no consumer for as long as the limit, while the slot retained unread WAL.
    Stale,
    /// Invalidated.
    Lost,
    /// It has never reserved WAL and retains nothing.
    Empty,
}

pub fn slot_verdict(evidence: &SlotEvidence, slot: &Slot) -> (SlotVerdict, Vec<Reason>) {
    let mut reasons = Vec::new();
    let verdict = if slot.is_lost() {
        lost_verdict(evidence.snapshot, slot, &mut reasons)
    } else if slot.synced == Some(true) && evidence.snapshot.server.in_recovery {
        // Its consumer is connected to the primary. On the standby, only the slot sync worker uses it, and
        // `inactive_since` is the time at which that worker last stopped.
        SlotVerdict::Inactive
    } else if slot.active || matches!(table_sync(slot, evidence.snapshot), TableSync::Running(_)) {
        in_use_verdict(evidence, slot, &mut reasons)
    } else if slot.restart_lsn.is_none() {
        reasons.push(Reason::NeverReserved);
        SlotVerdict::Empty
    } else if matches!(table_sync(slot, evidence.snapshot), TableSync::MayBeRunning) {
        reasons.push(Reason::CopyMayRun);
        SlotVerdict::Inactive
    } else {
        unused_verdict(evidence, slot, &mut reasons)
    };
    if verdict != SlotVerdict::Lost {
        add_retained_rows(evidence, slot, verdict, &mut reasons);
    }
    (verdict, reasons)
}

fn lost_verdict(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> SlotVerdict {
    // Before 16, only the removal of WAL invalidates a slot; 17 and newer give the reason.
    let cause = match &slot.invalidation_reason {
        Some(cause) => cause.as_str(),
        None if snapshot.server.major() < 16 || slot.slot_type == SlotType::Physical => "wal_removed",
        // 16 clears restart_lsn of a slot only when its WAL is removed (InvalidatePossiblyObsoleteSlot in slot.c).
        None if slot.restart_lsn.is_none() => "wal_removed",
        None => "not_reported",
    };
    let last_slot_may_be_lost = snapshot.server.major() >= 19;
    reasons.push(Reason::Invalidated { cause: cause.to_owned(), last_slot_may_be_lost });
    if slot.slot_type == SlotType::Physical && snapshot.server.major() < 18 && cause == "wal_removed" {
        reasons.push(Reason::MayLiveAgain);
    }
    SlotVerdict::Lost
}

/// Returns the unconfirmed bytes; adds a reason in either case.
fn unread_bytes(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> Option<u64> {
    let bytes = unconfirmed_bytes(slot, snapshot);
    reasons.push(bytes.map_or(Reason::PositionUnknown, |bytes| Reason::Unread { bytes }));
    bytes
}

/// Returns whether the server's `wal_status` says that the slot is falling behind.
fn is_falling_behind(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> bool {
    match slot.wal_status {
        Some(WalStatus::Extended) => {
            let retained = snapshot.current_lsn().zip(slot.restart_lsn).map(|(now, from)| now.bytes_since(from));
            reasons.push(Reason::BeyondMaxWalSize { retained_bytes: retained.unwrap_or(0) });
            true
        }
        Some(WalStatus::Unreserved) => {
            reasons.push(Reason::NearlyLost);
            true
        }
        _ => false,
    }
}

fn frozen_reason(activity: &SlotActivity, now: Timestamp) -> Reason {
    Reason::Frozen {
        since: activity.frozen_since,
        seconds: seconds_between(activity.frozen_since, now),
        samples: activity.samples,
        longest_gap_seconds: activity.longest_gap_seconds,
        wal_bytes: activity.wal_bytes,
    }
}

fn in_use_verdict(evidence: &SlotEvidence, slot: &Slot, reasons: &mut Vec<Reason>) -> SlotVerdict {
    let SlotEvidence { snapshot, limits, .. } = *evidence;
    let walsender = super::owner::find_walsender(slot, snapshot);
    reasons.push(Reason::InUse {
        pid: slot.active_pid.or(walsender.map(|walsender| walsender.pid)),
        by: walsender.and_then(|walsender| walsender.application_name.clone()).filter(|name| !name.is_empty()),
    });
    if slot.restart_lsn.is_none() {
        return SlotVerdict::Healthy;
    }
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let unread = unread_bytes(snapshot, slot, reasons);
    let behind = is_falling_behind(snapshot, slot, reasons);
    let activity = slot_activity(snapshot, slot, evidence.history.slot_history(&slot.slot_name));
    let stuck = activity.is_some_and(|past| {
        seconds_between(past.frozen_since, snapshot.collected_at) >= limits.frozen_after_seconds
            && past.wal_bytes >= segment
            && unread.is_some_and(|bytes| bytes >= segment)
    });
    match &activity {
        Some(activity) if stuck => reasons.push(frozen_reason(activity, snapshot.collected_at)),
        Some(SlotActivity { moved_after: Some(after), .. }) => reasons.push(Reason::Moved { after: *after }),
        _ => {}
    }
    causes::add_stall_causes(snapshot, slot, activity.as_ref().filter(|_| stuck), reasons);
    if behind || stuck {
        causes::add_unconfirmed_wal(snapshot, slot, reasons);
    }
    if behind || stuck { SlotVerdict::Lagging } else { SlotVerdict::Healthy }
}

fn unused_verdict(evidence: &SlotEvidence, slot: &Slot, reasons: &mut Vec<Reason>) -> SlotVerdict {
    let SlotEvidence { snapshot, limits, .. } = *evidence;
    let now = snapshot.collected_at;
    let limit_seconds = limits.stale_after(slot.slot_type);
    let activity = slot_activity(snapshot, slot, evidence.history.slot_history(&slot.slot_name));
    let idle = slot.inactive_since.map(|since| {
        let idle = seconds_between(since, now);
        let since_server_start = set_by_server_start(slot.inactive_since, snapshot.server.started_at);
        reasons.push(Reason::Idle { since, seconds: idle, limit_seconds, since_server_start });
        if idle >= limits.daily_seconds && idle < limit_seconds {
            reasons.push(Reason::MissedADay { seconds: idle });
        }
        (since, idle)
    });
    let unread = unread_bytes(snapshot, slot, reasons);
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let has_to_read = unread.is_some_and(|bytes| bytes >= segment);
    let behind = is_falling_behind(snapshot, slot, reasons);
    if let Some(activity) = &activity
        && activity.samples > 1
    {
        reasons.push(frozen_reason(activity, now));
    }

    // Only a connected consumer moves a slot, and its disconnect sets inactive_since. So an old inactive_since proves
    // that the positions are as old, unless samples contradict.
    let contradicted = activity.and_then(|past| past.moved_after).filter(|after| {
        idle.is_some_and(|(since, _)| {
            *after >= since && !set_by_server_start(slot.inactive_since, snapshot.server.started_at)
        })
    });
    if let Some(after) = contradicted {
        reasons.push(Reason::MovedUnseen { after });
    }
    // A restart resets inactive_since. The inactivity that samples recorded before it still counts.
    let connected_samples = activity.filter(|past| past.unused_gap_seconds <= limits.max_gap_seconds);
    let recorded = connected_samples.map_or(0, |past| past.recorded_seconds);
    let proven_by_record = idle.is_some_and(|(_, idle)| idle + recorded >= limit_seconds) && contradicted.is_none();
    if recorded > 0 {
        reasons.push(Reason::RecordedBefore { seconds: recorded });
    }
    let proven_by_samples = activity.is_some_and(|past| {
        seconds_between(past.unused_since, now) >= limit_seconds
            && past.samples_without_progress >= limits.samples
            && past.unused_gap_seconds <= limits.max_gap_seconds
    });
    if let Some(activity) = activity.filter(|past| past.samples_without_progress > 1) {
        reasons.push(Reason::Unused {
            since: activity.unused_since,
            seconds: seconds_between(activity.unused_since, now),
            samples: activity.samples_without_progress,
            longest_gap_seconds: activity.unused_gap_seconds,
            limit_seconds,
        });
    }
    if proven_by_record || proven_by_samples {
        if has_to_read {
            return SlotVerdict::Stale;
        }
        // An inactive slot without unread WAL is not stale: without writes, no consumer needs to connect.
        if let Some(bytes) = unread {
            reasons.push(Reason::NothingToRead { bytes });
        }
        return SlotVerdict::Inactive;
    }
    if let Some(activity) = activity {
        if let Some(time) = activity.connected_without_progress {
            reasons.push(Reason::ConnectedWithoutProgress { at: time });
            return SlotVerdict::Lagging;
        }
        // A polling consumer is disconnected between its polls.
        if let Some(after) = activity.moved_after
            && slot.slot_type == SlotType::Logical
            && seconds_between(after, now) < limits.daily_seconds
        {
            reasons.push(Reason::Moved { after });
            return if behind { SlotVerdict::Lagging } else { SlotVerdict::Healthy };
        }
    }
    let unused_since = idle.map(|(since, _)| since);
    reasons.push(missing_proof(slot, activity.as_ref(), now, limits, unused_since, recorded));
    SlotVerdict::Inactive
}

fn add_seconds(time: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn missing_proof(
    slot: &Slot,
    activity: Option<&SlotActivity>,
    now: Timestamp,
    limits: &Limits,
    inactive_since: Option<Timestamp>,
    recorded: u64,
) -> Reason {
    let limit = limits.stale_after(slot.slot_type);
    if let Some(since) = inactive_since {
        return Reason::ProvenFrom { at: add_seconds(since, limit.saturating_sub(recorded)).max(now) };
    }
    // After a gap that is too long, the count starts again.
    let activity =
        activity.filter(|past| past.samples_without_progress > 0 && past.unused_gap_seconds <= limits.max_gap_seconds);
    let since = activity.map_or(now, |past| past.unused_since);
    Reason::NeedsSamples {
        have: activity.map_or(1, |past| past.samples_without_progress),
        need: limits.samples,
        longest_gap_seconds: activity.map_or(0, |past| past.unused_gap_seconds),
        limit_gap_seconds: limits.max_gap_seconds,
        earliest: add_seconds(since, limit).max(now),
    }
}

/// Adds the dead rows that a slot retains: `catalog_xmin` those of catalogs, `xmin` those of all tables
/// (docs/reference/slots.md#row-horizons). For a healthy consumer they are normal.
fn add_retained_rows(evidence: &SlotEvidence, slot: &Slot, verdict: SlotVerdict, reasons: &mut Vec<Reason>) {
    let limits = evidence.limits;
    let setting = evidence.snapshot.settings.known().and_then(|settings| settings.text("autovacuum_freeze_max_age"));
    let freeze_max_age = setting.and_then(|text| text.parse().ok());
    let is_healthy = verdict == SlotVerdict::Healthy;
    for (age, rows) in [(slot.xmin_age, KeptRows::All), (slot.catalog_xmin_age, KeptRows::Catalogs)] {
        if let Some(xmin_age) = age.map(i64::unsigned_abs).filter(|age| !is_healthy || *age >= limits.xmin_age) {
            reasons.push(Reason::KeepsRows { rows, xmin_age, freeze_max_age });
        }
    }
}
