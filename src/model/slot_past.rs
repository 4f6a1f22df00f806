//! What earlier looks saw of a slot.

use jiff::Timestamp;

/// The looks at which a slot stood where it stands now, the present one included. Made of snapshots, or of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotPast {
    /// The first of them.
    pub frozen_since: Timestamp,
    pub looks: u64,
    /// The longest time between two of them.
    pub longest_gap_seconds: u64,
    /// WAL written since the first.
    pub wal_bytes: u64,
    /// The first look since the last one that found somebody using it, or that knows of a visit.
    pub quiet_since: Timestamp,
    /// Looks since then; 0 when somebody uses it now.
    pub quiet_looks: u64,
    pub quiet_gap_seconds: u64,
    /// When somebody last used it while a segment of WAL or more lay unread, and left it where it was.
    pub visited_in_vain: Option<Timestamp>,
    /// The look before the first of them, which found the slot standing elsewhere.
    pub moved_after: Option<Timestamp>,
    /// Rows written in the slot's database since the first, where both looks counted them.
    pub rows_written: Option<u64>,
}
