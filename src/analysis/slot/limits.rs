//! From when on a slot is called what it is called.

use crate::facts::SlotType;

const DAY: u64 = 86_400;

/// The limits of the verdicts on slots; `docs/decisions/0005` says where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A logical slot that nobody used for so long is stale.
    pub stale_after_seconds: u64,
    /// The same of a physical one: a standby may be under repair.
    pub stale_after_physical_seconds: u64,
    /// Pipelines that run once a day have come back by then.
    pub daily_seconds: u64,
    /// Somebody in whose use a slot does not move for so long is stuck.
    pub frozen_after_seconds: u64,
    /// Looks that have to find a slot unused before that proves something, where the server keeps no record.
    pub samples: u64,
    /// The longest time between two of them.
    pub max_gap_seconds: u64,
    /// Transactions whose dead rows a slot in use may keep without a word.
    pub xmin_age: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stale_after_seconds: 7 * DAY,
            stale_after_physical_seconds: 14 * DAY,
            daily_seconds: DAY,
            frozen_after_seconds: 600,
            samples: 24,
            max_gap_seconds: 36 * 3_600,
            xmin_age: 10_000_000,
        }
    }
}

impl Limits {
    pub fn stale_after(&self, slot_type: SlotType) -> u64 {
        match slot_type {
            SlotType::Logical => self.stale_after_seconds,
            SlotType::Physical => self.stale_after_physical_seconds,
        }
    }
}
