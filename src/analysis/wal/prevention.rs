//! Values of `max_slot_wal_keep_size` and `idle_replication_slot_timeout` that suit a disk and a rate.

use crate::analysis::wal::{TimeLeft, WalGrowth};
use crate::facts::WalHeadroom;

const GB: u64 = 1 << 30;
const DAY: u64 = 86_400;

/// A pipeline that runs once a day must find its slot again; with a margin.
const MIN_TIMEOUT: u64 = 2 * DAY;

/// As long as an unused logical slot needs to be called stale.
const DEFAULT_TIMEOUT: u64 = 7 * DAY;

/// What there is to reckon with.
#[derive(Clone, Copy, Debug)]
pub struct PreventionInput<'a> {
    pub headroom: Option<WalHeadroom>,
    pub growth: Option<&'a WalGrowth>,
    /// How far the slot that reaches back furthest reaches back; 0 without one.
    pub retained_by_slots: u64,
    /// What pg_wal grows to without any slot, and what may be written before a checkpoint enforces the limit.
    pub max_wal_size: u64,
    /// `None`: slots may keep WAL without limit.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Seconds; `None` before 18, 0 for never.
    pub idle_replication_slot_timeout: Option<u64>,
}

/// One step of the reckoning, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreventionStep {
    /// What slots could hold altogether: what is free, and what they hold already.
    Available { free_bytes: u64, retained_bytes: u64, is_at_most: bool },
    /// Kept free: a share of the volume (half of what is available, where less than that share is free), and what may be
    /// written until a checkpoint enforces the limit.
    Reserved { bytes: u64, percent: u64, is_half: bool, max_wal_size: u64, wal_is_apart: bool },
    /// The remainder is less than `max_wal_size`: no limit leaves consumers any time.
    TooSmall { bytes: u64 },
    /// The limit, and how long a consumer may be away.
    Limit { bytes: u64, lasts: Option<TimeLeft> },
    /// Slots hold more than that now, and would be lost at the next checkpoint.
    BreaksNow { retained_bytes: u64 },
    /// The limit that is set is more than the disk has room for.
    SetTooHigh { set_bytes: u64 },
    /// The limit that is set leaves consumers less time than the disk would.
    SetLower { set_bytes: u64 },
    /// An unused slot goes after so long.
    Timeout { seconds: u64, is_default: bool },
    /// The disk is full before a pipeline that runs once a day has come back: a timeout so short harms more than it saves.
    NoTimeout { min_seconds: u64 },
}

/// What to set, and why.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Prevention {
    /// Bytes, whole megabytes.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Seconds; 18 and newer.
    pub idle_replication_slot_timeout: Option<u64>,
    pub steps: Vec<PreventionStep>,
}

impl Prevention {
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
        // Beside the data, which grow too, more has to stay free than where nothing but pg_wal lies.
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
            min_seconds_to_full.map_or(DEFAULT_TIMEOUT, |soonest| soonest.min(DEFAULT_TIMEOUT) / 3_600 * 3_600);
        if let (Some(soonest_seconds), true) = (min_seconds_to_full, seconds < MIN_TIMEOUT) {
            self.steps.push(PreventionStep::NoTimeout { min_seconds: soonest_seconds });
            return;
        }
        self.idle_replication_slot_timeout = Some(seconds);
        self.steps.push(PreventionStep::Timeout { seconds, is_default: seconds == DEFAULT_TIMEOUT });
    }
}

/// Downwards, to a number that people would write: whole gigabytes, or eighths of one below ten.
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
        // 149 GB last 74 h at 2 GB an hour.
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
        /// Were every slot to hold as much as it may, the reserve would still be free.
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
