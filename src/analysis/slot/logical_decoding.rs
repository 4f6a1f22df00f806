//! The end of logical decoding, when a server with `wal_level = replica` loses its last valid logical slot (19 and newer;
//! docs/reference/slots.md#the-last-logical-slot).

use crate::facts::{Fact, Replica, ReplicaUse, Server, Settings, Slot, SlotType, Snapshot, Unavailable, Walsender};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Programs that stream WAL, but have no slots.
const PROGRAMS_WITHOUT_SLOTS: [&str; 2] = ["pg_receivewal", "pg_basebackup"];

/// Application name of a WAL receiver without configuration. It does not identify a standby.
const UNNAMED_RECEIVER: &str = "walreceiver";

/// A valid logical slot of a standby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StandbySlot {
    /// Conninfo of the standby, without a password.
    pub standby: String,
    /// Name of the slot.
    pub slot_name: String,
    /// Whether a consumer is connected.
    pub active: bool,
}

/// What is known of the logical slots of all standbys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StandbySlots {
    /// Logical slots of the standbys that were read. Synced copies are not included.
    pub slots: Vec<StandbySlot>,
    /// Standbys that are connected or have a physical slot, and were not read.
    pub unread: Vec<String>,
    /// Facts that could not be read; without them, standbys may be missing.
    pub unavailable: Vec<Unavailable>,
}

/// Returns whether the server ends logical decoding without a logical slot: a primary of 19 or newer with
/// `wal_level = replica`. If the role cannot read the setting, it is assumed.
pub fn needs_logical_slot(server: &Server, settings: Option<&Settings>) -> bool {
    let wal_level = settings.and_then(|settings| settings.text("wal_level"));
    server.major() >= 19 && !server.in_recovery && wal_level.is_none_or(|level| level == "replica")
}

/// Returns whether the slot keeps logical decoding enabled. A temporary slot does so too, but only until its session ends.
pub fn keeps_logical_decoding(slot: &Slot) -> bool {
    slot.slot_type == SlotType::Logical && !slot.is_lost() && !slot.temporary
}

/// Returns whether dropping the named slots drops the last valid logical slot.
pub fn drops_last_logical_slot<'a>(slots: impl IntoIterator<Item = &'a Slot>, dropped: &[&str]) -> bool {
    let (gone, remaining): (Vec<&Slot>, Vec<&Slot>) = slots
        .into_iter()
        .filter(|slot| keeps_logical_decoding(slot))
        .partition(|slot| dropped.contains(&slot.slot_name.as_str()));
    !gone.is_empty() && remaining.is_empty()
}

/// Returns whether invalidating slots of this server can end logical decoding.
pub fn may_lose_logical_decoding(snapshot: &Snapshot) -> bool {
    needs_logical_slot(&snapshot.server, snapshot.settings.known())
        && snapshot.slots.known().is_some_and(|slots| slots.iter().any(keeps_logical_decoding))
}

/// A standby or another reader of WAL, as its sender shows it.
#[derive(Clone, Debug)]
struct Receiver {
    slot_name: Option<String>,
    application_name: Option<String>,
}

impl Receiver {
    fn name(&self) -> String {
        match (&self.slot_name, &self.application_name) {
            (Some(slot), _) => format!("slot {slot}"),
            (None, Some(name)) => name.clone(),
            (None, None) => "unnamed".to_owned(),
        }
    }

    /// Returns whether it is this standby: by the slot; without one, by an application name that someone chose.
    fn is(&self, replica: &ReplicaUse) -> bool {
        let Some(source) = replica.source.known() else { return false };
        match (&self.slot_name, &source.slot_name) {
            (Some(own), Some(theirs)) => own == theirs,
            (None, None) => {
                self.application_name.is_some()
                    && self.application_name == source.application_name
                    && self.application_name.as_deref() != Some(UNNAMED_RECEIVER)
            }
            _ => false,
        }
    }
}

impl StandbySlots {
    /// Looks for the standbys in the walsenders and physical slots of the primary and of the standbys that were read.
    pub fn new(walsenders: &Fact<Vec<Walsender>>, slots: &[Slot], replicas: &[Replica]) -> StandbySlots {
        let mut found = StandbySlots::default();
        let mut receivers = found.receivers(walsenders, slots);
        let mut read: Vec<(&str, &ReplicaUse)> = Vec::new();
        let mut starts = BTreeSet::new();
        for replica in replicas {
            match &replica.used {
                // One entry per database: the slots are those of the whole server.
                Fact::Known(used) if starts.insert(used.started_at) => read.push((&replica.name, used)),
                Fact::Known(_) => {}
                Fact::Unavailable(why) => found
                    .unavailable
                    .push(Unavailable { reason: format!("standby {}: {}", replica.name, why.reason), ..why.clone() }),
            }
        }
        for (name, used) in &read {
            match used.slots.as_result() {
                Ok(slots) => {
                    let own = slots.iter().filter(|slot| keeps_logical_decoding(slot) && slot.synced != Some(true));
                    found.slots.extend(own.map(|slot| StandbySlot {
                        standby: (*name).to_owned(),
                        slot_name: slot.slot_name.clone(),
                        active: slot.active,
                    }));
                    receivers.extend(found.receivers(&used.walsenders, slots));
                }
                Err(why) => found
                    .unavailable
                    .push(Unavailable { reason: format!("standby {name}: {}", why.reason), ..why.clone() }),
            }
        }
        for receiver in receivers {
            match read.iter().position(|(_, used)| used.in_recovery && receiver.is(used)) {
                Some(position) => drop(read.swap_remove(position)),
                None => found.unread.push(receiver.name()),
            }
        }
        found
    }

    fn receivers(&mut self, walsenders: &Fact<Vec<Walsender>>, slots: &[Slot]) -> Vec<Receiver> {
        let mut receivers = Vec::new();
        match walsenders.as_result() {
            Ok(walsenders) => {
                for walsender in walsenders.iter().filter(|walsender| walsender.state.as_deref() != Some("backup")) {
                    let slot = slots.iter().find(|slot| slot.active_pid == Some(walsender.pid));
                    let application_name = walsender.application_name.clone().filter(|name| !name.is_empty());
                    let has_no_slots =
                        application_name.as_ref().is_some_and(|name| PROGRAMS_WITHOUT_SLOTS.contains(&name.as_str()));
                    if !has_no_slots && slot.is_none_or(|slot| slot.slot_type == SlotType::Physical) {
                        let slot_name = slot.map(|slot| slot.slot_name.clone());
                        receivers.push(Receiver { slot_name, application_name });
                    }
                }
            }
            Err(why) => self.unavailable.push(why.clone()),
        }
        let is_waiting = |slot: &&Slot| {
            slot.slot_type == SlotType::Physical
                && !slot.active
                && !slot.temporary
                && (slot.restart_lsn.is_some() || slot.is_lost())
        };
        receivers.extend(
            slots
                .iter()
                .filter(is_waiting)
                .map(|slot| Receiver { slot_name: Some(slot.slot_name.clone()), application_name: None }),
        );
        receivers
    }

    /// Returns whether no standby can have a logical slot, except those that are fed from an archive.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.unread.is_empty() && self.unavailable.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slot(fields: Value) -> Slot {
        let mut slot = json!({"slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop",
            "temporary": false, "active": false, "active_pid": null, "restart_lsn": "0/1", "confirmed_flush_lsn": "0/1",
            "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null, "catalog_xmin_age": 50});
        slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(slot).unwrap()
    }

    fn physical(name: &str, pid: Option<i32>) -> Slot {
        slot(json!({"slot_name": name, "slot_type": "physical", "plugin": null, "database": null,
                    "active": pid.is_some(), "active_pid": pid}))
    }

    fn walsender(pid: i32, name: &str, state: &str) -> Walsender {
        serde_json::from_value(json!({"pid": pid, "application_name": name, "role": "r", "client_addr": null,
            "backend_start": null, "state": state, "sent_lsn": null, "flush_lsn": null, "replay_lsn": null}))
        .unwrap()
    }

    fn standby(source: Value, slots: &[Slot], walsenders: &[Walsender], started_at: &str) -> Replica {
        serde_json::from_value(json!({"name": "host=s", "database": "shop", "used": {"known": {
            "system_identifier": "7", "in_recovery": true, "started_at": started_at,
            "statistics_resets": {"unavailable": {"fact": "resets", "reason": "not read"}},
            "source": {"known": source}, "walsenders": {"known": walsenders}, "slots": {"known": slots},
            "idx_scans": {"known": {}}}}}))
        .unwrap()
    }

    const START: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn last_logical_slot_ignores_lost_temporary_physical() {
        let last = |others: &[Slot]| {
            let mut slots = vec![slot(json!({}))];
            slots.extend(others.iter().cloned());
            drops_last_logical_slot(&slots, &["orders"])
        };
        assert!(last(&[]));
        assert!(last(&[physical("s", None), slot(json!({"slot_name": "gone", "wal_status": "lost"}))]));
        assert!(last(&[slot(json!({"slot_name": "passing", "temporary": true}))]), "it ends with its session");
        assert!(!last(&[slot(json!({"slot_name": "other"}))]));
        assert!(!drops_last_logical_slot(&[slot(json!({"wal_status": "lost"}))], &["orders"]), "it keeps nothing");
        assert!(!drops_last_logical_slot(&[physical("orders", None)], &["orders"]));
    }

    #[test]
    fn needs_logical_slot_from_19_on_replica() {
        let needs = |version_num: u32, in_recovery: bool, wal_level: Option<&str>| {
            let server: Server = serde_json::from_value(json!({"version_num": version_num, "version": "",
                "database": "shop", "role": "me", "role_is_superuser": true, "role_may_replicate": true,
                "role_is_monitor": true, "in_recovery": in_recovery, "started_at": START, "requested_at": START,
                "block_size_bytes": 8192, "wal_segment_bytes": 1 << 24}))
            .unwrap();
            let setting = |level: &str| {
                serde_json::from_value::<Settings>(json!([{"name": "wal_level", "setting": level, "unit": null,
                    "source": "default", "pending_restart": false}]))
                .unwrap()
            };
            needs_logical_slot(&server, wal_level.map(setting).as_ref())
        };
        assert!(!needs(180_004, false, Some("replica")));
        assert!(!needs(190_000, false, Some("logical")));
        assert!(!needs(190_000, true, Some("replica")), "a standby follows its primary");
        assert!(needs(190_000, false, Some("replica")));
        assert!(needs(190_000, false, None), "hidden from the role");
    }

    #[test]
    fn standby_slots_need_every_standby() {
        let walsenders =
            Fact::Known(vec![walsender(1, "walreceiver", "streaming"), walsender(2, "debezium", "streaming")]);
        let slots = [physical("s1", Some(1)), slot(json!({"active": true, "active_pid": 2}))];
        let found = |replicas: &[Replica]| StandbySlots::new(&walsenders, &slots, replicas);
        assert_eq!(found(&[]).unread, ["slot s1"]);
        let s1 = |slots: &[Slot], walsenders: &[Walsender]| {
            standby(json!({"slot_name": "s1", "application_name": null}), slots, walsenders, START)
        };
        assert!(found(&[s1(&[], &[])]).is_empty());
        let twice = found(&[s1(&[], &[]), s1(&[], &[])]);
        assert!(twice.is_empty(), "one entry per database");
        let other = standby(json!({"slot_name": "s2", "application_name": null}), &[], &[], START);
        assert_eq!(found(&[other]).unread, ["slot s1"]);
        let busy = found(&[s1(&[slot(json!({"slot_name": "busy", "active": true}))], &[])]);
        assert_eq!(busy.slots.iter().map(|slot| &*slot.slot_name).collect::<Vec<_>>(), ["busy"]);
        assert!(found(&[s1(&[slot(json!({"synced": true}))], &[])]).is_empty(), "a copy follows its slot");
        let cascade = found(&[s1(&[], &[walsender(9, "below", "streaming")])]);
        assert_eq!(cascade.unread, ["below"], "a standby of the standby");
        let silent = Replica { used: Fact::Unavailable(Unavailable::new("standby", "no answer")), ..s1(&[], &[]) };
        let found = found(&[silent]);
        assert_eq!((found.unread.len(), found.unavailable.len()), (1, 1));
    }

    #[test]
    fn standby_slots_without_slot_need_a_chosen_name() {
        let found = |own: &str, theirs: &str| {
            let replica = standby(json!({"slot_name": null, "application_name": theirs}), &[], &[], START);
            StandbySlots::new(&Fact::Known(vec![walsender(1, own, "streaming")]), &[], &[replica])
        };
        assert!(found("s1", "s1").is_empty());
        assert_eq!(found("s1", "s2").unread, ["s1"]);
        assert_eq!(found("walreceiver", "walreceiver").unread, ["walreceiver"], "the default name of every standby");
        let idle = StandbySlots::new(&Fact::Known(vec![walsender(1, "pg_receivewal", "streaming")]), &[], &[]);
        assert!(idle.is_empty());
        let waiting = StandbySlots::new(&Fact::Known(Vec::new()), &[physical("away", None)], &[]);
        assert_eq!(waiting.unread, ["slot away"]);
        let hidden = StandbySlots::new(&Fact::not_requested("walsenders"), &[], &[]);
        assert!(!hidden.is_empty());
    }
}
