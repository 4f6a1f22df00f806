//! How much of a server's answers is kept.

/// Limits on what one server may make pgtend keep, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The largest fact: its rows as sent and as decoded.
    pub fact_bytes: u64,
    /// The largest sum of the facts of one snapshot.
    pub snapshot_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { fact_bytes: 1 << 30, snapshot_bytes: 2 << 30 }
    }
}
