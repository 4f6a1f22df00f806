//! Whether a snapshot continues earlier samples, or is of a copy that shares their system identifier.
//! docs/decisions/0006-which-cluster-a-sample-belongs-to.md has the reasons.

/// Snapshots at most this far apart, in microseconds, may have been taken at the same time.
pub(super) const CONCURRENT_MICROS: i64 = 10 * 60 * 1_000_000;

/// The identity of a snapshot's server. Times in microseconds, LSNs as byte positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SampleIdentity {
    pub(super) collected_at: i64,
    pub(super) started_at: i64,
    pub(super) in_recovery: bool,
    pub(super) timeline_id: Option<i64>,
    pub(super) checkpoint_lsn: Option<i64>,
    pub(super) current_lsn: Option<i64>,
    pub(super) address: Option<String>,
    /// Time of the promotion that began its timeline; `None` if it could not be read.
    pub(super) promoted_at: Option<i64>,
    /// Start of the shared statistics. They survive a clean restart; a crash or a start from a backup resets them.
    pub(super) shared_reset: Option<i64>,
}

impl SampleIdentity {
    /// Returns whether both are of one server process, without a restart or promotion in between.
    pub(super) fn is_same_process_as(&self, other: &SampleIdentity) -> bool {
        (self.started_at, self.in_recovery) == (other.started_at, other.in_recovery)
    }

    /// Returns whether both are of one server process and time. Either may then have the later position of WAL.
    pub(super) fn is_concurrent_with(&self, other: &SampleIdentity) -> bool {
        self.is_same_process_as(other) && (self.collected_at - other.collected_at).abs() <= CONCURRENT_MICROS
    }
}

/// A sample that is being written.
pub(super) struct NewSample {
    pub(super) cluster_id: i64,
    pub(super) sample_id: i64,
    pub(super) collected_at: i64,
}

/// A branch: its newest sample, and every address that it was reached at.
#[derive(Clone, Debug)]
pub(super) struct KnownBranch {
    pub(super) cluster_id: i64,
    pub(super) newest: SampleIdentity,
    pub(super) addresses: Vec<String>,
}

/// Why a snapshot continues a branch; the strongest reason comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// Its positions are not before those of the branch.
    Position,
    /// … and it was reached at an address of the branch.
    Address,
    /// It is of the same server process.
    Process,
}

/// Returns the branch that a snapshot continues, if any.
pub(super) fn matching_branch<'a>(branches: &'a [KnownBranch], identity: &SampleIdentity) -> Option<&'a KnownBranch> {
    let following = branches.iter().filter_map(|line| Some((continuation_evidence(line, identity)?, line)));
    following.max_by_key(|(evidence, line)| (*evidence, line.newest.collected_at)).map(|(_, line)| line)
}

fn continuation_evidence(branch: &KnownBranch, identity: &SampleIdentity) -> Option<Evidence> {
    let last = &branch.newest;
    let decreased = |before: Option<i64>, now: Option<i64>| before.zip(now).is_some_and(|(before, now)| now < before);
    let is_behind = decreased(last.checkpoint_lsn, identity.checkpoint_lsn)
        // A standby loses WAL that it has received but not replayed in a restart.
        || (!identity.in_recovery && decreased(last.current_lsn, identity.current_lsn));
    if identity.in_recovery != last.in_recovery
        || identity.collected_at < last.collected_at
        || decreased(last.timeline_id, identity.timeline_id)
        || (is_behind && !identity.is_concurrent_with(last))
    {
        return None;
    }
    if identity.started_at == last.started_at {
        return Some(Evidence::Process);
    }
    let known_address = identity.address.as_ref().is_some_and(|address| branch.addresses.contains(address));
    let by_address = if known_address { Evidence::Address } else { Evidence::Position };
    let started_since = identity.started_at > last.collected_at;
    if identity.timeline_id > last.timeline_id {
        // A promoted standby has been running, and was promoted since the sample. A server that was started since on
        // its own timeline was restored; one with an older timeline is an independent copy. Both count as the same
        // server only if they use its address.
        let promoted =
            !started_since && identity.promoted_at.is_some_and(|promoted_at| promoted_at > last.collected_at);
        (promoted || known_address).then_some(by_address)
    } else {
        // A restart. A server that was already running when the sample of another process was taken is another server;
        // so is one at a new address. Without an address, its statistics must continue.
        let moved = identity.address.is_some() && !branch.addresses.is_empty();
        let statistics_continue = last.shared_reset.is_some() && identity.shared_reset == last.shared_reset;
        (started_since && (known_address || statistics_continue && !moved)).then_some(by_address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts a time of the tests to microseconds. A day has 1,000 units, so two days are never concurrent.
    fn time_at(time: i64) -> i64 {
        time * CONCURRENT_MICROS
    }

    /// The primary on the given day: started on day 0, writing 100 bytes a day.
    fn sample_on_day(day: i64) -> SampleIdentity {
        SampleIdentity {
            collected_at: time_at(day * 1_000),
            started_at: 0,
            in_recovery: false,
            timeline_id: Some(1),
            checkpoint_lsn: Some(day * 100),
            current_lsn: Some(day * 100 + 50),
            address: Some("db1:5432".into()),
            promoted_at: None,
            shared_reset: Some(3),
        }
    }

    fn branch_with(newest: SampleIdentity) -> KnownBranch {
        KnownBranch { cluster_id: 1, addresses: newest.address.clone().into_iter().collect(), newest }
    }

    fn evidence_for(identity: SampleIdentity) -> Option<Evidence> {
        continuation_evidence(&branch_with(sample_on_day(10)), &identity)
    }

    #[test]
    fn branch_rejects_positions_that_go_back() {
        assert_eq!(evidence_for(SampleIdentity { timeline_id: Some(0), ..sample_on_day(11) }), None);
        assert_eq!(evidence_for(SampleIdentity { checkpoint_lsn: Some(999), ..sample_on_day(11) }), None);
        assert_eq!(evidence_for(SampleIdentity { current_lsn: Some(7), ..sample_on_day(11) }), None);
        assert_eq!(evidence_for(sample_on_day(9)), None, "an older look");
        // Point-in-time recovery in place: a higher timeline, but older data.
        assert_eq!(
            evidence_for(SampleIdentity {
                timeline_id: Some(2),
                checkpoint_lsn: Some(500),
                started_at: time_at(10_500),
                ..sample_on_day(11)
            }),
            None
        );
    }

    #[test]
    fn concurrent_samples_may_be_behind() {
        let behind = |seconds: i64| SampleIdentity {
            collected_at: time_at(10_000) + seconds * 1_000_000,
            checkpoint_lsn: Some(999),
            current_lsn: Some(1_049),
            ..sample_on_day(10)
        };
        assert_eq!(evidence_for(behind(1)), Some(Evidence::Process));
        assert_eq!(evidence_for(behind(601)), None, "not at once");
        assert_eq!(evidence_for(SampleIdentity { started_at: time_at(1), ..behind(1) }), None, "another process");
    }

    #[test]
    fn branch_separates_standby_from_primary() {
        assert_eq!(evidence_for(SampleIdentity { in_recovery: true, ..sample_on_day(11) }), None);
    }

    #[test]
    fn branch_separates_copy_on_same_timeline() {
        let copy = |started_at, address: Option<&str>| SampleIdentity {
            started_at: time_at(started_at),
            address: address.map(Into::into),
            ..sample_on_day(11)
        };
        assert_eq!(evidence_for(copy(5_000, None)), None, "it ran beside the first");
        assert_eq!(evidence_for(copy(10_500, Some("copy:5432"))), None, "it is elsewhere");
        assert_eq!(evidence_for(copy(-500, None)), None, "no server starts earlier than it did");
        let of_a_backup = SampleIdentity { shared_reset: Some(10_501), ..copy(10_500, None) };
        assert_eq!(evidence_for(of_a_backup), None, "its address is unknown, and its statistics began with it");
        assert_eq!(
            evidence_for(SampleIdentity { shared_reset: None, ..copy(10_500, None) }),
            None,
            "nothing speaks for it"
        );
    }

    #[test]
    fn branch_separates_copy_on_new_timeline() {
        let copy =
            SampleIdentity { timeline_id: Some(2), started_at: time_at(10_500), address: None, ..sample_on_day(11) };
        assert_eq!(evidence_for(copy.clone()), None);
        assert_eq!(evidence_for(SampleIdentity { address: Some("copy:5432".into()), ..copy }), None);
        // It was started before the last sample, and has written more WAL than the first.
        let of_old = SampleIdentity {
            timeline_id: Some(2),
            started_at: time_at(3_000),
            address: Some("copy:5432".into()),
            ..sample_on_day(11)
        };
        assert_eq!(evidence_for(of_old.clone()), None, "the time of the promotion is unknown");
        assert_eq!(
            evidence_for(SampleIdentity { promoted_at: Some(time_at(3_100)), ..of_old }),
            None,
            "it had its timeline before"
        );
    }

    #[test]
    fn branch_continues_after_restart_and_promotion() {
        assert_eq!(evidence_for(sample_on_day(11)), Some(Evidence::Process));
        assert_eq!(
            evidence_for(SampleIdentity { address: Some("10.0.0.5:5432".into()), ..sample_on_day(11) }),
            Some(Evidence::Process)
        );
        assert_eq!(
            evidence_for(SampleIdentity { started_at: time_at(10_500), ..sample_on_day(11) }),
            Some(Evidence::Address)
        );
        assert_eq!(
            evidence_for(SampleIdentity { started_at: time_at(10_500), address: None, ..sample_on_day(11) }),
            Some(Evidence::Position)
        );
        assert_eq!(
            evidence_for(SampleIdentity {
                started_at: time_at(10_500),
                shared_reset: Some(10_499),
                ..sample_on_day(11)
            }),
            Some(Evidence::Address)
        );
        let promoted = SampleIdentity {
            timeline_id: Some(2),
            started_at: time_at(3_000),
            promoted_at: Some(time_at(10_200)),
            address: Some("db2:5432".into()),
            ..sample_on_day(11)
        };
        assert_eq!(evidence_for(promoted), Some(Evidence::Position));
        let replaced = SampleIdentity { timeline_id: Some(2), started_at: time_at(10_500), ..sample_on_day(11) };
        assert_eq!(evidence_for(replaced), Some(Evidence::Address), "recovered in its own place");
    }

    #[test]
    fn branch_with_best_evidence_is_chosen() {
        let other = KnownBranch {
            cluster_id: 2,
            ..branch_with(SampleIdentity { started_at: time_at(700), ..sample_on_day(10) })
        };
        let branches = [branch_with(sample_on_day(10)), other];
        assert_eq!(matching_branch(&branches, &sample_on_day(11)).map(|line| line.cluster_id), Some(1));
        let second = SampleIdentity { started_at: time_at(700), ..sample_on_day(11) };
        assert_eq!(matching_branch(&branches, &second).map(|line| line.cluster_id), Some(2));
    }
}
