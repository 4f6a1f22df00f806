//! Why a slot in use makes no progress.

use super::{
    Gate, Reason,
    activity::{SlotActivity, seconds_between},
    protection::synchronized_standby_slots,
};
use crate::facts::{Slot, SlotType, Snapshot};

/// Tolerance in transactions: the ages are read by two statements, and transactions begin in between.
const XID_DRIFT: i64 = 1_000;

/// Adds every cause that the facts show. `stuck` is the activity of a slot that made no progress while WAL was written.
pub fn add_stall_causes(snapshot: &Snapshot, slot: &Slot, stuck: Option<&SlotActivity>, reasons: &mut Vec<Reason>) {
    if slot.slot_type != SlotType::Logical {
        return;
    }
    let before = reasons.len();
    add_pinning_transactions(snapshot, slot, reasons);
    add_standby_gates(snapshot, slot, reasons);
    if let Some(activity) = stuck
        && reasons.len() == before
        && activity.rows_written == Some(0)
        && let Some(database) = slot.database.clone()
    {
        reasons.push(Reason::IdleDatabase { database, wal_bytes: activity.wal_bytes });
    }
}

/// Adds the transactions that pin the slot: `restart_lsn` stays at or before the beginning of the oldest transaction
/// with an id, prepared ones included, while `confirmed_flush_lsn` moves on
/// (docs/reference/slots.md#transactions-that-pin-restart_lsn).
fn add_pinning_transactions(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) {
    let (Some(restart), Some(confirmed)) = (slot.restart_lsn, slot.confirmed_flush_lsn) else { return };
    let bytes = confirmed.bytes_since(restart);
    if bytes < snapshot.server.wal_segment_bytes.max(1) {
        return;
    }
    // catalog_xmin is the oldest transaction that was running at the position where decoding restarts.
    let pins = |age: i64| slot.catalog_xmin_age.is_none_or(|xmin_age| age + XID_DRIFT >= xmin_age);
    let now = snapshot.collected_at;
    if let Some(prepared) = snapshot.prepared_transactions.known() {
        for transaction in prepared.iter().filter(|prepared_transaction| pins(prepared_transaction.xid_age)) {
            reasons.push(Reason::PinnedByPrepared {
                gid: transaction.gid.clone(),
                database: transaction.database.clone(),
                owner: transaction.owner.clone(),
                seconds: seconds_between(transaction.prepared, now),
                bytes,
            });
        }
    }
    let Some(transactions) = snapshot.transactions.known() else { return };
    let oldest = transactions
        .transactions
        .iter()
        .max_by_key(|transaction| transaction.xid_age)
        .filter(|transaction| pins(transaction.xid_age));
    match oldest {
        Some(transaction) => reasons.push(Reason::PinnedByTransaction {
            pid: transaction.pid,
            database: transaction.database.clone(),
            role: transaction.role.clone(),
            seconds: transaction.xact_start.map(|start| seconds_between(start, now)),
            query: transaction.query.clone().filter(|query| !query.is_empty()),
            bytes,
        }),
        None if !transactions.sees_all => reasons.push(Reason::TransactionsHidden { bytes }),
        None => {}
    }
}

/// Adds how much WAL was sent and not confirmed, and how much was not sent.
pub fn add_unconfirmed_wal(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) {
    let Some(sent) = super::owner::find_walsender(slot, snapshot).and_then(|walsender| walsender.sent_lsn) else {
        return;
    };
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let confirmed = slot.confirmed_flush_lsn.or(slot.restart_lsn);
    if let Some(bytes) = confirmed.map(|confirmed| sent.bytes_since(confirmed)).filter(|bytes| *bytes >= segment) {
        reasons.push(Reason::SentNotConfirmed { bytes });
    }
    if let Some(bytes) = snapshot.current_lsn().map(|now| now.bytes_since(sent)).filter(|bytes| *bytes >= segment) {
        reasons.push(Reason::NotSent { bytes });
    }
}

/// Returns whether the consumer has received all that the standby confirmed, and the standby is behind.
fn blocks_consumer(snapshot: &Snapshot, standby: &Slot, slot: &Slot) -> bool {
    let segment = snapshot.server.wal_segment_bytes.max(1);
    let (Some(reached), Some(confirmed)) = (standby.restart_lsn, slot.confirmed_flush_lsn) else { return false };
    let lacks = snapshot.current_lsn().map_or(0, |now| now.bytes_since(reached));
    lacks >= segment && reached.bytes_since(confirmed) < segment
}

/// Adds standbys that delay a failover slot. Its consumer receives only what the standbys in
/// `synchronized_standby_slots` have confirmed (PostgreSQL 17 manual); a missing slot blocks it indefinitely.
fn add_standby_gates(snapshot: &Snapshot, slot: &Slot, reasons: &mut Vec<Reason>) {
    if slot.failover != Some(true) || snapshot.server.in_recovery {
        return;
    }
    let Some(slots) = snapshot.slots.known() else { return };
    for name in synchronized_standby_slots(snapshot) {
        let gate = match slots.iter().find(|slot| slot.slot_name == name) {
            None => Gate::Missing,
            Some(standby) if standby.is_lost() => Gate::Lost,
            Some(standby) if !standby.active => Gate::Inactive,
            Some(standby) if blocks_consumer(snapshot, standby, slot) => Gate::Behind,
            Some(_) => continue,
        };
        reasons.push(Reason::WaitsForStandby { standby_slot: name.to_owned(), gate });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SEGMENT: u64 = 16 << 20;

    fn lsn(segments: u64) -> Value {
        json!(crate::units::Lsn::new((1_000 + segments) * SEGMENT))
    }

    fn slot(fields: Value) -> Slot {
        let mut slot = json!({"slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop",
            "temporary": false, "active": true, "active_pid": 7, "restart_lsn": lsn(0), "confirmed_flush_lsn": lsn(0),
            "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null, "catalog_xmin_age": 50, "failover": true});
        slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(slot).unwrap()
    }

    /// WAL is at 900 segments, 600 were sent.
    fn snapshot(slots: &[&Slot]) -> Snapshot {
        let now = "2026-06-01T00:00:00Z";
        serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": now,
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": now, "requested_at": now, "block_size_bytes": 8192, "wal_segment_bytes": SEGMENT},
            "slots": {"known": slots},
            "settings": {"known": [{"name": "synchronized_standby_slots", "setting": "s1", "unit": null,
                "source": "file", "pending_restart": false}]},
            "wal_position": {"known": {"current_lsn": lsn(900), "replay_lsn": null, "requested_at": now}},
            "walsenders": {"known": [{"pid": 7, "application_name": "orders", "role": "r", "client_addr": null,
                "backend_start": now, "state": "streaming", "sent_lsn": lsn(600), "flush_lsn": null,
                "replay_lsn": null}]},
        }))
        .unwrap()
    }

    #[test]
    fn causes_standby_blocks_caught_up_consumer() {
        let gate = |standby: Value, consumer: u64| {
            let slot = slot(json!({"confirmed_flush_lsn": lsn(consumer)}));
            let kind = json!({"slot_name": "s1", "slot_type": "physical", "plugin": null, "confirmed_flush_lsn": null});
            let mut fields = kind.as_object().unwrap().clone();
            fields.extend(standby.as_object().unwrap().clone());
            let standby = self::slot(Value::Object(fields));
            let mut reasons = Vec::new();
            add_standby_gates(&snapshot(&[&slot, &standby]), &slot, &mut reasons);
            reasons.into_iter().find_map(|reason| match reason {
                Reason::WaitsForStandby { gate, .. } => Some(gate),
                _ => None,
            })
        };
        assert_eq!(gate(json!({"restart_lsn": lsn(900)}), 10), None, "the standby is connected");
        assert_eq!(gate(json!({"restart_lsn": lsn(500)}), 10), None, "the consumer is far behind the standby");
        assert_eq!(gate(json!({"restart_lsn": lsn(500)}), 500), Some(Gate::Behind));
        assert_eq!(gate(json!({"restart_lsn": lsn(500), "active": false}), 10), Some(Gate::Inactive));
        assert_eq!(gate(json!({"wal_status": "lost"}), 10), Some(Gate::Lost));
    }

    #[test]
    fn causes_split_sent_and_unsent_wal() {
        let causes_of = |slot: &Slot| {
            let mut reasons = Vec::new();
            add_unconfirmed_wal(&snapshot(&[slot]), slot, &mut reasons);
            reasons
        };
        let not_sent = Reason::NotSent { bytes: 300 * SEGMENT };
        assert_eq!(causes_of(&slot(json!({"confirmed_flush_lsn": lsn(600)}))), std::slice::from_ref(&not_sent));
        let expected = [Reason::SentNotConfirmed { bytes: 600 * SEGMENT }, not_sent];
        assert_eq!(causes_of(&slot(json!({}))), expected);
        assert!(causes_of(&slot(json!({"active_pid": 8}))).is_empty(), "no walsender has this pid");
    }
}
