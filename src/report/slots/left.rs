//! How long it can go on as it is: until the disk is full, until a limit invalidates the slot.

use crate::{
    model::{Slot, Snapshot, TimeLeft, past::WalInterval},
    report::{
        Gaps,
        wal::{DiskLine, SlotForecast, growth, room, words},
    },
};

pub struct Left {
    pub until_full: Option<TimeLeft>,
    /// `None` without a limit.
    pub slot: Option<SlotForecast>,
    /// The same as people read it.
    pub words: Vec<String>,
}

impl Left {
    pub fn of(snapshot: &Snapshot, remembered: &[WalInterval], slot: &Slot, gaps: &mut Gaps) -> Left {
        let mut left = Left { until_full: None, slot: None, words: Vec::new() };
        if slot.holds_from().is_none() {
            return left;
        }
        let room = room(snapshot, &["why.until_full"], gaps);
        let mut fields = Vec::new();
        if room.is_some() {
            fields.push("why.until_full");
        }
        if slot.safe_wal_size.is_some() {
            fields.push("why.until_lost");
        }
        let wanted = !fields.is_empty();
        let growth = if wanted { growth(snapshot, remembered, &fields, gaps) } else { None };
        if let (Some(room), Some(growth)) = (&room, &growth) {
            let until_full = growth.time_for(room.free_bytes);
            left.until_full = Some(until_full);
            let disk = DiskLine::of(room).words();
            left.words.push(format!("{disk}: full in {}, should it stay where it stands", words(&until_full)));
        }
        left.slot = SlotForecast::of(snapshot, slot, growth.as_ref());
        left.words.extend(left.slot.as_ref().and_then(|slot| slot.sentence(snapshot.collected_at)));
        left
    }
}
