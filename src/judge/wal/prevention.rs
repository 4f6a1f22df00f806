//! Values of `max_slot_wal_keep_size` and `idle_replication_slot_timeout` that suit a disk and a rate.

use crate::model::{TimeLeft, WalGrowth, WalRoom};

const GB: u64 = 1 << 30;
const DAY: u64 = 86_400;

/// A pipeline that runs once a day must find its slot again; with a margin.
const SHORTEST_TIMEOUT: u64 = 2 * DAY;

/// As long as an unused logical slot needs to be called stale.
const USUAL_TIMEOUT: u64 = 7 * DAY;

/// What there is to reckon with.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub room: Option<WalRoom>,
    pub growth: Option<&'a WalGrowth>,
    /// How far the slot that reaches back furthest reaches back; 0 without one.
    pub held_by_slots: u64,
    /// What pg_wal grows to without any slot, and what may be written before a checkpoint enforces the limit.
    pub max_wal_size: u64,
    /// `None`: slots may keep WAL without limit.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Seconds; `None` before 18, 0 for never.
    pub idle_replication_slot_timeout: Option<u64>,
}

/// One step of the reckoning, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What slots could hold altogether: what is free, and what they hold already.
    Available { free_bytes: u64, held_bytes: u64, is_at_most: bool },
    /// Kept free: a share of the volume (half of what is available, where less than that share is free), and what may be
    /// written until a checkpoint enforces the limit.
    Reserved { bytes: u64, percent: u64, is_half: bool, max_wal_size: u64, wal_is_apart: bool },
    /// The remainder is less than `max_wal_size`: no limit leaves consumers any time.
    TooSmall { bytes: u64 },
    /// The limit, and how long a consumer may be away.
    Limit { bytes: u64, lasts: Option<TimeLeft> },
    /// Slots hold more than that now, and would be lost at the next checkpoint.
    BreaksNow { held_bytes: u64 },
    /// The limit that is set is more than the disk has room for.
    SetTooHigh { set_bytes: u64 },
    /// The limit that is set leaves consumers less time than the disk would.
    SetLower { set_bytes: u64 },
    /// An unused slot goes after so long.
    Timeout { seconds: u64, is_usual: bool },
    /// The disk is full before a pipeline that runs once a day has come back: a timeout so short harms more than it saves.
    NoTimeout { soonest_seconds: u64 },
}

/// What to set, and why.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Prevention {
    /// Bytes, whole megabytes.
    pub max_slot_wal_keep_size: Option<u64>,
    /// Seconds; 18 and newer.
    pub idle_replication_slot_timeout: Option<u64>,
    pub steps: Vec<Step>,
}

impl Prevention {
    pub fn of(circumstances: &Circumstances<'_>) -> Prevention {
        let mut prevention = Prevention::default();
        let lasts = prevention.limit(circumstances);
        if circumstances.idle_replication_slot_timeout.is_some() {
            prevention.timeout(lasts.and_then(|lasts| lasts.soonest_seconds));
        }
        prevention
    }

    fn limit(&mut self, circumstances: &Circumstances<'_>) -> Option<TimeLeft> {
        let room = circumstances.room?;
        let held = circumstances.held_by_slots;
        let available = room.free_bytes.saturating_add(held);
        self.steps.push(Step::Available { free_bytes: room.free_bytes, held_bytes: held, is_at_most: room.is_at_most });
        // Beside the data, which grow too, more has to stay free than where nothing but pg_wal lies.
        let percent = if room.wal_is_apart { 10 } else { 20 };
        let share = room.size_bytes.unwrap_or(available) / 100 * percent;
        // On a disk that is nearly full a tight limit is better than none.
        let is_half = share > available / 2;
        let reserved = share.min(available / 2).saturating_add(circumstances.max_wal_size);
        self.steps.push(Step::Reserved {
            bytes: reserved,
            percent,
            is_half,
            max_wal_size: circumstances.max_wal_size,
            wal_is_apart: room.wal_is_apart,
        });
        let limit = rounded(available.saturating_sub(reserved));
        if limit < circumstances.max_wal_size || limit == 0 {
            self.steps.push(Step::TooSmall { bytes: limit });
            return None;
        }
        let lasts = circumstances.growth.map(|growth| growth.time_for(limit));
        self.steps.push(Step::Limit { bytes: limit, lasts });
        self.max_slot_wal_keep_size = Some(limit);
        if held > limit {
            self.steps.push(Step::BreaksNow { held_bytes: held });
        }
        match circumstances.max_slot_wal_keep_size {
            Some(set_bytes) if set_bytes > available => self.steps.push(Step::SetTooHigh { set_bytes }),
            Some(set_bytes) if set_bytes < limit => self.steps.push(Step::SetLower { set_bytes }),
            _ => {}
        }
        lasts
    }

    fn timeout(&mut self, soonest_full: Option<u64>) {
        let seconds = soonest_full.map_or(USUAL_TIMEOUT, |soonest| soonest.min(USUAL_TIMEOUT) / 3_600 * 3_600);
        if let (Some(soonest_seconds), true) = (soonest_full, seconds < SHORTEST_TIMEOUT) {
            self.steps.push(Step::NoTimeout { soonest_seconds });
            return;
        }
        self.idle_replication_slot_timeout = Some(seconds);
        self.steps.push(Step::Timeout { seconds, is_usual: seconds == USUAL_TIMEOUT });
    }
}

/// Downwards, to a number that people would write: whole gigabytes, or eighths of one below ten.
fn rounded(bytes: u64) -> u64 {
    let unit = if bytes >= 10 * GB { GB } else { GB / 8 };
    bytes / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DiskSource, ObservedRate, RateSource};
    use proptest::prelude::*;

    fn room(size: u64, free: u64) -> WalRoom {
        WalRoom {
            source: DiskSource::Flag,
            size_bytes: Some(size),
            free_bytes: free,
            is_at_most: false,
            wal_is_apart: false,
        }
    }

    fn growth(low: u64, high: u64) -> WalGrowth {
        let rate = ObservedRate { bytes_per_hour: low, source: RateSource::History, span_seconds: 3_600.0 };
        WalGrowth { rates: vec![rate], low, high }
    }

    fn circumstances<'a>(room: Option<WalRoom>, growth: Option<&'a WalGrowth>) -> Circumstances<'a> {
        Circumstances {
            room,
            growth,
            held_by_slots: 0,
            max_wal_size: GB,
            max_slot_wal_keep_size: None,
            idle_replication_slot_timeout: Some(0),
        }
    }

    #[test]
    fn nothing_known_proposes_no_limit() {
        let found = Prevention::of(&circumstances(None, None));
        assert_eq!((found.max_slot_wal_keep_size, found.idle_replication_slot_timeout), (None, Some(USUAL_TIMEOUT)));
        let before_18 = Circumstances { idle_replication_slot_timeout: None, ..circumstances(None, None) };
        assert_eq!(Prevention::of(&before_18), Prevention::default());
    }

    #[test]
    fn a_disk_too_small_gets_no_limit() {
        let found = Prevention::of(&circumstances(Some(room(10 * GB, GB)), None));
        assert_eq!(found.max_slot_wal_keep_size, None);
        assert!(matches!(found.steps.last(), Some(Step::Timeout { .. })));
        assert!(found.steps.iter().any(|step| matches!(step, Step::TooSmall { .. })), "{found:?}");
    }

    #[test]
    fn a_disk_nearly_full_gets_a_tight_limit() {
        let found = Prevention::of(&circumstances(Some(room(500 * GB, 40 * GB)), None));
        assert_eq!(found.max_slot_wal_keep_size, Some(19 * GB));
        assert!(found.steps.iter().any(|step| matches!(step, Step::Reserved { is_half: true, .. })), "{found:?}");
    }

    #[test]
    fn a_disk_of_500_gb_half_full_at_2_gb_an_hour() {
        let growth = growth(GB, 2 * GB);
        let found = Prevention::of(&circumstances(Some(room(500 * GB, 250 * GB)), Some(&growth)));
        // 250 free, less 20 % of 500, less max_wal_size.
        assert_eq!(found.max_slot_wal_keep_size, Some(149 * GB));
        // 149 GB last 74 h at 2 GB an hour.
        assert_eq!(found.idle_replication_slot_timeout, Some(74 * 3_600));
        assert!(found.steps.contains(&Step::Timeout { seconds: 74 * 3_600, is_usual: false }));
    }

    #[test]
    fn a_disk_that_is_full_within_a_day_gets_no_timeout() {
        let growth = growth(10 * GB, 20 * GB);
        let found = Prevention::of(&circumstances(Some(room(500 * GB, 250 * GB)), Some(&growth)));
        assert_eq!((found.max_slot_wal_keep_size, found.idle_replication_slot_timeout), (Some(149 * GB), None));
    }

    #[test]
    fn what_is_held_or_set_already_is_told() {
        let full = Circumstances { held_by_slots: 300 * GB, ..circumstances(Some(room(500 * GB, 50 * GB)), None) };
        let found = Prevention::of(&full);
        assert_eq!(found.max_slot_wal_keep_size, Some(249 * GB));
        assert!(found.steps.contains(&Step::BreaksNow { held_bytes: 300 * GB }));
        let set = |bytes| Circumstances { max_slot_wal_keep_size: Some(bytes), ..full };
        assert!(Prevention::of(&set(400 * GB)).steps.contains(&Step::SetTooHigh { set_bytes: 400 * GB }));
        assert!(Prevention::of(&set(9 * GB)).steps.contains(&Step::SetLower { set_bytes: 9 * GB }));
    }

    proptest! {
        /// Were every slot to hold as much as it may, the reserve would still be free.
        #[test]
        fn the_limit_always_leaves_the_reserve(
            size in 0..1u64 << 45, free in 0..1u64 << 45, held in 0..1u64 << 45, max_wal_size in 0..1u64 << 38,
            apart: bool, low in 0..1u64 << 40, more in 0..1u64 << 40,
        ) {
            let growth = growth(low, low + more);
            let room = WalRoom { wal_is_apart: apart, ..room(size, free) };
            let found = Prevention::of(&Circumstances {
                held_by_slots: held, max_wal_size, ..circumstances(Some(room), Some(&growth))
            });
            if let Some(limit) = found.max_slot_wal_keep_size {
                let more = limit.saturating_sub(held);
                prop_assert!(more == 0 || more + max_wal_size <= free, "{limit} of {free} and {held}");
                prop_assert!(limit >= max_wal_size && limit % (1 << 20) == 0);
            }
            if let Some(timeout) = found.idle_replication_slot_timeout {
                prop_assert!((SHORTEST_TIMEOUT..=USUAL_TIMEOUT).contains(&timeout));
            }
        }
    }
}
