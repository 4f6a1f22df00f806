//! State of a slot immediately before it is dropped.

use super::Slot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row of `pg_replication_slots`: the columns that reports show, and those that identify the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SlotIdentity {
    /// The columns that reports show.
    #[serde(flatten)]
    pub slot: Slot,
    /// The database's OID as text.
    pub datoid: Option<String>,
    /// `pg_replication_slots.xmin`, as text; its age changes with every transaction.
    pub xmin: Option<String>,
    /// `pg_replication_slots.catalog_xmin`, as text.
    pub catalog_xmin: Option<String>,
}

impl SlotIdentity {
    /// Returns the columns in which the slot differs from an earlier snapshot of it; empty if it is unchanged.
    ///
    /// On 17 and newer, a connection that moves neither position sets `inactive_since`
    /// (docs/reference/slots.md#connections-without-progress).
    pub fn differs_from(&self, earlier: &Slot) -> Vec<&'static str> {
        let now = &self.slot;
        let columns = [
            ("slot_type", now.slot_type == earlier.slot_type),
            ("plugin", now.plugin == earlier.plugin),
            ("database", now.database == earlier.database),
            ("temporary", now.temporary == earlier.temporary),
            ("active", now.active == earlier.active),
            ("restart_lsn", now.restart_lsn == earlier.restart_lsn),
            ("confirmed_flush_lsn", now.confirmed_flush_lsn == earlier.confirmed_flush_lsn),
            ("inactive_since", now.inactive_since == earlier.inactive_since),
            ("invalidation_reason", now.invalidation_reason == earlier.invalidation_reason),
            ("two_phase", now.two_phase == earlier.two_phase),
            ("failover", now.failover == earlier.failover),
            ("synced", now.synced == earlier.synced),
        ];
        columns.into_iter().filter(|(_, same)| !same).map(|(column, _)| column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slot_row() -> Value {
        json!({"slot_name": "a", "plugin": "pgoutput", "slot_type": "logical", "datoid": "5", "database": "shop",
               "temporary": false, "active": false, "active_pid": null, "xmin": null, "catalog_xmin": "731",
               "restart_lsn": "0/10", "confirmed_flush_lsn": "0/20", "wal_status": "reserved", "safe_wal_size": null,
               "two_phase": false, "inactive_since": "2026-11-01T03:00:00.123456+00:00", "failover": false,
               "synced": false, "invalidation_reason": null, "a_column_of_19": 1})
    }

    fn slot_identity(row: Value) -> SlotIdentity {
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn slot_identity_reports_changed_columns() {
        let earlier = slot_identity(slot_row()).slot;
        assert_eq!(slot_identity(slot_row()).differs_from(&earlier), Vec::<&str>::new());
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
            let mut changed = slot_row();
            changed[column] = value;
            assert_eq!(slot_identity(changed).differs_from(&earlier), [column]);
        }
        let mut behind = slot_row();
        behind["wal_status"] = json!("extended");
        assert_eq!(slot_identity(behind).differs_from(&earlier), Vec::<&str>::new(), "unchanged");
    }
}
