//! What a slot is: in use, stuck, unused, or proven to be forgotten.

use super::{
    Evidence, KeptRows, Limits, Reason, causes,
    owner::{Copy, copy},
    standing::{Standing, is_start, seconds, standing, unread},
};
use crate::model::{Slot, SlotType, Snapshot, WalStatus};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// In use, and it moves.
    Healthy,
    /// In use, but falling behind or frozen.
    Lagging,
    /// Not in use, and not proven to be forgotten.
    Inactive,
    /// Proven: nobody used it for as long as the limit, and it kept WAL from going all that time.
    Stale,
    /// Invalidated.
    Lost,
    /// Never reserved WAL, holds nothing.
    Empty,
}

pub fn verdict(evidence: &Evidence, slot: &Slot) -> (Verdict, Vec<Reason>) {
    let mut reasons = Vec::new();
    let verdict = if slot.is_lost() {
        lost(evidence.snapshot, slot, &mut reasons)
    } else if slot.synced == Some(true) && evidence.snapshot.server.in_recovery {
        // Its consumer is connected elsewhere: who holds it here, now and then, is the worker that syncs it, and
        // `inactive_since` tells when that last stopped.
        Verdict::Inactive
    } else if slot.active || matches!(copy(slot, evidence.snapshot), Copy::Runs(_)) {
        in_use(evidence, slot, &mut reasons)
    } else if slot.restart_lsn.is_none() {
        reasons.push(Reason::NeverReserved);
        Verdict::Empty
    } else if matches!(copy(slot, evidence.snapshot), Copy::MayRun) {
        reasons.push(Reason::CopyMayRun);
        Verdict::Inactive
    } else {
        unused(evidence, slot, &mut reasons)
    };
    if verdict != Verdict::Lost {
        keeps_rows(evidence, slot, verdict, &mut reasons);
    }
    (verdict, reasons)
}

fn lost(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> Verdict {
    // Before 16 nothing but the removal of WAL invalidates a slot, and 17 and newer tell.
    let cause = match &slot.invalidation_reason {
        Some(cause) => cause.as_str(),
        None if snapshot.server.major() < 16 || slot.slot_type == SlotType::Physical => "wal_removed",
        // 16 takes restart_lsn from a slot only when the WAL behind it goes (InvalidatePossiblyObsoleteSlot in slot.c).
        None if slot.restart_lsn.is_none() => "wal_removed",
        None => "not_told",
    };
    reasons.push(Reason::Invalidated { cause: cause.to_owned() });
    if slot.slot_type == SlotType::Physical && snapshot.server.major() < 18 && cause == "wal_removed" {
        reasons.push(Reason::MayLiveAgain);
    }
    Verdict::Lost
}

/// What is there to read; `None` where it is not known, and then a reason says so.
fn to_read(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> Option<u64> {
    let bytes = unread(slot, snapshot);
    reasons.push(bytes.map_or(Reason::PositionUnknown, |bytes| Reason::Unread { bytes }));
    bytes
}

/// The server's own word on how far it has fallen behind.
fn falls_behind(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) -> bool {
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

fn frozen(past: &Standing, now: Timestamp) -> Reason {
    Reason::Frozen {
        since: past.frozen_since,
        seconds: seconds(past.frozen_since, now),
        looks: past.looks,
        longest_gap_seconds: past.longest_gap_seconds,
        wal_bytes: past.wal_bytes,
    }
}

fn in_use(evidence: &Evidence, slot: &Slot, reasons: &mut Vec<Reason>) -> Verdict {
    let Evidence { snapshot, limits, .. } = *evidence;
    let walsender = super::owner::walsender(slot, snapshot);
    reasons.push(Reason::InUse {
        pid: slot.active_pid.or(walsender.map(|walsender| walsender.pid)),
        by: walsender.and_then(|walsender| walsender.application_name.clone()).filter(|name| !name.is_empty()),
    });
    if slot.restart_lsn.is_none() {
        return Verdict::Healthy;
    }
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let unread = to_read(snapshot, slot, reasons);
    let behind = falls_behind(snapshot, slot, reasons);
    let past = standing(snapshot, slot, evidence.memory.slot(&slot.slot_name));
    let stuck = past.is_some_and(|past| {
        seconds(past.frozen_since, snapshot.collected_at) >= limits.frozen_after_seconds
            && past.wal_bytes >= segment
            && unread.is_some_and(|bytes| bytes >= segment)
    });
    match &past {
        Some(past) if stuck => reasons.push(frozen(past, snapshot.collected_at)),
        Some(Standing { moved_after: Some(after), .. }) => reasons.push(Reason::Moved { after: *after }),
        _ => {}
    }
    causes::causes(snapshot, slot, past.as_ref().filter(|_| stuck), reasons);
    if behind || stuck {
        causes::on_the_way(snapshot, slot, reasons);
    }
    if behind || stuck { Verdict::Lagging } else { Verdict::Healthy }
}

fn unused(evidence: &Evidence, slot: &Slot, reasons: &mut Vec<Reason>) -> Verdict {
    let Evidence { snapshot, limits, .. } = *evidence;
    let now = snapshot.collected_at;
    let limit_seconds = limits.stale_after(slot.slot_type);
    let past = standing(snapshot, slot, evidence.memory.slot(&slot.slot_name));
    let idle = slot.inactive_since.map(|since| {
        let idle = seconds(since, now);
        let since_server_start = is_start(slot.inactive_since, snapshot.server.started_at);
        reasons.push(Reason::Idle { since, seconds: idle, limit_seconds, since_server_start });
        if idle >= limits.daily_seconds && idle < limit_seconds {
            reasons.push(Reason::MissedADay { seconds: idle });
        }
        (since, idle)
    });
    let unread = to_read(snapshot, slot, reasons);
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let has_to_read = unread.is_some_and(|bytes| bytes >= segment);
    let behind = falls_behind(snapshot, slot, reasons);
    if let Some(past) = &past
        && past.looks > 1
    {
        reasons.push(frozen(past, now));
    }

    // Only who holds a slot moves it, and leaving sets inactive_since: unless the looks know better, an old one proves
    // that the positions are as old.
    let contradicted = past.and_then(|past| past.moved_after).filter(|after| {
        idle.is_some_and(|(since, _)| *after >= since && !is_start(slot.inactive_since, snapshot.server.started_at))
    });
    if let Some(after) = contradicted {
        reasons.push(Reason::MovedUnseen { after });
    }
    // A start begins the record anew; what looks saw of the one before it counts on.
    let before_starts = past.filter(|past| past.quiet_gap_seconds <= limits.gap_seconds);
    let recorded = before_starts.map_or(0, |past| past.recorded_seconds);
    let by_record = idle.is_some_and(|(_, idle)| idle + recorded >= limit_seconds) && contradicted.is_none();
    if recorded > 0 {
        reasons.push(Reason::RecordedBefore { seconds: recorded });
    }
    let by_looks = past.is_some_and(|past| {
        seconds(past.quiet_since, now) >= limit_seconds
            && past.quiet_looks >= limits.looks
            && past.quiet_gap_seconds <= limits.gap_seconds
    });
    if let Some(past) = past.filter(|past| past.quiet_looks > 1) {
        reasons.push(Reason::Unused {
            since: past.quiet_since,
            seconds: seconds(past.quiet_since, now),
            looks: past.quiet_looks,
            longest_gap_seconds: past.quiet_gap_seconds,
            limit_seconds,
        });
    }
    if by_record || by_looks {
        if has_to_read {
            return Verdict::Stale;
        }
        // Idle is not forgotten: on a server that writes nothing every consumer rests.
        if let Some(bytes) = unread {
            reasons.push(Reason::NothingToRead { bytes });
        }
        return Verdict::Inactive;
    }
    if let Some(past) = past {
        if let Some(at) = past.visited_in_vain {
            reasons.push(Reason::Visited { at });
            return Verdict::Lagging;
        }
        // A poller is away between its polls.
        if let Some(after) = past.moved_after
            && slot.slot_type == SlotType::Logical
            && seconds(after, now) < limits.daily_seconds
        {
            reasons.push(Reason::Moved { after });
            return if behind { Verdict::Lagging } else { Verdict::Healthy };
        }
    }
    let unused_since = idle.map(|(since, _)| since);
    reasons.push(what_would_prove(slot, past.as_ref(), now, limits, unused_since, recorded));
    Verdict::Inactive
}

fn after(at: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn what_would_prove(
    slot: &Slot,
    past: Option<&Standing>,
    now: Timestamp,
    limits: &Limits,
    inactive_since: Option<Timestamp>,
    recorded: u64,
) -> Reason {
    let limit = limits.stale_after(slot.slot_type);
    if let Some(since) = inactive_since {
        return Reason::ProvenFrom { at: after(since, limit.saturating_sub(recorded)).max(now) };
    }
    // A gap that is too long is not mended by more looks: the count begins anew.
    let past = past.filter(|past| past.quiet_looks > 0 && past.quiet_gap_seconds <= limits.gap_seconds);
    let since = past.map_or(now, |past| past.quiet_since);
    Reason::NeedsLooks {
        have: past.map_or(1, |past| past.quiet_looks),
        need: limits.looks,
        longest_gap_seconds: past.map_or(0, |past| past.quiet_gap_seconds),
        limit_gap_seconds: limits.gap_seconds,
        earliest: after(since, limit).max(now),
    }
}

/// A `catalog_xmin` keeps dead rows of catalogs, an `xmin` those of all tables (fact sheet on slots, B1). Beside a
/// consumer at work that is its price; of one that is away or stuck it is worth a word.
fn keeps_rows(evidence: &Evidence, slot: &Slot, verdict: Verdict, reasons: &mut Vec<Reason>) {
    let limits = evidence.limits;
    let setting = evidence.snapshot.settings.known().and_then(|all| all.text("autovacuum_freeze_max_age"));
    let freeze_max_age = setting.and_then(|text| text.parse().ok());
    let at_work = verdict == Verdict::Healthy;
    for (age, rows) in [(slot.xmin_age, KeptRows::All), (slot.catalog_xmin_age, KeptRows::Catalogs)] {
        if let Some(xmin_age) = age.map(i64::unsigned_abs).filter(|age| !at_work || *age >= limits.xmin_age) {
            reasons.push(Reason::KeepsRows { rows, xmin_age, freeze_max_age });
        }
    }
}
