//! One kind of change a file: what, why, what undoes it, and what must still be true when it is done. Pure.

mod consent;
pub mod index_cleanup;

pub use consent::{ConfirmedPlan, Consent, Plan};
