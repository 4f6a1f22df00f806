//! WAL that a drop releases, and when.

use crate::analysis::wal::{Holder, Retention};
use crate::facts::{Slot, Snapshot, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// WAL that dropping slots releases. The next checkpoint removes it, not the drop itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReclaimableWal {
    /// Bytes released at once. Always 0.
    pub now_bytes: u64,
    /// Bytes of whole segments that nothing else retains; `None` when unknown.
    pub at_checkpoint_bytes: Option<u64>,
    /// Bytes of it that may stay as recycled segments: up to `max_wal_size`
    /// (docs/reference/slots.md#space-after-a-drop).
    pub may_be_recycled_bytes: Option<u64>,
    /// Next holder of WAL; `None` when nothing else retains any, or it is unknown.
    #[serde(skip)]
    pub next_holder: Option<Holder>,
}

/// Input to compute what drops release.
#[derive(Clone, Debug)]
pub struct ReclaimEstimator {
    retention: Result<Retention, Unavailable>,
    max_wal_size: Option<u64>,
}

impl ReclaimEstimator {
    /// Takes the input from the planning snapshot.
    pub fn from_snapshot(snapshot: &Snapshot) -> ReclaimEstimator {
        let settings = snapshot.settings.known();
        ReclaimEstimator {
            retention: Retention::from_snapshot(snapshot),
            max_wal_size: settings.and_then(|settings| settings.bytes("max_wal_size")),
        }
    }

    /// Returns the fact without which the result is unknown, or known in part only; `None` otherwise.
    pub fn missing_fact(&self) -> Option<Unavailable> {
        match (&self.retention, self.max_wal_size) {
            (Err(why), _) => Some(why.clone()),
            (Ok(_), None) => Some(Unavailable::new("settings", "this role cannot read max_wal_size")),
            (Ok(_), Some(_)) => None,
        }
    }

    /// Returns the WAL that dropping all of these slots releases.
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
