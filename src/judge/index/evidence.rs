//! What the counters are worth: how long they counted, whose scans they hold, and whether anything was counted at all
//! (fact sheet on indexes, A3, A4 and "Settled later").

use super::{hazards::Cap, subject::Subject};
use crate::model::{Contents, IndexLimits, Provider, Reason, Replica, Snapshot, Verdict, Window};

/// The evidence of one database's counters.
pub struct Evidence {
    /// Seconds in which scans were counted; `None` when not known.
    pub seconds: Option<u64>,
    /// Servers that were asked.
    pub nodes: usize,
    /// What holds for every index.
    caps: Vec<Cap>,
    limits: IndexLimits,
}

impl Evidence {
    pub fn of(snapshot: &Snapshot, contents: &Contents, replicas: &[&Replica], limits: &IndexLimits) -> Evidence {
        let seconds = Window::of(snapshot, contents).seconds(snapshot.collected_at);
        let mut caps = Vec::new();
        let mut cap = |most, reason| caps.push(Cap { most, of_counters: true, reason });
        let resets = contents.statistics_resets.known();
        if resets.is_some_and(|resets| !resets.track_counts) {
            cap(Verdict::Keep, Reason::NothingCounted);
        }
        let waived = limits.min_observation_seconds == 0;
        let review_after = limits.review_after_seconds.min(limits.min_observation_seconds);
        match seconds {
            _ if waived => {}
            None => cap(Verdict::Review, Reason::WindowUnknown),
            Some(seconds) if seconds < review_after => {
                let minimum_seconds = limits.min_observation_seconds;
                cap(Verdict::Keep, Reason::ObservedTooBriefly { seconds, minimum_seconds });
            }
            Some(seconds) if seconds < limits.min_observation_seconds => {
                cap(
                    Verdict::Review,
                    Reason::ShortOfMinimum { seconds, minimum_seconds: limits.min_observation_seconds },
                );
            }
            // Nothing in the catalog tells when an index was created: until an own earlier look has seen it before the
            // window began, it may be younger than the window.
            Some(_) => cap(Verdict::Review, Reason::FirstSeenUnknown),
        }
        let roles = contents.index_facts.uncounted_roles.known().cloned().unwrap_or_default();
        if !roles.is_empty() {
            cap(Verdict::Review, Reason::RolesUncounted { roles });
        }
        for reason in elsewhere(snapshot, replicas) {
            cap(Verdict::Review, reason);
        }
        Evidence { seconds, nodes: 1 + replicas.len(), caps, limits: *limits }
    }

    /// What limits conclusions from the counters of this index.
    pub fn caps(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Cap> {
        const IDLE: Cap = Cap { most: Verdict::Keep, of_counters: true, reason: Reason::TableIdle };
        self.caps.iter().chain((!subject.table_was_read).then_some(&IDLE))
    }

    pub fn limits(&self) -> &IndexLimits {
        &self.limits
    }
}

/// Scans that may have been counted where nobody asked.
fn elsewhere(snapshot: &Snapshot, replicas: &[&Replica]) -> Vec<Reason> {
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
    let lists = std::iter::once(&snapshot.standbys).chain(used.iter().map(|used| &used.standbys));
    let mut streaming = Vec::new();
    let mut waiting = Vec::new();
    for list in lists {
        match list.known() {
            Some(list) => {
                for standby in list {
                    let address = standby.address.as_deref().map(|at| format!(" ({at})")).unwrap_or_default();
                    let names = if standby.streaming { &mut streaming } else { &mut waiting };
                    names.push(format!("{}{address}", standby.name));
                }
            }
            None => reasons.push(Reason::NotRead { fact: "standbys".to_owned() }),
        }
    }
    // Names of standbys are no identities: what counts is whether as many were asked as there are.
    let asked_here = asked_standbys + usize::from(snapshot.server.in_recovery);
    if streaming.len() > asked_here {
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
