//! Changes to a server or to files: plan, consent, execution, journal.

mod consent;
pub mod drop_slot;
mod error;
pub mod index_migration;
mod journal;
mod recover;
pub mod same_server;

pub use consent::{ConfirmedPlan, Consent, Plan};
pub use error::ActionError;
pub use journal::{Journal, JournalRecord};
pub use recover::{RecoveredAction, recover_open_intents};
