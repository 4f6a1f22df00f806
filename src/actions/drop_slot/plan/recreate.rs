//! What would make an empty slot in the place of one that was dropped.

use crate::facts::{Slot, SlotType};
use crate::quote::quote_literal;

/// The statement, as documentation: the slot it makes starts when it runs, not where the old one stood. A logical one is
/// made in its own database.
pub fn recreate_slot_statement(slot: &Slot, major: u32) -> String {
    let name = quote_literal(&slot.slot_name);
    match slot.slot_type {
        SlotType::Physical => {
            let reserve = slot.restart_lsn.is_some() || slot.is_lost();
            format!("SELECT pg_create_physical_replication_slot({name}, {reserve})")
        }
        SlotType::Logical => {
            let plugin = quote_literal(slot.plugin.as_deref().unwrap_or_default());
            let two_phase = slot.two_phase == Some(true);
            let failover = slot.failover == Some(true);
            let further = match (major, two_phase, failover) {
                (17.., _, true) => format!(", false, {two_phase}, true"),
                (14.., true, _) => ", false, true".to_owned(),
                _ => String::new(),
            };
            format!("SELECT pg_create_logical_replication_slot({name}, {plugin}{further})")
        }
    }
}
