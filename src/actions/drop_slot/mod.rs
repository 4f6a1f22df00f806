//! Dropping replication slots: the plan, its execution, what it frees.

pub(super) mod checkpoint;
pub(super) mod execute;
pub mod plan;

pub use execute::{SlotDropsResult, execute_slot_drops};
pub use plan::SlotDrops;
