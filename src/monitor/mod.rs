//! Monitoring runs: the lease of a target, its history and check state, the changes since the last run, and their
//! notifications. The program supplies the snapshot, the evaluation, the clock and the recipients.

mod change;
mod delivery;
mod lease;
pub mod notify;
mod state;
mod target;

pub use delivery::ConfiguredRecipient;
pub use target::{TargetCheck, TargetError, TargetResult};

use crate::facts::history::Growth;
use crate::history::{HistoryError, Store};
use jiff::{SignedDuration, Timestamp};
use lease::Leases;
use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// One run over one or more targets.
pub struct Monitor<'a> {
    leases: Leases<'a>,
    /// Reason why the configured store cannot be used.
    store_error: Option<HistoryError>,
    /// Whether hygiene findings set the status.
    hygiene: bool,
    /// The growth of each cluster, by its branch in the store.
    growth_by_cluster: RefCell<HashMap<String, Rc<Vec<Growth>>>>,
}

impl<'a> Monitor<'a> {
    /// Returns a run with its store. `lease_duration` is the time after which another run may take over a target, if
    /// this one was terminated.
    pub fn new(
        store: Result<Option<&'a Store>, HistoryError>,
        lease_duration: SignedDuration,
        clock: &'a dyn Fn() -> Timestamp,
        hygiene: bool,
    ) -> Monitor<'a> {
        let (store, store_error) = match store {
            Ok(store) => (store, None),
            Err(error) => (None, Some(error)),
        };
        let leases = Leases::new(store, lease_duration, clock);
        Monitor { leases, store_error, hygiene, growth_by_cluster: RefCell::default() }
    }

    /// Returns whether a store is configured, usable or not.
    pub fn has_history(&self) -> bool {
        self.leases.store().is_some() || self.store_error.is_some()
    }

    /// Releases every lease that this run still holds.
    pub async fn release_all(&self) {
        self.leases.release_all().await;
    }
}
