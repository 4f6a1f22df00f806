//! Recommended values of `max_slot_wal_keep_size` and `idle_replication_slot_timeout` for a disk and a WAL rate.

use crate::analysis::wal::{TimeLeft, WalGrowth};
use crate::facts::WalHeadroom;

const GB: u64 = 1 << 30;
const DAY: u64 = 86_400;

/// Minimum timeout in seconds: the slot of a daily pipeline must survive until its next run, with a margin.
const MIN_TIMEOUT: u64 = 2 * DAY;

/// Default timeout in seconds, equal to the time after which an inactive logical slot is stale.
const DEFAULT_TIMEOUT: u64 = 7 * DAY;

/// Input of the computation.
#[derive(Clone, Copy, Debug)]
pub struct PreventionInput<'a> {
    /// Free space of the volume; `None` when unknown, and then no limit is proposed.
    pub headroom: Option<WalHeadroom>,
    /// Rate of WAL; `None` when unknown.
    pub growth: Option<&'a WalGrowth>,
    /// WAL in bytes that the slot with the oldest position retains; 0 without slots.
    pub retained_by_slots: u64,
    /// `max_wal_size` in bytes: the size of `pg_wal` without slots, and what may be written before a checkpoint
    /// enforces the limit.
    pub max_wal_size: u64,
    /// Present value in bytes; `None` when slots may retain WAL without limit.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Present value in seconds, 0 when disabled; `None` before 18.
    pub idle_replication_slot_timeout: Option<u64>,
}

/// One step of the computation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreventionStep {
    /// Space that slots could use in total.
    Available {
        /// Free space in bytes.
        free_bytes: u64,
        /// WAL in bytes that slots retain already.
        retained_bytes: u64,
        /// Whether `free_bytes` is an upper bound.
        is_at_most: bool,
    },
    /// Space that stays free: a share of the volume, and WAL until a checkpoint enforces the limit.
    Reserved {
        /// Sum in bytes.
        bytes: u64,
        /// Share of the volume in percent.
        percent: u64,
        /// Whether half of the available space is used instead, because that share is not free.
        is_half: bool,
        /// `max_wal_size` in bytes.
        max_wal_size: u64,
        /// Whether `pg_wal` has its own volume.
        wal_is_apart: bool,
    },
    /// The remainder is less than `max_wal_size`: no limit leaves consumers any time.
    TooSmall {
        /// The remainder in bytes.
        bytes: u64,
    },
    /// The proposed limit.
    Limit {
        /// Limit in bytes.
        bytes: u64,
        /// Time until a disconnected consumer's slot reaches it; `None` when the rate is unknown.
        lasts: Option<TimeLeft>,
    },
    /// Slots retain more than the limit now and would be lost at the next checkpoint.
    BreaksNow {
        /// WAL in bytes that they retain.
        retained_bytes: u64,
    },
    /// The present limit exceeds the available space.
    SetTooHigh {
        /// Present limit in bytes.
        set_bytes: u64,
    },
    /// The present limit leaves consumers less time than the volume allows.
    SetLower {
        /// Present limit in bytes.
        set_bytes: u64,
    },
    /// The proposed timeout of unused slots.
    Timeout {
        /// Timeout in seconds.
        seconds: u64,
        /// Whether it is the default of 7 days.
        is_default: bool,
    },
    /// The volume is full before a daily pipeline connects again. Such a short timeout does more harm than good.
    NoTimeout {
        /// Seconds until the limit is reached, at the highest rate.
        min_seconds: u64,
    },
}

/// Proposed settings, with the computation.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Prevention {
    /// Proposed `max_slot_wal_keep_size` in bytes, whole megabytes; `None` without a proposal.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Proposed `idle_replication_slot_timeout` in seconds (18 and newer); `None` without a proposal.
    pub idle_replication_slot_timeout: Option<u64>,
    /// Steps of the computation.
    pub steps: Vec<PreventionStep>,
}

impl Prevention {
    /// Computes the proposals.
    pub fn new(input: &PreventionInput<'_>) -> Prevention {
        let mut prevention = Prevention::default();
        let lasts = prevention.propose_limit(input);
        if input.idle_replication_slot_timeout.is_some() {
            prevention.propose_timeout(lasts.and_then(|lasts| lasts.min_seconds));
        }
        prevention
    }

    fn propose_limit(&mut self, input: &PreventionInput<'_>) -> Option<TimeLeft> {
        let headroom = input.headroom?;
        let retained = input.retained_by_slots;
        let available = headroom.free_bytes.saturating_add(retained);
        self.steps.push(PreventionStep::Available {
            free_bytes: headroom.free_bytes,
            retained_bytes: retained,
            is_at_most: headroom.is_upper_bound,
        });
        // On a volume with growing data, more must stay free than on one with only pg_wal.
        let percent = if headroom.wal_on_own_volume { 10 } else { 20 };
        let share = headroom.size_bytes.unwrap_or(available) / 100 * percent;
        // On a disk that is nearly full a tight limit is better than none.
        let is_half = share > available / 2;
        let reserved = share.min(available / 2).saturating_add(input.max_wal_size);
        self.steps.push(PreventionStep::Reserved {
            bytes: reserved,
            percent,
            is_half,
            max_wal_size: input.max_wal_size,
            wal_is_apart: headroom.wal_on_own_volume,
        });
        let limit = round_down(available.saturating_sub(reserved));
        if limit < input.max_wal_size || limit == 0 {
            self.steps.push(PreventionStep::TooSmall { bytes: limit });
            return None;
        }
        let lasts = input.growth.map(|growth| growth.time_to_write(limit));
        self.steps.push(PreventionStep::Limit { bytes: limit, lasts });
        self.max_slot_wal_keep_size = Some(limit);
        if retained > limit {
            self.steps.push(PreventionStep::BreaksNow { retained_bytes: retained });
        }
        match input.max_slot_wal_keep_size {
            Some(set_bytes) if set_bytes > available => self.steps.push(PreventionStep::SetTooHigh { set_bytes }),
            Some(set_bytes) if set_bytes < limit => self.steps.push(PreventionStep::SetLower { set_bytes }),
            _ => {}
        }
        lasts
    }

    fn propose_timeout(&mut self, min_seconds_to_full: Option<u64>) {
        let seconds =
            min_seconds_to_full.map_or(DEFAULT_TIMEOUT, |seconds| seconds.min(DEFAULT_TIMEOUT) / 3_600 * 3_600);
        if let (Some(min_seconds), true) = (min_seconds_to_full, seconds < MIN_TIMEOUT) {
            self.steps.push(PreventionStep::NoTimeout { min_seconds });
            return;
        }
        self.idle_replication_slot_timeout = Some(seconds);
        self.steps.push(PreventionStep::Timeout { seconds, is_default: seconds == DEFAULT_TIMEOUT });
    }
}

/// Rounds down to whole gigabytes, or to eighths of a gigabyte below ten.
fn round_down(bytes: u64) -> u64 {
    let unit = if bytes >= 10 * GB { GB } else { GB / 8 };
    bytes / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::wal::{ObservedRate, RateSource};
    use crate::facts::DiskSource;
    use proptest::prelude::*;

    fn headroom(size: u64, free: u64) -> WalHeadroom {
        WalHeadroom {
            source: DiskSource::Flag,
            size_bytes: Some(size),
            free_bytes: free,
            is_upper_bound: false,
            wal_on_own_volume: false,
        }
    }

    fn growth(low: u64, high: u64) -> WalGrowth {
        let rate = ObservedRate { bytes_per_hour: low, source: RateSource::History, span_seconds: 3_600.0 };
        WalGrowth { rates: vec![rate], low, high }
    }

    fn input<'a>(headroom: Option<WalHeadroom>, growth: Option<&'a WalGrowth>) -> PreventionInput<'a> {
        PreventionInput {
            headroom,
            growth,
            retained_by_slots: 0,
            max_wal_size: GB,
            max_slot_wal_keep_size: None,
            idle_replication_slot_timeout: Some(0),
        }
    }

    #[test]
    fn prevention_unknown_disk_has_no_limit() {
        let found = Prevention::new(&input(None, None));
        assert_eq!((found.max_slot_wal_keep_size, found.idle_replication_slot_timeout), (None, Some(DEFAULT_TIMEOUT)));
        let before_18 = PreventionInput { idle_replication_slot_timeout: None, ..input(None, None) };
        assert_eq!(Prevention::new(&before_18), Prevention::default());
    }

    #[test]
    fn prevention_small_disk_has_no_limit() {
        let found = Prevention::new(&input(Some(headroom(10 * GB, GB)), None));
        assert_eq!(found.max_slot_wal_keep_size, None);
        assert!(matches!(found.steps.last(), Some(PreventionStep::Timeout { .. })));
        assert!(found.steps.iter().any(|step| matches!(step, PreventionStep::TooSmall { .. })), "{found:?}");
    }

    #[test]
    fn prevention_nearly_full_disk_has_tight_limit() {
        let found = Prevention::new(&input(Some(headroom(500 * GB, 40 * GB)), None));
        assert_eq!(found.max_slot_wal_keep_size, Some(19 * GB));
        assert!(
            found.steps.iter().any(|step| matches!(step, PreventionStep::Reserved { is_half: true, .. })),
            "{found:?}"
        );
    }

    #[test]
    fn prevention_500_gb_half_full() {
        let growth = growth(GB, 2 * GB);
        let found = Prevention::new(&input(Some(headroom(500 * GB, 250 * GB)), Some(&growth)));
        // 250 free, less 20 % of 500, less max_wal_size.
        assert_eq!(found.max_slot_wal_keep_size, Some(149 * GB));
        // 149 GB last 74 h at 2 GB per hour.
        assert_eq!(found.idle_replication_slot_timeout, Some(74 * 3_600));
        assert!(found.steps.contains(&PreventionStep::Timeout { seconds: 74 * 3_600, is_default: false }));
    }

    #[test]
    fn prevention_no_timeout_when_full_in_a_day() {
        let growth = growth(10 * GB, 20 * GB);
        let found = Prevention::new(&input(Some(headroom(500 * GB, 250 * GB)), Some(&growth)));
        assert_eq!((found.max_slot_wal_keep_size, found.idle_replication_slot_timeout), (Some(149 * GB), None));
    }

    #[test]
    fn prevention_reports_retained_and_set_values() {
        let full = PreventionInput { retained_by_slots: 300 * GB, ..input(Some(headroom(500 * GB, 50 * GB)), None) };
        let found = Prevention::new(&full);
        assert_eq!(found.max_slot_wal_keep_size, Some(249 * GB));
        assert!(found.steps.contains(&PreventionStep::BreaksNow { retained_bytes: 300 * GB }));
        let set = |bytes| PreventionInput { max_slot_wal_keep_size: Some(bytes), ..full };
        assert!(Prevention::new(&set(400 * GB)).steps.contains(&PreventionStep::SetTooHigh { set_bytes: 400 * GB }));
        assert!(Prevention::new(&set(9 * GB)).steps.contains(&PreventionStep::SetLower { set_bytes: 9 * GB }));
    }

    proptest! {
        /// If every slot retains as much as the limit allows, the reserve is still free.
        #[test]
        fn prevention_limit_leaves_reserve(
            size in 0..1u64 << 45, free in 0..1u64 << 45, held in 0..1u64 << 45, max_wal_size in 0..1u64 << 38,
            apart: bool, low in 0..1u64 << 40, more in 0..1u64 << 40,
        ) {
            let growth = growth(low, low + more);
            let headroom = WalHeadroom { wal_on_own_volume: apart, ..headroom(size, free) };
            let found = Prevention::new(&PreventionInput {
                retained_by_slots: held, max_wal_size, ..input(Some(headroom), Some(&growth))
            });
            if let Some(limit) = found.max_slot_wal_keep_size {
                let more = limit.saturating_sub(held);
                prop_assert!(more == 0 || more + max_wal_size <= free, "{limit} of {free} and {held}");
                prop_assert!(limit >= max_wal_size && limit % (1 << 20) == 0);
            }
            if let Some(timeout) = found.idle_replication_slot_timeout {
                prop_assert!((MIN_TIMEOUT..=DEFAULT_TIMEOUT).contains(&timeout));
            }
        }
    }
}
