//! What a drop frees, and when.

use crate::analysis::wal::{Holder, Retention};
use crate::facts::{Slot, Snapshot, Unavailable};
use serde::Serialize;

/// What goes when slots go. At once nothing does: the next checkpoint removes what nobody keeps any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReclaimableWal {
    /// Always 0.
    pub now_bytes: u64,
    /// Bytes of whole segments that nobody else keeps.
    pub at_checkpoint_bytes: Option<u64>,
    /// What of it may stay for good, as segments recycled for WAL to come: up to `max_wal_size` (fact sheet on slots,
    /// "Measured later").
    pub may_be_recycled_bytes: Option<u64>,
    /// Who keeps WAL from there on.
    #[serde(skip)]
    pub next_holder: Option<Holder>,
}

/// All that decides what is freed.
#[derive(Clone, Debug)]
pub struct ReclaimEstimator {
    retention: Result<Retention, Unavailable>,
    max_wal_size: Option<u64>,
}

impl ReclaimEstimator {
    pub fn from_snapshot(snapshot: &Snapshot) -> ReclaimEstimator {
        let settings = snapshot.settings.known();
        ReclaimEstimator {
            retention: Retention::from_snapshot(snapshot),
            max_wal_size: settings.and_then(|settings| settings.bytes("max_wal_size")),
        }
    }

    /// What is missing to tell what is freed.
    pub fn missing_fact(&self) -> Option<Unavailable> {
        match (&self.retention, self.max_wal_size) {
            (Err(why), _) => Some(why.clone()),
            (Ok(_), None) => Some(Unavailable::new("settings", "max_wal_size is hidden from this role")),
            (Ok(_), Some(_)) => None,
        }
    }

    /// What these slots free when all of them are gone, and nobody else.
    pub fn reclaimable_by_dropping(&self, slots: &[&Slot]) -> ReclaimableWal {
        let Some(from) = slots.iter().filter_map(|slot| slot.retained_from()).min() else {
            return ReclaimableWal {
                at_checkpoint_bytes: Some(0),
                may_be_recycled_bytes: Some(0),
                ..ReclaimableWal::default()
            };
        };
        let Ok(retention) = &self.retention else { return ReclaimableWal::default() };
        let is_gone = |holder: &&Holder| {
            let name = holder.name.as_deref();
            !name.is_some_and(|name| slots.iter().any(|slot| slot.slot_name == name))
        };
        let next = retention.holders.iter().filter(is_gone).min_by_key(|holder| holder.from);
        let end = retention.segment_start(next.map_or(retention.current, |next| next.from));
        let bytes = end.saturating_sub(retention.segment_start(from));
        ReclaimableWal {
            now_bytes: 0,
            at_checkpoint_bytes: Some(bytes),
            may_be_recycled_bytes: self.max_wal_size.map(|most| most.min(bytes)),
            next_holder: next.cloned(),
        }
    }
}
