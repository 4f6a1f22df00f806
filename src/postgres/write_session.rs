//! A session that may change the server, one statement at a time.

use super::{Session, SqlState};
use crate::redact;
use std::time::Duration;
use tokio_postgres::Client;

/// Time limit for one statement; statement_timeout is lower.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);

/// The same for CHECKPOINT, which writes all dirty buffers.
const LONG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Maximum size of the answer to one statement, in bytes.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// The timeouts of a statement, local to its transaction, so that a pooler's connection does not keep them. Quoting
/// follows the standard regardless of the role's settings. `search_path` contains pg_temp last: otherwise the server
/// searches it first for relations and types.
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

/// A statement without a result.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The server's error. Its SQLSTATE determines whether the statement had no effect.
    #[error("{message}")]
    Refused {
        /// SQLSTATE of the error.
        sqlstate: SqlState,
        /// The server's message, redacted.
        message: String,
    },
    /// No response: the connection was lost, or the time limit was exceeded. The statement may have been executed.
    #[error("no answer: {0}")]
    NoResponse(String),
}

impl WriteSession {
    /// Turns a session into one that may change the server.
    pub fn new(session: Session) -> WriteSession {
        WriteSession { session }
    }

    /// Returns the session, for reading.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs one statement, and returns the number of its rows. Its effect does not depend on the end of the
    /// transaction: dropping a slot is not transactional.
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

    /// Runs a long utility statement, such as CHECKPOINT, unless `guard` fails.
    ///
    /// Both are sent in one message: the server runs them in one implicit transaction and stops at the first error, and
    /// a pooler sends them to one server.
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
