//! Connections beside those that look: so many may be open at once, whatever the number of looks.

use crate::pg::{Session, SessionError};
use std::{ops::Deref, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the looks of one run share.
#[derive(Clone, Debug)]
pub struct Spare(Arc<Semaphore>);

impl Default for Spare {
    /// No bound but that of whoever asks.
    fn default() -> Spare {
        Spare::of(Semaphore::MAX_PERMITS)
    }
}

impl Spare {
    pub fn of(connections: usize) -> Spare {
        Spare(Arc::new(Semaphore::new(connections)))
    }

    /// What so many looks at once leave of `--jobs`: at the least one, as no process of the server may be asked about
    /// too many relations.
    pub fn beside(looks: usize, jobs: usize) -> Spare {
        Spare::of(jobs.saturating_sub(looks).max(1))
    }

    /// One more connection to the session's database, once there is one to spare. It is given back when dropped.
    pub(super) async fn open(&self, session: &Session) -> Result<Beside, SessionError> {
        // Nobody closes it, so without a permit there is no bound to hold to.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        Ok(Beside { session: session.open_in_turn(None).await?, _permit: permit })
    }
}

/// Closed before its place is free again.
pub(super) struct Beside {
    session: Session,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Deref for Beside {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_and_what_they_spare_are_no_more_than_the_jobs_and_one() {
        for jobs in 1..=32 {
            for looks in 1..=jobs {
                let spare = Spare::beside(looks, jobs).0.available_permits();
                assert!(spare >= 1 && looks + spare <= jobs.max(looks + 1), "{looks} of {jobs}: {spare}");
            }
        }
    }
}
