//! What the counters prove: how long they counted, whose scans they contain, and whether anything was counted
//! (docs/reference/index-usage.md#confidence-of-a-drop).

use super::{hazards::VerdictCap, subject::IndexSubject};
use crate::analysis::index::{IndexLimits, Reason, Verdict};
use crate::analysis::{Window, WindowSource};
use crate::facts::{DatabaseSnapshot, Provider, Replica, Snapshot, Standby};
use jiff::Timestamp;

/// Evidence of one database's scan counters.
pub struct ScanEvidence {
    /// Seconds in which scans were counted; `None` when unknown.
    pub seconds: Option<u64>,
    /// Number of servers that were read.
    pub nodes: usize,
    /// Limits that hold for every index of the database.
    caps: Vec<VerdictCap>,
    window: Window,
    now: Timestamp,
    limits: IndexLimits,
}

impl ScanEvidence {
    /// Returns the evidence of a database within its observation window.
    pub fn new(
        snapshot: &Snapshot,
        db: &DatabaseSnapshot,
        replicas: &[&Replica],
        window: Window,
        limits: &IndexLimits,
    ) -> ScanEvidence {
        let now = snapshot.collected_at;
        let seconds = window.observed_seconds(now);
        let mut caps = Vec::new();
        let mut cap = |most, reason| caps.push(VerdictCap { max_verdict: most, of_counters: true, reason });
        let resets = db.statistics_resets.known();
        if resets.is_some_and(|resets| !resets.track_counts) {
            cap(Verdict::Keep, Reason::NothingCounted);
        }
        let waived = limits.min_observation_seconds == 0;
        match seconds {
            _ if waived => {}
            None => cap(Verdict::Review, Reason::WindowUnknown),
            Some(seconds) => {
                if let Some(VerdictCap { max_verdict, reason, .. }) = window_cap(seconds, limits) {
                    cap(max_verdict, reason);
                }
            }
        }
        let roles = db.index_facts.uncounted_roles.known().cloned().unwrap_or_default();
        if !roles.is_empty() {
            cap(Verdict::Review, Reason::RolesUncounted { roles });
        }
        for reason in uncollected_nodes(snapshot, replicas) {
            cap(Verdict::Review, reason);
        }
        ScanEvidence { seconds, nodes: 1 + replicas.len(), caps, window, now, limits: *limits }
    }

    /// Returns the seconds in which scans of this index were counted; `None` when unknown. The samples of a history outlast
    /// a reset of its counters.
    pub fn seconds_of(&self, subject: &IndexSubject<'_>) -> Option<u64> {
        match subject.own_reset.filter(|_| self.window.source != WindowSource::History) {
            Some(reset) => self.window.observed_seconds_since(reset, self.now),
            None => self.seconds,
        }
    }

    /// Returns the limit that follows from a later reset of this index's own counters; `None` without one.
    pub fn own_reset_cap(&self, subject: &IndexSubject<'_>) -> Option<VerdictCap> {
        let seconds = self.seconds_of(subject).filter(|seconds| Some(*seconds) != self.seconds)?;
        window_cap(seconds, &self.limits)
    }

    /// Returns the limits on conclusions from counters of this index, except for its age and the resets of its own
    /// counters; see [`ScanEvidence::too_young`] and [`ScanEvidence::own_reset_cap`].
    pub fn caps(&self, subject: &IndexSubject<'_>) -> impl Iterator<Item = &VerdictCap> {
        const IDLE: VerdictCap =
            VerdictCap { max_verdict: Verdict::Keep, of_counters: true, reason: Reason::TableIdle };
        self.caps.iter().chain((!subject.table_was_read).then_some(&IDLE))
    }

    /// Returns why the index is not known to be as old as the observation window; `None` when it is. The catalog has no
    /// creation time, so only a sample with the index proves its age.
    pub fn too_young(&self, subject: &IndexSubject<'_>) -> Option<Reason> {
        let minimum_seconds = self.limits.min_observation_seconds;
        // `caps` has the reason when the window is too short or unknown.
        if minimum_seconds == 0 || self.seconds.is_none_or(|seconds| seconds < minimum_seconds) {
            return None;
        }
        let Some(certain_since) = subject.certain_since else { return Some(Reason::FirstSeenUnknown) };
        let seconds = self.window.observed_seconds_since(certain_since, self.now)?;
        (seconds < minimum_seconds).then_some(Reason::SeenTooBriefly { since: certain_since, seconds, minimum_seconds })
    }

    /// Returns the limits of the assessment.
    pub fn limits(&self) -> &IndexLimits {
        &self.limits
    }
}

/// Returns the limit of a window of so many seconds; `None` if it is long enough.
fn window_cap(seconds: u64, limits: &IndexLimits) -> Option<VerdictCap> {
    let minimum_seconds = limits.min_observation_seconds;
    let (max_verdict, reason) = if seconds < limits.review_after_seconds.min(minimum_seconds) {
        (Verdict::Keep, Reason::ObservedTooBriefly { seconds, minimum_seconds })
    } else if seconds < minimum_seconds {
        (Verdict::Review, Reason::ShortOfMinimum { seconds, minimum_seconds })
    } else {
        return None;
    };
    Some(VerdictCap { max_verdict, of_counters: true, reason })
}

/// Returns the reasons why scans may have been counted on servers that were not read.
fn uncollected_nodes(snapshot: &Snapshot, replicas: &[&Replica]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for replica in replicas {
        let known = replica.used.known().is_some_and(|used| used.idx_scans.known().is_some());
        if !known {
            reasons.push(Reason::ReplicaUnknown { replica: replica.name.clone() });
        }
    }
    let used: Vec<_> = replicas.iter().filter_map(|replica| replica.used.known()).collect();
    let asked_standbys = used.iter().filter(|used| used.in_recovery).count();
    if snapshot.server.in_recovery && used.iter().all(|used| used.in_recovery) {
        reasons.push(Reason::IsStandby);
    }
    let standbys = Standby::from_facts(&snapshot.walsenders, &snapshot.slots);
    let lists =
        std::iter::once(standbys).chain(used.iter().map(|used| Standby::from_facts(&used.walsenders, &used.slots)));
    let mut streaming = Vec::new();
    let mut waiting = Vec::new();
    for list in lists {
        match list {
            Ok(list) => {
                for standby in list {
                    let address = standby.address.as_deref().map(|address| format!(" ({address})")).unwrap_or_default();
                    let names = if standby.streaming { &mut streaming } else { &mut waiting };
                    names.push(format!("{}{address}", standby.name));
                }
            }
            Err(_) => reasons.push(Reason::NotRead { fact: "standbys".to_owned() }),
        }
    }
    // Names do not identify standbys, so only the numbers are compared.
    let collected_nodes = asked_standbys + usize::from(snapshot.server.in_recovery);
    if streaming.len() > collected_nodes {
        reasons.push(Reason::StandbysNotAsked { standbys: streaming });
    }
    if !waiting.is_empty() {
        reasons.push(Reason::SlotsWithoutStandby { slots: waiting });
    }
    if snapshot.provider() == Provider::Aurora {
        reasons.push(Reason::SharedStorage);
    }
    reasons
}
