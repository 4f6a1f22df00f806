//! Errors before an action begins.

use crate::collect::CollectError;
use crate::history::HistoryError;
use crate::postgres::SessionError;

/// Why no action was begun.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The server could not be read.
    #[error(transparent)]
    Collect(Box<CollectError>),
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] HistoryError),
    /// The connected server is not the planned one; the text names the differences.
    #[error("the connection reached a different server than planned: {0}")]
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
