//! A session that may change the server, one statement at a time.

use super::{Session, SqlState};
use crate::redact;
use std::time::Duration;
use tokio_postgres::Client;

/// How long the server may take for one statement; its own limit is below.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);

/// The same for one that writes everything that is dirty.
const LONG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(3_600);

/// What the server may answer to one statement, in bytes.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// Limits on what a statement waits for, in its own transaction, so that a pooler's connection keeps nothing of them.
/// A statement's text is quoted as the standard says, whatever the role's settings are. `search_path` names pg_temp last:
/// where it is not named, the server looks up relations and types there first.
const BEGIN_WRITE: &str = "\
begin transaction isolation level read committed; \
set local statement_timeout = '60s'; \
set local lock_timeout = '2s'; \
set local search_path = pg_catalog, pg_temp; \
set local standard_conforming_strings = on";

/// A session that may change a server. Only `actions` executes statements with it; every other session reads.
pub struct WriteSession {
    session: Session,
}

/// A statement that came back without its result.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The server's answer. Whether that means that nothing was done depends on it.
    #[error("{message}")]
    Refused {
        /// SQLSTATE of the error.
        sqlstate: SqlState,
        /// The server's message, redacted.
        message: String,
    },
    /// None came: the connection was lost, or nothing was heard in time. It may have been done.
    #[error("no answer: {0}")]
    NoResponse(String),
}

impl WriteSession {
    /// Turns a session into one that may change the server.
    pub fn new(session: Session) -> WriteSession {
        WriteSession { session }
    }

    /// The session, to read by.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs one statement; answers how many rows it gave. What it did is done when this answers, whatever becomes of
    /// the transaction around it.
    pub async fn execute(&self, statement: &str) -> Result<usize, ExecuteError> {
        let client: &Client = self.session.client();
        self.session.meter().allow(MAX_RESPONSE_BYTES);
        let pipeline = async {
            tokio::join!(biased;
                client.batch_execute(BEGIN_WRITE),
                client.query_typed(statement, &[]),
                client.batch_execute("commit")
            )
        };
        self.with_timeout(STATEMENT_TIMEOUT, async { Box::pin(pipeline).await.1.map(|rows| rows.len()) }).await
    }

    /// Runs a utility statement that may take long, as CHECKPOINT, unless `guard` fails.
    ///
    /// Both travel in one message: the server runs them in one implicit transaction and stops at the first error, and a
    /// pooler sends them to one server.
    pub async fn execute_guarded(&self, guard: &str, statement: &str) -> Result<(), ExecuteError> {
        self.session.meter().allow(MAX_RESPONSE_BYTES);
        let message = format!("set local search_path = ''; {guard}; {statement}");
        self.with_timeout(LONG_STATEMENT_TIMEOUT, self.session.client().batch_execute(&message)).await
    }

    async fn with_timeout<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, ExecuteError> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(|error| self.to_execute_error(&error)),
            Err(_) => {
                self.session.canceller().cancel().await.ok();
                Err(ExecuteError::NoResponse(format!("none within {} s", limit.as_secs())))
            }
        }
    }

    fn to_execute_error(&self, error: &tokio_postgres::Error) -> ExecuteError {
        match error.as_db_error() {
            Some(answer) => ExecuteError::Refused {
                sqlstate: answer.code().clone(),
                message: redact::foreign(answer.message()).into_owned(),
            },
            None => ExecuteError::NoResponse(self.session.error_reason(error)),
        }
    }
}
