//! Since when the scan counters count.

use super::Gaps;
use crate::analysis::Window;
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Snapshot};
use jiff::Timestamp;
use serde::Serialize;

/// The window in which scans were counted, and whether it is long enough for a `drop` that rests on counters.
#[derive(Clone, Debug, Serialize)]
pub struct Observation {
    pub database: String,
    pub since: Option<Timestamp>,
    /// Of the time since then, that in which no scan can have been missed.
    pub seconds: Option<u64>,
    /// Where `since` comes from.
    pub source: &'static str,
    pub minimum_seconds: u64,
    pub sufficient: bool,
}

impl Observation {
    pub fn new(
        snapshot: &Snapshot,
        db: &DatabaseSnapshot,
        history: Option<&DatabaseIndexHistory>,
        minimum_seconds: u64,
        all_databases: bool,
        gaps: &mut Gaps,
    ) -> Observation {
        let window = Window::from_snapshot(snapshot, db, history);
        if let Err(why) = &window.since {
            match all_databases {
                true => {
                    let fields = ["observation[].since", "observation[].seconds"];
                    gaps.note(why, &fields, vec![db.database.clone()]);
                }
                false => gaps.note(why, &["observation.since", "observation.seconds"], Vec::new()),
            }
        }
        let seconds = window.observed_seconds(snapshot.collected_at);
        Observation {
            database: db.database.clone(),
            seconds,
            since: window.since.ok(),
            source: window.source.name(),
            minimum_seconds,
            sufficient: minimum_seconds == 0 || seconds.is_some_and(|seconds| seconds >= minimum_seconds),
        }
    }
}

/// Whole seconds from `earlier` to `later`, 0 when it is not earlier.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}
