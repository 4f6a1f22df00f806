//! One effect a file: look again, do, write it down. Only a confirmed plan is executed.

mod checkpoint;
mod journal;
mod recover;
mod slot_drop;

pub use journal::{Journal, JournalRecord};
pub use recover::{RecoveredAction, recover_open_intents};
pub use slot_drop::{SlotDropsResult, execute_slot_drops};

use crate::{history::HistoryError, inspect::CollectError, pg::SessionError};

/// Why nothing was even begun.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    #[error(transparent)]
    Collect(Box<CollectError>),
    #[error(transparent)]
    Journal(#[from] HistoryError),
    #[error("the connection led to another server than planned: {0}")]
    AnotherServer(String),
}

impl From<CollectError> for ActionError {
    fn from(error: CollectError) -> ActionError {
        ActionError::Collect(Box::new(error))
    }
}

impl From<SessionError> for ActionError {
    fn from(error: SessionError) -> ActionError {
        CollectError::from(error).into()
    }
}
