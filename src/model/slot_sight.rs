//! One slot as the server keeps it, at the moment before something is done to it.

use super::Slot;
use serde::{Deserialize, Serialize};

/// A row of `pg_replication_slots`: what reports show of it, and what else tells it from any other slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotSight {
    #[serde(flatten)]
    pub slot: Slot,
    /// The database's OID as text.
    pub datoid: Option<String>,
    /// As text: the ages that reports show move with every transaction.
    pub xmin: Option<String>,
    pub catalog_xmin: Option<String>,
}

impl SlotSight {
    /// The columns by which it differs from how a slot was seen before; none when it still is what it was.
    ///
    /// On 17 and newer a visit alone, with both positions as before, moves `inactive_since`
    /// (fact sheet on slots, "Measured later").
    pub fn differs_from(&self, seen: &Slot) -> Vec<&'static str> {
        let now = &self.slot;
        let columns = [
            ("slot_type", now.slot_type == seen.slot_type),
            ("plugin", now.plugin == seen.plugin),
            ("database", now.database == seen.database),
            ("temporary", now.temporary == seen.temporary),
            ("active", now.active == seen.active),
            ("restart_lsn", now.restart_lsn == seen.restart_lsn),
            ("confirmed_flush_lsn", now.confirmed_flush_lsn == seen.confirmed_flush_lsn),
            ("inactive_since", now.inactive_since == seen.inactive_since),
            ("invalidation_reason", now.invalidation_reason == seen.invalidation_reason),
            ("two_phase", now.two_phase == seen.two_phase),
            ("failover", now.failover == seen.failover),
            ("synced", now.synced == seen.synced),
        ];
        columns.into_iter().filter(|(_, same)| !same).map(|(column, _)| column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row() -> Value {
        json!({"slot_name": "a", "plugin": "pgoutput", "slot_type": "logical", "datoid": "5", "database": "shop",
               "temporary": false, "active": false, "active_pid": null, "xmin": null, "catalog_xmin": "731",
               "restart_lsn": "0/10", "confirmed_flush_lsn": "0/20", "wal_status": "reserved", "safe_wal_size": null,
               "two_phase": false, "inactive_since": "2026-11-01T03:00:00.123456+00:00", "failover": false,
               "synced": false, "invalidation_reason": null, "a_column_of_19": 1})
    }

    fn sight(row: Value) -> SlotSight {
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn whatever_happened_to_it_shows() {
        let seen = sight(row()).slot;
        assert_eq!(sight(row()).differs_from(&seen), Vec::<&str>::new());
        for (column, value) in [
            ("plugin", json!("wal2json")),
            ("database", json!("other")),
            ("active", json!(true)),
            ("restart_lsn", json!("0/11")),
            ("restart_lsn", Value::Null),
            ("confirmed_flush_lsn", json!("0/21")),
            ("inactive_since", json!("2026-11-01T03:00:00.123457+00:00")),
            ("failover", json!(true)),
            ("temporary", json!(true)),
        ] {
            let mut changed = row();
            changed[column] = value;
            assert_eq!(sight(changed).differs_from(&seen), [column]);
        }
        let mut behind = row();
        behind["wal_status"] = json!("extended");
        assert_eq!(sight(behind).differs_from(&seen), Vec::<&str>::new(), "nobody touched it");
    }
}
