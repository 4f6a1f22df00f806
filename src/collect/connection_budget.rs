//! The number of additional connections that all snapshots of a run may have open at the same time.

use crate::postgres::{Session, SessionError};
use std::{ops::Deref, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The additional connections that the snapshots of one run share.
#[derive(Clone, Debug)]
pub struct ConnectionBudget(Arc<Semaphore>);

impl Default for ConnectionBudget {
    /// Returns a budget without a limit.
    fn default() -> ConnectionBudget {
        ConnectionBudget::new(Semaphore::MAX_PERMITS)
    }
}

impl ConnectionBudget {
    /// Returns a budget of this many connections, shared by its clones.
    pub fn new(connections: usize) -> ConnectionBudget {
        ConnectionBudget(Arc::new(Semaphore::new(connections)))
    }

    /// Returns the part of `--jobs` that this many concurrent sessions leave, but at least one, because the number of
    /// relations that one server process measures is limited.
    pub fn for_concurrent(sessions: usize, jobs: usize) -> ConnectionBudget {
        ConnectionBudget::new(jobs.saturating_sub(sessions).max(1))
    }

    /// Opens another connection to the session's database as soon as the budget allows it. Dropping the connection
    /// returns it to the budget.
    pub(super) async fn open(&self, session: &Session) -> Result<BudgetedSession, SessionError> {
        // The semaphore is never closed. Without a permit, there is no limit.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        Ok(BudgetedSession { session: session.open_for_database(None).await?, _permit: permit })
    }
}

/// A connection of the budget. The session is dropped before the permit.
pub(super) struct BudgetedSession {
    session: Session,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Deref for BudgetedSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_stays_within_jobs_plus_one() {
        for jobs in 1..=32 {
            for sessions in 1..=jobs {
                let permits = ConnectionBudget::for_concurrent(sessions, jobs).0.available_permits();
                assert!(
                    permits >= 1 && sessions + permits <= jobs.max(sessions + 1),
                    "{sessions} of {jobs}: {permits}"
                );
            }
        }
    }
}
