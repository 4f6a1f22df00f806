//! In which time the scan counters counted.

use super::{Contents, Snapshot, Unavailable};
use jiff::Timestamp;

/// The window in which one server counted, or why it is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub since: Result<Timestamp, Unavailable>,
    /// What `since` rests on.
    pub source: WindowSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSource {
    Resets,
    Promotion,
    Replica,
}

impl WindowSource {
    pub fn name(self) -> &'static str {
        match self {
            WindowSource::Resets => "statistics resets",
            WindowSource::Promotion => "promotion",
            WindowSource::Replica => "statistics resets of a standby",
        }
    }
}

impl Window {
    /// From the later of the database's reset and the last loss of all statistics; after a promotion at the earliest
    /// from there (fact sheet on indexes, A4 and "Promotion"); of several nodes the shortest counts.
    pub fn of(snapshot: &Snapshot, contents: &Contents) -> Window {
        let mut window = own(snapshot, contents);
        for replica in snapshot.replicas.iter().filter(|replica| replica.database == contents.database) {
            let resets = replica.used.known().and_then(|used| used.statistics_resets.known());
            if let (Ok(since), Some(other)) = (&window.since, resets.and_then(|resets| resets.counting_since()))
                && other > *since
            {
                window = Window { since: Ok(other), source: WindowSource::Replica };
            }
        }
        window
    }

    /// Whole seconds until `now`.
    pub fn seconds(&self, now: Timestamp) -> Option<u64> {
        let since = self.since.as_ref().ok()?;
        Some(u64::try_from(now.duration_since(*since).as_secs()).unwrap_or(0))
    }
}

fn own(snapshot: &Snapshot, contents: &Contents) -> Window {
    let unknown = |reason: &str, hint: Option<String>| Window {
        since: Err(Unavailable::because("observation window", reason).with_hint(hint)),
        source: WindowSource::Resets,
    };
    let resets = match contents.statistics_resets.as_result() {
        Ok(resets) => resets,
        Err(why) => return Window { since: Err(why.clone()), source: WindowSource::Resets },
    };
    if !resets.track_counts {
        return unknown("track_counts is off: nothing is counted", Some("turn track_counts on".to_owned()));
    }
    let Some(since) = resets.counting_since() else {
        return unknown("the server has no record of when its statistics began", None);
    };
    // A promoted or restored server counts as itself only since then (tried on 15, 17 and 18).
    let timeline = snapshot.control.known().map(|control| control.timeline_id);
    if snapshot.server.in_recovery || timeline == Some(1) {
        return Window { since: Ok(since), source: WindowSource::Resets };
    }
    let Some(timeline) = timeline else {
        return unknown("the control file could not be read, so a promotion may have begun the count anew", None);
    };
    let history = snapshot.timeline_history.as_result();
    let promoted = history.ok().and_then(|history| {
        let file = history.file_name.as_deref()?.get(..8)?;
        let of_this = u32::from_str_radix(file, 16).is_ok_and(|number| number == timeline);
        history.modified_at.filter(|_| of_this)
    });
    match promoted {
        Some(at) if at > since => Window { since: Ok(at), source: WindowSource::Promotion },
        Some(_) => Window { since: Ok(since), source: WindowSource::Resets },
        None => {
            let hint = history.err().and_then(|why| why.hint.clone());
            let reason = format!("timeline {timeline}: the server was promoted or restored, when is not known");
            unknown(&reason, hint)
        }
    }
}
