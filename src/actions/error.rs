//! Why an action was not even begun.

use crate::collect::CollectError;
use crate::history::HistoryError;
use crate::postgres::SessionError;

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
