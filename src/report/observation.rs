//! Observation window of the scan counters.

use super::Gaps;
use crate::analysis::Window;
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Snapshot};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Window in which scans were counted, and whether it is long enough for a `drop` that rests on counters.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Observation {
    /// Name of the database.
    pub database: String,
    /// Beginning of the window; null when unknown.
    pub since: Option<Timestamp>,
    /// Seconds of the window in which every scan was counted; null when the beginning is unknown.
    pub seconds: Option<u64>,
    /// Source of `since`.
    pub source: &'static str,
    /// Seconds that a `drop` requires.
    pub minimum_seconds: u64,
    /// Whether `seconds` reaches `minimum_seconds`.
    pub sufficient: bool,
    /// Whether the window is short because of `pg_stat_database.stats_reset`, which before 19 a reset of one relation's
    /// counters sets, too.
    #[serde(skip)]
    pub may_be_one_relation: bool,
}

impl Observation {
    /// Returns the window of one database. `all_databases` says whether the report has a list of windows, which decides
    /// the paths of gaps.
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
        let sufficient = minimum_seconds == 0 || seconds.is_some_and(|seconds| seconds >= minimum_seconds);
        let resets = db.statistics_resets.known();
        let database_reset =
            resets.and_then(|resets| resets.database_reset.filter(|reset| Some(*reset) > resets.shared_reset));
        Observation {
            may_be_one_relation: !sufficient
                && db.index_resets.known().is_none()
                && database_reset.is_some()
                && window.since.as_ref().ok() == database_reset.as_ref(),
            database: db.database.clone(),
            seconds,
            since: window.since.ok(),
            source: window.source.name(),
            minimum_seconds,
            sufficient,
        }
    }
}

/// Returns the whole seconds from `earlier` to `later`; 0 if `later` is before `earlier`.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}
