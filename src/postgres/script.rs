//! Running statements that change a server: for throwaway clusters only.

use super::{SessionError, conninfo::Conninfo};
use tokio_postgres::Client;

/// A connection that executes any statement. Reports never use it: they have the read-only [`super::Session`].
pub struct ScriptSession {
    client: Client,
}

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    /// SQLSTATE of the server's error; `None` without one.
    pub sqlstate: Option<String>,
    /// The server's message, or another reason.
    pub message: String,
}

impl ScriptSession {
    /// Opens a session.
    pub async fn open(conninfo: &Conninfo) -> Result<ScriptSession, SessionError> {
        let connected = Box::pin(super::connect(conninfo)).await?;
        Ok(ScriptSession { client: connected.client })
    }

    /// Runs one statement, or several in one transaction.
    pub async fn execute_script(&self, sql: &str) -> Result<(), ScriptError> {
        self.client.batch_execute(sql).await.map_err(|error| ScriptError {
            sqlstate: error.code().map(|code| code.code().to_owned()),
            message: super::session::error_chain_text(&error),
        })
    }
}
