//! The standbys of a server that it knows.

use super::{Fact, Slot, SlotType, Unavailable, Walsender};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A standby that streams, or a physical slot without a walsender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standby {
    /// `application_name`, or the slot's name.
    pub name: String,
    /// `pg_stat_replication.client_addr`; `None` on a Unix socket, and for a slot without a walsender.
    pub address: Option<String>,
    /// Whether it streams now; false for a physical slot without a walsender.
    pub streaming: bool,
}

/// Programs that stream WAL, but are not servers.
const NON_STANDBY_PROGRAMS: [&str; 2] = ["pg_receivewal", "pg_basebackup"];

impl Standby {
    /// Those that stream, then those that are waited for; both facts are needed, as a walsender of a logical slot is no
    /// standby's.
    pub fn from_facts(walsenders: &Fact<Vec<Walsender>>, slots: &Fact<Vec<Slot>>) -> Result<Vec<Standby>, Unavailable> {
        let walsenders = walsenders.as_result().map_err(Clone::clone)?;
        let slots = slots.as_result().map_err(Clone::clone)?;
        let decodes = |walsender: &Walsender| {
            slots.iter().any(|slot| slot.slot_type == SlotType::Logical && slot.active_pid == Some(walsender.pid))
        };
        let name = |walsender: &Walsender| walsender.application_name.clone().filter(|name| !name.is_empty());
        let streaming = walsenders
            .iter()
            .filter(|walsender| walsender.state.as_deref() != Some("backup") && !decodes(walsender))
            .filter(|walsender| name(walsender).is_none_or(|name| !NON_STANDBY_PROGRAMS.contains(&name.as_str())))
            .map(|walsender| Standby {
                name: name(walsender).unwrap_or_else(|| "unnamed".to_owned()),
                address: walsender.client_addr.clone(),
                streaming: true,
            });
        let waits = |slot: &&Slot| {
            slot.slot_type == SlotType::Physical && !slot.active && !slot.temporary && slot.restart_lsn.is_some()
        };
        let waiting = slots.iter().filter(waits).map(|slot| Standby {
            name: slot.slot_name.clone(),
            address: None,
            streaming: false,
        });
        let mut standbys: Vec<Standby> = streaming.chain(waiting).collect();
        standbys.sort_by(|a, b| (b.streaming, &a.name, &a.address).cmp(&(a.streaming, &b.name, &b.address)));
        Ok(standbys)
    }
}

/// Positions and times of replay; all `None` on a primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct StandbyReplay {
    /// `pg_last_wal_receive_lsn()`; `None` without a WAL receiver since the start.
    pub receive_lsn: Option<Lsn>,
    /// `pg_last_wal_replay_lsn()`.
    pub replay_lsn: Option<Lsn>,
    /// Commit time of the last transaction replayed.
    pub last_replayed_at: Option<Timestamp>,
    /// `pg_is_wal_replay_paused()`.
    pub is_paused: Option<bool>,
    /// `pg_get_wal_replay_pause_state()`: `not paused`, `pause requested` or `paused`. 14 and newer.
    #[serde(default)]
    pub pause_state: Option<String>,
    /// Whether a WAL receiver streams (`pg_stat_wal_receiver.status`); from 19 on, one that cannot connect has a row, too.
    /// `None` when the status is hidden from the role.
    pub is_streaming: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn walsender(pid: i32, application_name: &str, state: &str) -> Walsender {
        serde_json::from_value(json!({"pid": pid, "application_name": application_name, "role": "r",
            "client_addr": null, "backend_start": null, "state": state, "sent_lsn": null, "flush_lsn": null,
            "replay_lsn": null}))
        .unwrap()
    }

    fn slot(name: &str, slot_type: &str, active_pid: Option<i32>) -> Slot {
        serde_json::from_value(json!({"slot_name": name, "plugin": null, "slot_type": slot_type, "database": null,
            "temporary": false, "active": active_pid.is_some(), "active_pid": active_pid, "restart_lsn": "0/1",
            "confirmed_flush_lsn": null, "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null,
            "catalog_xmin_age": null}))
        .unwrap()
    }

    #[test]
    fn standby_excludes_decoders_and_backups() {
        let walsenders = Fact::Known(vec![
            walsender(1, "walreceiver", "streaming"),
            walsender(2, "debezium", "streaming"),
            walsender(3, "pg_basebackup", "backup"),
            walsender(4, "pg_receivewal", "streaming"),
            walsender(5, "", "catchup"),
        ]);
        let slots = Fact::Known(vec![
            slot("decoder", "logical", Some(2)),
            slot("gone", "physical", None),
            slot("here", "physical", Some(1)),
        ]);
        let found = Standby::from_facts(&walsenders, &slots).unwrap();
        let found: Vec<_> = found.iter().map(|standby| (standby.name.as_str(), standby.streaming)).collect();
        assert_eq!(found, [("unnamed", true), ("walreceiver", true), ("gone", false)]);
        assert!(Standby::from_facts(&Fact::not_requested("walsenders"), &slots).is_err());
    }
}
