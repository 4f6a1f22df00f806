//! The stage of a connection attempt, for the message on a timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The latest stage that an attempt has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The address has not accepted the connection.
    #[default]
    Unreached,
    /// The connection is open; the server has sent nothing.
    Accepted,
    /// The server has sent something.
    Answered,
}

/// The stage of one attempt, shared by its socket and the caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

impl Progress {
    pub(super) fn reach(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn stage(&self) -> Stage {
        match self.0.load(Ordering::Relaxed) {
            0 => Stage::Unreached,
            1 => Stage::Accepted,
            _ => Stage::Answered,
        }
    }
}
