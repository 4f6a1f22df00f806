//! The statement that drops a slot if it still is the planned one.

use crate::facts::{SlotIdentity, SlotType};
use crate::quote::quote_literal;
use jiff::Timestamp;

/// Returns the statement that compares and drops. Rows of the view that fail a condition do not reach the SELECT list,
/// so the function is called only for the slot that passes all conditions (docs/decisions, "Compare and drop").
///
/// It compares `datoid` instead of the view's `database`, and every condition is on a column of the slots. So the
/// planner removes the view's join, and between the copy of the slots and the drop the server only compares.
///
/// The statement also compares the server's start time, so that it drops nothing when a pooler sends it to another
/// server. This condition is part of the one on the name: by itself it would keep the join up to 15.
pub fn drop_slot_statement(slot_identity: &SlotIdentity, version_num: u32, started_at: Timestamp) -> String {
    let slot = &slot_identity.slot;
    let is = |column: &str, value: Option<String>, cast: &str| match value {
        Some(value) => format!("s.{column} = {}{cast}", quote_literal(&value)),
        None => format!("s.{column} is null"),
    };
    let slot_type = match slot.slot_type {
        SlotType::Logical => "logical",
        SlotType::Physical => "physical",
    };
    let mut conditions = vec![
        format!(
            "s.slot_name = case when {} then {}::name end",
            start_time_condition(started_at),
            quote_literal(&slot.slot_name)
        ),
        "not s.active".to_owned(),
        "not s.temporary".to_owned(),
        is("slot_type", Some(slot_type.to_owned()), ""),
        is("plugin", slot.plugin.clone(), ""),
        is("datoid", slot_identity.datoid.clone(), "::oid"),
        is("restart_lsn", slot.restart_lsn.map(|lsn| lsn.to_string()), "::pg_lsn"),
        is("confirmed_flush_lsn", slot.confirmed_flush_lsn.map(|lsn| lsn.to_string()), "::pg_lsn"),
        is("xmin", slot_identity.xmin.clone(), "::xid"),
        is("catalog_xmin", slot_identity.catalog_xmin.clone(), "::xid"),
    ];
    if version_num >= 170_000 {
        conditions.push(is(
            "inactive_since",
            slot.inactive_since.map(|timestamp| timestamp.to_string()),
            "::timestamptz",
        ));
        conditions.push(format!("s.failover = {}", slot.failover == Some(true)));
        conditions.push(format!("s.synced = {}", slot.synced == Some(true)));
    }
    format!(
        "select s.slot_name, pg_catalog.pg_drop_replication_slot(s.slot_name)\n  \
           from pg_catalog.pg_replication_slots s\n \
          where {}",
        conditions.join("\n   and ")
    )
}

/// Returns a statement that fails (22012, division by zero) on a server with another start time. A utility statement
/// takes no WHERE; sent in one message with this guard it does not run on another server.
pub fn server_start_guard(started_at: Timestamp) -> String {
    format!("select 1 / case when {} then 1 else 0 end", start_time_condition(started_at))
}

fn start_time_condition(timestamp: Timestamp) -> String {
    format!("pg_catalog.pg_postmaster_start_time() = {}::timestamptz", quote_literal(&timestamp.to_string()))
}
