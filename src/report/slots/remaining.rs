//! Time until the disk is full or a limit invalidates the slot.

use crate::analysis::wal::TimeLeft;
use crate::facts::history::WalInterval;
use crate::facts::{Slot, Snapshot};
use crate::report::Gaps;
use crate::report::wal::{DiskLine, SlotForecast, format_time_left, known_headroom, wal_growth};

pub struct TimeRemaining {
    pub until_full: Option<TimeLeft>,
    /// Forecast of the slot; `None` without a limit.
    pub slot: Option<SlotForecast>,
    /// The same as text.
    pub lines: Vec<String>,
}

impl TimeRemaining {
    pub fn new(snapshot: &Snapshot, history: &[WalInterval], slot: &Slot, gaps: &mut Gaps) -> TimeRemaining {
        let mut remaining = TimeRemaining { until_full: None, slot: None, lines: Vec::new() };
        if slot.retained_from().is_none() {
            return remaining;
        }
        let headroom = known_headroom(snapshot, &["why.until_full"], gaps);
        let mut fields = Vec::new();
        if headroom.is_some() {
            fields.push("why.until_full");
        }
        if slot.safe_wal_size.is_some() {
            fields.push("why.until_lost");
        }
        let wanted = !fields.is_empty();
        let growth = if wanted { wal_growth(snapshot, history, &fields, gaps) } else { None };
        if let (Some(headroom), Some(growth)) = (&headroom, &growth) {
            let until_full = growth.time_to_write(headroom.free_bytes);
            remaining.until_full = Some(until_full);
            let disk = DiskLine::new(headroom).describe();
            remaining
                .lines
                .push(format!("{disk}: full in {}, should it stay where it stands", format_time_left(&until_full)));
        }
        remaining.slot = SlotForecast::new(snapshot, slot, growth.as_ref());
        remaining.lines.extend(remaining.slot.as_ref().and_then(|slot| slot.describe(snapshot.collected_at)));
        remaining
    }
}
