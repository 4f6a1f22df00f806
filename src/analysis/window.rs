//! Observation window of the scan counters.

use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Snapshot, Unavailable};
use jiff::Timestamp;

/// Time in which one server counted scans.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Beginning of the window, or the reason why it is unknown.
    pub since: Result<Timestamp, Unavailable>,
    /// Source of `since`.
    pub source: WindowSource,
    /// Seconds of the window in which scans may be lost: from a sample to the next reset of the counters.
    pub unobserved_seconds: u64,
    /// Whether samples count this server's scans, because its counters were reset within the window.
    pub counts_samples: bool,
}

/// Source of the beginning of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSource {
    /// The latest reset or loss of the statistics.
    Resets,
    /// A promotion or restore after the statistics began.
    Promotion,
    /// The latest reset of a standby that was also read.
    Replica,
    /// The first sample of the history store.
    History,
}

impl WindowSource {
    /// Returns the name in reports and JSON.
    pub fn name(self) -> &'static str {
        match self {
            WindowSource::Resets => "statistics resets",
            WindowSource::Promotion => "promotion",
            WindowSource::Replica => "statistics resets of a standby",
            WindowSource::History => "history",
        }
    }
}

impl Window {
    /// Returns the window that begins at the later of the reset of all indexes and the last loss of all statistics
    /// (docs/reference/index-usage.md#observation-window), and not before a promotion
    /// (docs/reference/index-usage.md#promotion). With several nodes, the shortest window counts. Stored samples that
    /// are older than the server's counters extend the window.
    pub fn from_snapshot(
        snapshot: &Snapshot,
        database_snapshot: &DatabaseSnapshot,
        history: Option<&DatabaseIndexHistory>,
    ) -> Window {
        let now = snapshot.collected_at;
        let mut window = own_window(snapshot, database_snapshot);
        let counts = database_snapshot.statistics_resets.known().is_some_and(|resets| resets.track_counts);
        if let Some(history) = history.filter(|past| counts && past.since < now)
            && window
                .observed_seconds(now)
                .is_none_or(|seconds| history.observed_seconds(database_snapshot, now) > seconds)
        {
            let whole = u64::try_from(now.duration_since(history.since).as_secs()).unwrap_or(0);
            let unobserved_seconds = whole - history.observed_seconds(database_snapshot, now);
            window = Window {
                since: Ok(history.since),
                source: WindowSource::History,
                unobserved_seconds,
                counts_samples: true,
            };
        }
        for replica in snapshot.replicas.iter().filter(|replica| replica.database == database_snapshot.database) {
            let resets = replica.used.known().and_then(|used| used.statistics_resets.known());
            if let (Ok(since), Some(other)) = (&window.since, resets.and_then(|resets| resets.counting_since()))
                && other > *since
            {
                window = Window { since: Ok(other), source: WindowSource::Replica, ..window };
            }
        }
        window
    }

    /// Returns the whole seconds until `now` in which every scan was counted; `None` when the beginning is unknown.
    pub fn observed_seconds(&self, now: Timestamp) -> Option<u64> {
        self.observed_seconds_since(Timestamp::MIN, now)
    }

    /// Returns the same for an object that has existed since `from`.
    pub fn observed_seconds_since(&self, from: Timestamp, now: Timestamp) -> Option<u64> {
        let since = (*self.since.as_ref().ok()?).max(from);
        let whole = u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0);
        Some(whole.saturating_sub(self.unobserved_seconds))
    }
}

fn own_window(snapshot: &Snapshot, database_snapshot: &DatabaseSnapshot) -> Window {
    let unknown = |reason: &str, hint: Option<String>| Window {
        since: Err(Unavailable::new("observation window", reason).with_hint(hint)),
        source: WindowSource::Resets,
        unobserved_seconds: 0,
        counts_samples: false,
    };
    let resets = match database_snapshot.statistics_resets.as_result() {
        Ok(resets) => resets,
        Err(why) => {
            return Window {
                since: Err(why.clone()),
                source: WindowSource::Resets,
                unobserved_seconds: 0,
                counts_samples: false,
            };
        }
    };
    if !resets.track_counts {
        return unknown("track_counts is off: scans are not counted", Some("set track_counts = on".to_owned()));
    }
    let Some(since) = database_snapshot.indexes_counting_since() else {
        return unknown("the server does not report when its statistics began", None);
    };
    // A promoted or restored server has counted only since then (tested on 15, 17 and 18).
    let timeline = snapshot.control.known().map(|control| control.timeline_id);
    if snapshot.server.in_recovery || timeline == Some(1) {
        return Window { since: Ok(since), source: WindowSource::Resets, unobserved_seconds: 0, counts_samples: false };
    }
    let Some(timeline) = timeline else {
        return unknown("the control file could not be read, so a promotion may have reset the counters", None);
    };
    let history = snapshot.timeline_history.as_result();
    let promoted = history.ok().and_then(|history| {
        let file = history.file_name.as_deref()?.get(..8)?;
        let of_this = u32::from_str_radix(file, 16).is_ok_and(|number| number == timeline);
        history.modified_at.filter(|_| of_this)
    });
    match promoted {
        Some(promoted_at) if promoted_at > since => Window {
            since: Ok(promoted_at),
            source: WindowSource::Promotion,
            unobserved_seconds: 0,
            counts_samples: false,
        },
        Some(_) => {
            Window { since: Ok(since), source: WindowSource::Resets, unobserved_seconds: 0, counts_samples: false }
        }
        None => {
            let hint = history.err().and_then(|why| why.hint.clone());
            let reason = format!("timeline {timeline}: the server was promoted or restored at an unknown time");
            unknown(&reason, hint)
        }
    }
}
