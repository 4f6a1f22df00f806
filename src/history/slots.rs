//! Writing the replication slots of a sample.

use super::{
    HistoryError,
    dialect::{Transaction, binds},
    identity::NewSample,
    time::{micros, position},
};
use crate::facts::{Slot, SlotType, Snapshot, WalStatus};
use std::collections::HashMap;

/// The stored value of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SlotValue {
    is_present: bool,
    is_active: bool,
    slot_type: String,
    plugin: Option<String>,
    restart_lsn: Option<i64>,
    confirmed_flush_lsn: Option<i64>,
    wal_status: Option<String>,
    inactive_since: Option<i64>,
}

struct KnownSlot {
    slot_id: i64,
    certain_since: i64,
    last_active: Option<i64>,
    last_connected: Option<i64>,
    frozen_since: i64,
    value: SlotValue,
}

/// Writes changed slots. Temporary slots belong to a session and are omitted.
pub(super) async fn write_slots(
    tx: &mut Transaction,
    writing: &NewSample,
    snapshot: &Snapshot,
) -> Result<(), HistoryError> {
    let Some(slots) = snapshot.slots.known() else { return Ok(()) };
    let mut known = load_known_slots(tx, writing.cluster_id).await?;
    let now = writing.collected_at;
    let started_at = micros(snapshot.server.started_at);
    let (mut rows, mut changed) = (Vec::new(), HashMap::new());
    for slot in slots.iter().filter(|slot| !slot.temporary) {
        let value = SlotValue::from(slot);
        let before = known.remove(&slot.slot_name);
        let (same, moved, connected) = match &before {
            None => (false, true, value.is_active),
            Some(before) => {
                let same = is_same_slot(&before.value, &value);
                let moved = !same
                    || (before.value.restart_lsn, before.value.confirmed_flush_lsn)
                        != (value.restart_lsn, value.confirmed_flush_lsn);
                // Each start of the server sets inactive_since to a time shortly after it.
                let is_start = value.inactive_since.is_some_and(|since| (since - started_at).abs() < 60_000_000);
                let inactive_since_moved = value.inactive_since > before.value.inactive_since && !is_start;
                (same, moved, value.is_active || moved || inactive_since_moved)
            }
        };
        let old = before.as_ref();
        rows.push(binds![
            writing.cluster_id,
            &*slot.slot_name,
            now,
            old.filter(|_| same).map_or(now, |old| old.certain_since),
            if value.is_active { Some(now) } else { old.filter(|_| same).and_then(|old| old.last_active) },
            if connected { Some(now) } else { old.and_then(|old| old.last_connected) },
            old.filter(|_| !moved).map_or(now, |old| old.frozen_since),
        ]);
        if old.is_none_or(|old| value != old.value) {
            changed.insert(slot.slot_name.as_str(), value);
        }
    }
    let into = "slot (cluster_id, name, first_seen, certain_since, last_active, last_connected, frozen_since)";
    let after = "on conflict (cluster_id, name) do update set certain_since = excluded.certain_since, \
                 last_active = excluded.last_active, last_connected = excluded.last_connected, \
                 frozen_since = excluded.frozen_since returning name, slot_id";
    let mut values = Vec::new();
    for row in tx.insert(into, rows.into_iter(), after).await? {
        if let Some(value) = changed.remove(row.text(0)?.as_str()) {
            values.push((row.int(1)?, value));
        }
    }
    for gone in known.into_values().filter(|slot| slot.value.is_present) {
        values.push((gone.slot_id, SlotValue { slot_type: gone.value.slot_type, ..SlotValue::default() }));
    }
    write_slot_values(tx, writing, &values).await
}

/// Returns whether it can be the same slot: a slot that was absent, is of another kind or has an older `restart_lsn`
/// was created again.
fn is_same_slot(before: &SlotValue, now: &SlotValue) -> bool {
    before.is_present
        && (&before.slot_type, &before.plugin) == (&now.slot_type, &now.plugin)
        && before.restart_lsn.zip(now.restart_lsn).is_none_or(|(before, now)| now >= before)
}

async fn load_known_slots(tx: &mut Transaction, cluster_id: i64) -> Result<HashMap<String, KnownSlot>, HistoryError> {
    let sql = "select s.name, s.slot_id, s.certain_since, s.last_active, s.last_connected, s.frozen_since, \
                      v.is_present, v.is_active, v.slot_type, v.plugin, v.restart_lsn, v.confirmed_flush_lsn, \
                      v.wal_status, v.inactive_since \
                 from slot s join slot_value v on v.slot_id = s.slot_id \
                where s.cluster_id = $1 \
                  and v.sample_id = (select max(n.sample_id) from slot_value n where n.slot_id = s.slot_id)";
    let mut known = HashMap::new();
    for row in tx.rows(sql, binds![cluster_id]).await? {
        let value = SlotValue {
            is_present: row.flag(6)?,
            is_active: row.flag(7)?,
            slot_type: row.text(8)?,
            plugin: row.text_or_none(9)?,
            restart_lsn: row.int_or_none(10)?,
            confirmed_flush_lsn: row.int_or_none(11)?,
            wal_status: row.text_or_none(12)?,
            inactive_since: row.int_or_none(13)?,
        };
        let slot = KnownSlot {
            slot_id: row.int(1)?,
            certain_since: row.int(2)?,
            last_active: row.int_or_none(3)?,
            last_connected: row.int_or_none(4)?,
            frozen_since: row.int(5)?,
            value,
        };
        known.insert(row.text(0)?, slot);
    }
    Ok(known)
}

async fn write_slot_values(
    tx: &mut Transaction,
    writing: &NewSample,
    values: &[(i64, SlotValue)],
) -> Result<(), HistoryError> {
    let rows = values.iter().map(|(slot_id, value)| {
        binds![
            *slot_id,
            writing.sample_id,
            value.is_present,
            value.is_active,
            &*value.slot_type,
            value.plugin.as_deref(),
            value.restart_lsn,
            value.confirmed_flush_lsn,
            value.wal_status.as_deref(),
            value.inactive_since,
        ]
    });
    let into = "slot_value (slot_id, sample_id, is_present, is_active, slot_type, plugin, restart_lsn, \
                confirmed_flush_lsn, wal_status, inactive_since)";
    tx.insert(into, rows, "").await?;
    Ok(())
}

impl From<&Slot> for SlotValue {
    fn from(slot: &Slot) -> SlotValue {
        let slot_type = match slot.slot_type {
            SlotType::Physical => "physical",
            SlotType::Logical => "logical",
        };
        let wal_status = slot.wal_status.map(|status| match status {
            WalStatus::Reserved => "reserved",
            WalStatus::Extended => "extended",
            WalStatus::Unreserved => "unreserved",
            WalStatus::Lost => "lost",
        });
        SlotValue {
            is_present: true,
            is_active: slot.active,
            slot_type: slot_type.to_owned(),
            plugin: slot.plugin.clone(),
            restart_lsn: slot.restart_lsn.map(position),
            confirmed_flush_lsn: slot.confirmed_flush_lsn.map(position),
            wal_status: wal_status.map(str::to_owned),
            inactive_since: slot.inactive_since.map(micros),
        }
    }
}
