//! Leases: one run at a time checks a target and saves its state.

use crate::history::{HistoryError, Store};
use jiff::{SignedDuration, Timestamp};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// Time for which a run waits for a lease that another run holds.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(15);
const CLAIM_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The leases of one run.
pub struct Leases<'a> {
    store: Option<&'a Store>,
    duration: SignedDuration,
    clock: &'a dyn Fn() -> Timestamp,
    /// Target keys whose lease this run may hold, and the time when each expires.
    claimed_until: RefCell<BTreeMap<String, Timestamp>>,
}

/// Result of a request for a lease.
pub enum Claim<'a> {
    /// This run holds the lease.
    Held(&'a Store),
    /// There is no store.
    NoStore,
    /// Another run holds the lease.
    HeldElsewhere,
    /// The store failed.
    Failed(HistoryError),
}

impl<'a> Leases<'a> {
    /// Returns the leases of a run, each of which lasts for `duration`.
    pub fn new(store: Option<&'a Store>, duration: SignedDuration, clock: &'a dyn Fn() -> Timestamp) -> Leases<'a> {
        Leases { store, duration, clock, claimed_until: RefCell::default() }
    }

    /// Returns the store, if there is a usable one.
    pub fn store(&self) -> Option<&'a Store> {
        self.store
    }

    /// Returns the time of the clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Takes the lease of a target. Waits for another run up to a limit.
    pub async fn claim(&self, target_key: &str) -> Claim<'a> {
        let Some(store) = self.store else { return Claim::NoStore };
        let began = tokio::time::Instant::now();
        loop {
            let now = self.now();
            let until = now.checked_add(self.duration).unwrap_or(Timestamp::MAX);
            // Recorded before the statement: a run that is interrupted during it may hold the lease.
            self.claimed_until.borrow_mut().insert(target_key.to_owned(), until);
            let claim = store.claim(target_key, now, until).await;
            if let Ok(Err(_)) = claim {
                self.claimed_until.borrow_mut().remove(target_key);
            }
            match claim {
                Ok(Ok(())) => return Claim::Held(store),
                Ok(Err(_)) if began.elapsed() < CLAIM_TIMEOUT => tokio::time::sleep(CLAIM_POLL_INTERVAL).await,
                Ok(Err(_)) => return Claim::HeldElsewhere,
                Err(error) => return Claim::Failed(error),
            }
        }
    }

    /// Releases the lease of a target, if this run holds it.
    pub async fn release(&self, target_key: &str) {
        let until = self.claimed_until.borrow().get(target_key).copied();
        if let (Some(store), Some(until)) = (self.store, until) {
            // A lease that cannot be released expires.
            store.release(target_key, until).await.ok();
            // Removed only now, so that an interruption during the statement releases it again.
            self.claimed_until.borrow_mut().remove(target_key);
        }
    }

    /// Releases every lease that this run still holds.
    pub async fn release_all(&self) {
        let target_keys: Vec<String> = self.claimed_until.borrow().keys().cloned().collect();
        for target_key in target_keys {
            self.release(&target_key).await;
        }
    }
}
