//! One kind of change a file: what, why, what undoes it, and what must still be true when it is done. Pure.

mod consent;
pub mod index_cleanup;
pub mod same_server;
pub mod slot_drop;

pub use consent::{ConfirmedPlan, Consent, Plan};
pub use slot_drop::SlotDrops;
