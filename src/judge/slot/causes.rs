//! Why a slot in use does not move.

use super::{
    Gate, Reason,
    protection::synchronized_standby_slots,
    standing::{Standing, seconds},
};
use crate::model::{Slot, SlotType, Snapshot};

/// Transactions begin between two of the statements that read the ages.
const DRIFT: i64 = 1_000;

/// Every cause that the facts tell of. `stuck` is the past of a slot that did not move while others wrote.
pub fn causes(snapshot: &Snapshot, slot: &Slot, stuck: Option<&Standing>, reasons: &mut Vec<Reason>) {
    if slot.slot_type != SlotType::Logical {
        return;
    }
    let before = reasons.len();
    pinned(snapshot, slot, reasons);
    gated(snapshot, slot, reasons);
    if let Some(past) = stuck
        && reasons.len() == before
        && past.rows_written == Some(0)
        && let Some(database) = slot.database.clone()
    {
        reasons.push(Reason::IdleDatabase { database, wal_bytes: past.wal_bytes });
    }
}

/// `restart_lsn` stays at or before the beginning of the oldest transaction with an id, prepared ones included, while
/// `confirmed_flush_lsn` moves on (fact sheet on slots, B1).
fn pinned(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) {
    let (Some(restart), Some(confirmed)) = (slot.restart_lsn, slot.confirmed_flush_lsn) else { return };
    let bytes = confirmed.bytes_since(restart);
    if bytes < snapshot.server.wal_segment_bytes.max(1) {
        return;
    }
    // The oldest transaction that ran where decoding would begin anew is what catalog_xmin tells of.
    let pins = |age: i64| slot.catalog_xmin_age.is_none_or(|xmin_age| age + DRIFT >= xmin_age);
    let now = snapshot.collected_at;
    if let Some(prepared) = snapshot.prepared_transactions.known() {
        for one in prepared.iter().filter(|one| pins(one.xid_age)) {
            reasons.push(Reason::PinnedByPrepared {
                gid: one.gid.clone(),
                database: one.database.clone(),
                owner: one.owner.clone(),
                seconds: seconds(one.prepared, now),
                bytes,
            });
        }
    }
    let Some(transactions) = snapshot.transactions.known() else { return };
    let oldest = transactions.transactions.iter().max_by_key(|one| one.xid_age).filter(|one| pins(one.xid_age));
    match oldest {
        Some(one) => reasons.push(Reason::PinnedByTransaction {
            pid: one.pid,
            database: one.database.clone(),
            role: one.role.clone(),
            seconds: one.xact_start.map(|start| seconds(start, now)),
            query: one.query.clone().filter(|query| !query.is_empty()),
            bytes,
        }),
        None if !transactions.sees_all => reasons.push(Reason::TransactionsHidden { bytes }),
        None => {}
    }
}

/// A failover slot's consumer gets nothing that the named standbys have not confirmed (PostgreSQL 17 manual,
/// `synchronized_standby_slots`); one that is not there holds it up for ever.
fn gated(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) {
    if slot.failover != Some(true) || snapshot.server.in_recovery {
        return;
    }
    let Some(slots) = snapshot.slots.known() else { return };
    for name in synchronized_standby_slots(snapshot) {
        let gate = match slots.iter().find(|slot| slot.slot_name == name) {
            None => Gate::Missing,
            Some(standby) if standby.is_lost() => Gate::Lost,
            Some(standby) if !standby.active => Gate::Inactive,
            Some(_) => continue,
        };
        reasons.push(Reason::WaitsForStandby { standby_slot: name.to_owned(), gate });
    }
}
