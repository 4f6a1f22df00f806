//! The memory limits of a snapshot, and their use by its sessions.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ReadLimits;

/// The limits of one snapshot and the bytes that its facts use; shared by its sessions.
#[derive(Debug)]
pub(super) struct ReadBudget {
    limits: ReadLimits,
    kept_bytes: AtomicU64,
}

/// A limit that a fact exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceededLimit {
    /// The key of `[limits]` in the configuration that raises it.
    pub setting: &'static str,
    /// Its value in bytes.
    pub bytes: u64,
}

impl ReadBudget {
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self { limits, kept_bytes: AtomicU64::new(0) }
    }

    /// Returns the limit that a fact of this size exceeds.
    pub(super) fn exceeded_by(&self, fact_bytes: u64) -> Option<ExceededLimit> {
        let ReadLimits { fact_bytes: max_fact_bytes, snapshot_bytes } = self.limits;
        if fact_bytes > max_fact_bytes {
            return Some(ExceededLimit { setting: "fact_size", bytes: max_fact_bytes });
        }
        let sum = self.kept_bytes.load(Ordering::Relaxed).saturating_add(fact_bytes);
        (sum > snapshot_bytes).then_some(ExceededLimit { setting: "snapshot_size", bytes: snapshot_bytes })
    }

    /// Counts a fact that is kept.
    pub(super) fn add_kept(&self, fact_bytes: u64) {
        self.kept_bytes.fetch_add(fact_bytes, Ordering::Relaxed);
    }

    /// Returns the maximum size of the answers of one round trip, in bytes: kept and discarded facts, with a reserve.
    pub(super) fn round_bytes(&self) -> u64 {
        self.limits.snapshot_bytes.saturating_mul(2).saturating_add(MAX_DISCARDED_BYTES)
    }
}

/// The maximum size of the answers of one round trip in addition to the kept facts, in bytes.
const MAX_DISCARDED_BYTES: u64 = 1 << 30;

impl fmt::Display for ExceededLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, bytes } = *self;
        let subject = if setting == "snapshot_size" { "the snapshot is " } else { "" };
        let units = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
        match units.into_iter().find(|(factor, _)| bytes >= *factor && bytes % factor == 0) {
            Some((factor, unit)) => write!(f, "{subject}larger than {} {unit}", bytes / factor),
            None => write!(f, "{subject}larger than {bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_names_the_limit_that_is_exceeded() {
        let budget = ReadBudget::new(ReadLimits { fact_bytes: 1 << 20, snapshot_bytes: 3 << 19 });
        let exceeded = budget.exceeded_by((1 << 20) + 1).unwrap();
        assert_eq!((exceeded.setting, exceeded.to_string().as_str()), ("fact_size", "larger than 1 MB"));
        assert_eq!(budget.exceeded_by(1 << 20), None);
        budget.add_kept(1 << 20);
        let exceeded = budget.exceeded_by(1 << 20).unwrap();
        assert_eq!(exceeded.setting, "snapshot_size");
        assert_eq!(exceeded.to_string(), "the snapshot is larger than 1536 kB");
        assert_eq!(budget.exceeded_by(1 << 19), None);
    }
}
