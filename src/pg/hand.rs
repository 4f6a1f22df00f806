//! A session that may change the server, one statement at a time.

use super::{Session, SqlState};
use crate::redact;
use std::time::Duration;
use tokio_postgres::Client;

/// How long the server may take for one statement; its own limit is below.
const LIMIT: Duration = Duration::from_secs(120);

/// The same for one that writes everything that is dirty.
const LONG_LIMIT: Duration = Duration::from_secs(3_600);

/// What the server may answer to one statement, in bytes.
const MAX_ANSWER: u64 = 16 << 20;

/// Limits on what a statement waits for, in its own transaction, so that a pooler's connection keeps nothing of them.
/// A statement's text is quoted as the standard says, whatever the role's settings are. `search_path` names pg_temp last:
/// where it is not named, the server looks up relations and types there first.
const BEGIN: &str = "\
begin transaction isolation level read committed; \
set local statement_timeout = '60s'; \
set local lock_timeout = '2s'; \
set local search_path = pg_catalog, pg_temp; \
set local standard_conforming_strings = on";

/// The one way to change a server that is not our own. `act` takes it in hand; everything else reads.
pub struct Hand {
    session: Session,
}

/// A statement that came back without its result.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// The server's answer. Whether that means that nothing was done depends on it.
    #[error("{message}")]
    Refused { sqlstate: SqlState, message: String },
    /// None came: the connection was lost, or nothing was heard in time. It may have been done.
    #[error("no answer came: {0}")]
    Unanswered(String),
}

impl Hand {
    pub fn of(session: Session) -> Hand {
        Hand { session }
    }

    /// The session, to read by.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs one statement; answers how many rows it gave. What it did is done when this answers, whatever becomes of
    /// the transaction around it.
    pub async fn perform(&self, statement: &str) -> Result<usize, Undone> {
        let client: &Client = self.session.client();
        self.session.meter().allow(MAX_ANSWER);
        let all = async {
            tokio::join!(biased;
                client.batch_execute(BEGIN),
                client.query_typed(statement, &[]),
                client.batch_execute("commit")
            )
        };
        self.within(LIMIT, async { Box::pin(all).await.1.map(|rows| rows.len()) }).await
    }

    /// Runs a utility statement that may take long, as CHECKPOINT, unless `guard` fails.
    ///
    /// Both travel in one message: the server runs them in one implicit transaction and stops at the first error, and a
    /// pooler sends them to one server.
    pub async fn perform_alone(&self, guard: &str, statement: &str) -> Result<(), Undone> {
        self.session.meter().allow(MAX_ANSWER);
        let message = format!("set local search_path = ''; {guard}; {statement}");
        self.within(LONG_LIMIT, self.session.client().batch_execute(&message)).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Undone> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(|error| self.undone(&error)),
            Err(_) => {
                self.session.canceller().cancel().await.ok();
                Err(Undone::Unanswered(format!("nothing was heard for {} s", limit.as_secs())))
            }
        }
    }

    fn undone(&self, error: &tokio_postgres::Error) -> Undone {
        match error.as_db_error() {
            Some(answer) => Undone::Refused {
                sqlstate: answer.code().clone(),
                message: redact::foreign(answer.message()).into_owned(),
            },
            None => Undone::Unanswered(self.session.reason(error)),
        }
    }
}
