//! Memory limits for the answers of a server.

/// Limits on the memory for the answers of one server, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Maximum size of one fact: its rows as received and as decoded.
    pub fact_bytes: u64,
    /// Maximum total size of the facts of one snapshot.
    pub snapshot_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { fact_bytes: 1 << 30, snapshot_bytes: 2 << 30 }
    }
}
