//! Limits on the bytes that a server sends.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The size of notices, notifications and parameter reports that one connection may receive, in bytes.
pub(super) const MAX_ASYNCHRONOUS: u64 = 16 << 20;

/// Minimum of the limit for one message, in bytes: any row of a catalog fits.
const MIN_MESSAGE_LIMIT: u64 = 16 << 20;

/// Counts what a connection receives; shared by the stream and the session.
#[derive(Debug)]
pub struct Meter {
    message_limit: u64,
    received: AtomicU64,
    received_limit: AtomicU64,
    allowed: AtomicU64,
    breach: Mutex<Option<Breach>>,
}

/// Why the stream ended the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// One message is larger than the limit, both in bytes.
    Message {
        /// Size of the message by its header.
        announced: u64,
        /// The limit.
        accepted: u64,
    },
    /// The server sent more in one exchange than the limit, in bytes.
    Total {
        /// The limit.
        accepted: u64,
    },
    /// The server sent more notices and the like than the limit, in bytes.
    Asynchronous {
        /// The limit.
        accepted: u64,
    },
    /// The bytes are not valid messages.
    Malformed(&'static str),
    /// The session closed the connection.
    Aborted(String),
}

impl Meter {
    /// Returns a meter for messages of at most `message_limit` bytes, or 16 MB if that is larger.
    pub fn new(message_limit: u64) -> Self {
        Self {
            message_limit: message_limit.max(MIN_MESSAGE_LIMIT),
            received: AtomicU64::new(0),
            received_limit: AtomicU64::new(u64::MAX),
            allowed: AtomicU64::new(u64::MAX),
            breach: Mutex::new(None),
        }
    }

    /// Returns the number of received bytes.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Allows the server to send at most `bytes` more.
    pub fn allow(&self, bytes: u64) {
        self.allowed.store(bytes, Ordering::Relaxed);
        self.received_limit.store(self.received().saturating_add(bytes), Ordering::Relaxed);
    }

    /// Ends the connection at its next read.
    pub fn abort(&self, reason: impl Into<String>) {
        self.record_breach(Breach::Aborted(reason.into()));
    }

    /// Returns why this side ended the connection, if it did.
    pub fn breach(&self) -> Option<Breach> {
        self.breach.lock().ok().and_then(|breach| breach.clone())
    }

    /// Counts received bytes.
    pub(super) fn count(&self, bytes: u64) -> Result<(), Breach> {
        if let Some(breach) = self.breach() {
            return Err(breach);
        }
        let received = self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if received <= self.received_limit.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(self.record_breach(Breach::Total { accepted: self.allowed.load(Ordering::Relaxed) }))
    }

    pub(super) fn message_limit(&self) -> u64 {
        self.message_limit
    }

    /// Records the first breach.
    pub(super) fn record_breach(&self, breach: Breach) -> Breach {
        if let Ok(mut first) = self.breach.lock() {
            first.get_or_insert_with(|| breach.clone());
        }
        breach
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { announced, accepted } => {
                write!(f, "the server announced a message of {announced} bytes; at most {accepted} are accepted")
            }
            Self::Total { accepted } => write!(f, "the server sent more than {accepted} bytes in one exchange"),
            Self::Asynchronous { accepted } => {
                write!(f, "the server sent more than {accepted} bytes of notices and parameter reports")
            }
            Self::Malformed(what) => write!(f, "protocol violation by the server: {what}"),
            Self::Aborted(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Breach {}
