//! Since when the scan counters count.

use super::Gaps;
use crate::model::{Contents, Snapshot, Unavailable};
use jiff::Timestamp;
use serde::Serialize;

/// The window in which scans were counted.
#[derive(Clone, Debug, Serialize)]
pub struct Observation {
    pub database: String,
    pub since: Option<Timestamp>,
    pub seconds: Option<u64>,
    /// Where `since` comes from.
    pub source: &'static str,
}

impl Observation {
    pub fn of(snapshot: &Snapshot, contents: &Contents, gaps: &mut Gaps) -> Observation {
        let fields = ["observation.since", "observation.seconds"];
        let mut since = gaps.take(&contents.statistics_resets, &fields).and_then(|resets| {
            if !resets.track_counts {
                let why = unknown("track_counts is off: nothing is counted", Some("turn track_counts on"));
                gaps.note(&why, &fields, Vec::new());
                return None;
            }
            if resets.counting_since().is_none() {
                gaps.note(&unknown("the server has no record of when its statistics began", None), &fields, Vec::new());
            }
            resets.counting_since()
        });
        // A promoted or restored server counts as itself only since then, and keeps no record of when that was.
        let timeline = snapshot.control.known().map(|control| control.timeline_id);
        if since.is_some() && !snapshot.server.in_recovery && timeline != Some(1) {
            let reason = match timeline {
                Some(timeline) => {
                    format!("timeline {timeline}: the server was promoted or restored, when is not known")
                }
                None => "the control file could not be read, so a promotion may have begun the count anew".to_owned(),
            };
            gaps.note(&unknown(&reason, None), &fields, Vec::new());
            since = None;
        }
        Observation {
            database: contents.database.clone(),
            since,
            seconds: since.map(|since| seconds_between(since, snapshot.collected_at)),
            source: "statistics resets",
        }
    }
}

/// Whole seconds from `earlier` to `later`, 0 when it is not earlier.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

fn unknown(reason: &str, hint: Option<&str>) -> Unavailable {
    Unavailable::because("observation window", reason).with_hint(hint)
}
