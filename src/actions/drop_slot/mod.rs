//! Dropping replication slots: plan, execution and the WAL that is released.

pub(super) mod checkpoint;
pub(super) mod execute;
pub mod plan;

pub use execute::{SlotDropsResult, execute_slot_drops};
pub use plan::SlotDrops;
