//! One effect a file: look again, do, write it down. Only a confirmed plan is executed.

mod checkpoint;
mod journal;
mod settle;
mod slot_drop;

pub use journal::{Journal, Record};
pub use settle::{Settled, settle};
pub use slot_drop::{Done, drop_slots};

use crate::{history::HistoryError, inspect::InspectError, pg::SessionError};

/// Why nothing was even begun.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Inspect(Box<InspectError>),
    #[error(transparent)]
    Journal(#[from] HistoryError),
    #[error("the connection led to another server than planned: {0}")]
    AnotherServer(String),
}

impl From<InspectError> for ActError {
    fn from(error: InspectError) -> ActError {
        ActError::Inspect(Box::new(error))
    }
}

impl From<SessionError> for ActError {
    fn from(error: SessionError) -> ActError {
        InspectError::from(error).into()
    }
}
