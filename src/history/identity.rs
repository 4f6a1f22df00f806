//! Whether a look follows from earlier ones, or is of a copy that shares their system identifier.
//! docs/decisions/0006-which-cluster-a-sample-belongs-to.md has the reasons.

/// Looks this far apart, in microseconds, are of one night, and may have been taken at the same time.
pub(super) const AT_ONCE: i64 = 10 * 60 * 1_000_000;

/// What tells one look from another's server. Times in microseconds, LSNs as byte positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) collected_at: i64,
    pub(super) started_at: i64,
    pub(super) in_recovery: bool,
    pub(super) timeline_id: Option<i64>,
    pub(super) checkpoint_lsn: Option<i64>,
    pub(super) current_lsn: Option<i64>,
    pub(super) address: Option<String>,
    /// When its timeline began by promotion; `None` where that could not be read.
    pub(super) promoted_at: Option<i64>,
    /// When the statistics that all databases share began: a restart goes on with them; a crash, and a server that was
    /// started from a backup, begin anew.
    pub(super) shared_reset: Option<i64>,
}

impl Mark {
    /// Whether both are of one process, which was neither started anew nor promoted in between.
    pub(super) fn is_of_the_process_of(&self, other: &Mark) -> bool {
        (self.started_at, self.in_recovery) == (other.started_at, other.in_recovery)
    }

    /// Whether both are of one process, taken at the same time. Either may then have read first how far WAL was written.
    pub(super) fn is_beside(&self, other: &Mark) -> bool {
        self.is_of_the_process_of(other) && (self.collected_at - other.collected_at).abs() <= AT_ONCE
    }
}

/// A line of looks: its newest, and every address it was reached at.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) cluster_id: i64,
    pub(super) newest: Mark,
    pub(super) addresses: Vec<String>,
}

/// Why a look is taken to follow; the strongest comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// Everything it holds lies ahead.
    Position,
    /// … and it was reached at an address of the line.
    Address,
    /// The very process that was looked at before.
    Process,
}

/// The line that a look follows, if any.
pub(super) fn line_of<'a>(lines: &'a [Line], look: &Mark) -> Option<&'a Line> {
    let following = lines.iter().filter_map(|line| Some((follows(line, look)?, line)));
    following.max_by_key(|(evidence, line)| (*evidence, line.newest.collected_at)).map(|(_, line)| line)
}

fn follows(line: &Line, look: &Mark) -> Option<Evidence> {
    let last = &line.newest;
    let fell = |before: Option<i64>, now: Option<i64>| before.zip(now).is_some_and(|(before, now)| now < before);
    let lies_behind = fell(last.checkpoint_lsn, look.checkpoint_lsn)
        // What a standby has received and not replayed is gone after a restart.
        || (!look.in_recovery && fell(last.current_lsn, look.current_lsn));
    if look.in_recovery != last.in_recovery
        || look.collected_at < last.collected_at
        || fell(last.timeline_id, look.timeline_id)
        || (lies_behind && !look.is_beside(last))
    {
        return None;
    }
    if look.started_at == last.started_at {
        return Some(Evidence::Process);
    }
    let known_address = look.address.as_ref().is_some_and(|address| line.addresses.contains(address));
    let by_address = if known_address { Evidence::Address } else { Evidence::Position };
    let started_since = look.started_at > last.collected_at;
    if look.timeline_id > last.timeline_id {
        // A promoted standby ran already, and was promoted since. What was started since on a timeline of its own was
        // restored, what has had its timeline for longer is a copy that lives its own life: these go for the same server
        // only where they have taken its place.
        let promoted = !started_since && look.promoted_at.is_some_and(|at| at > last.collected_at);
        (promoted || known_address).then_some(by_address)
    } else {
        // A restart. A server that ran already when another process was looked at is another server; so is one at an
        // address nobody has named yet. Without an address its statistics must go on.
        let moved = look.address.is_some() && !line.addresses.is_empty();
        let goes_on = last.shared_reset.is_some() && look.shared_reset == last.shared_reset;
        (started_since && (known_address || goes_on && !moved)).then_some(by_address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the tests' time, a thousand of which are a day: no two days are at once.
    fn at(time: i64) -> i64 {
        time * AT_ONCE
    }

    /// The primary on the given day: started on day 0, writing 100 bytes a day.
    fn on(day: i64) -> Mark {
        Mark {
            collected_at: at(day * 1_000),
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

    fn line(newest: Mark) -> Line {
        Line { cluster_id: 1, addresses: newest.address.clone().into_iter().collect(), newest }
    }

    fn judged(look: Mark) -> Option<Evidence> {
        follows(&line(on(10)), &look)
    }

    #[test]
    fn what_goes_back_is_another_server() {
        assert_eq!(judged(Mark { timeline_id: Some(0), ..on(11) }), None);
        assert_eq!(judged(Mark { checkpoint_lsn: Some(999), ..on(11) }), None);
        assert_eq!(judged(Mark { current_lsn: Some(7), ..on(11) }), None);
        assert_eq!(judged(on(9)), None, "an older look");
        // Point-in-time recovery in place: a higher timeline, but older data.
        assert_eq!(
            judged(Mark { timeline_id: Some(2), checkpoint_lsn: Some(500), started_at: at(10_500), ..on(11) }),
            None
        );
    }

    #[test]
    fn of_two_looks_at_once_either_may_have_read_the_position_first() {
        let behind = |seconds: i64| Mark {
            collected_at: at(10_000) + seconds * 1_000_000,
            checkpoint_lsn: Some(999),
            current_lsn: Some(1_049),
            ..on(10)
        };
        assert_eq!(judged(behind(1)), Some(Evidence::Process));
        assert_eq!(judged(behind(601)), None, "not at once");
        assert_eq!(judged(Mark { started_at: at(1), ..behind(1) }), None, "another process");
    }

    #[test]
    fn a_standby_is_never_mixed_with_its_primary() {
        assert_eq!(judged(Mark { in_recovery: true, ..on(11) }), None);
    }

    #[test]
    fn a_copy_on_the_same_timeline_is_told_by_when_it_started_or_where_it_is() {
        let copy = |started_at, address: Option<&str>| Mark {
            started_at: at(started_at),
            address: address.map(Into::into),
            ..on(11)
        };
        assert_eq!(judged(copy(5_000, None)), None, "it ran beside the first");
        assert_eq!(judged(copy(10_500, Some("copy:5432"))), None, "it is elsewhere");
        assert_eq!(judged(copy(-500, None)), None, "no server starts earlier than it did");
        let of_a_backup = Mark { shared_reset: Some(10_501), ..copy(10_500, None) };
        assert_eq!(judged(of_a_backup), None, "nobody knows where it is, and its statistics began with it");
        assert_eq!(judged(Mark { shared_reset: None, ..copy(10_500, None) }), None, "nothing speaks for it");
    }

    #[test]
    fn a_copy_restored_to_a_timeline_of_its_own_stays_apart() {
        let copy = Mark { timeline_id: Some(2), started_at: at(10_500), address: None, ..on(11) };
        assert_eq!(judged(copy.clone()), None);
        assert_eq!(judged(Mark { address: Some("copy:5432".into()), ..copy }), None);
        // It has run since before the last look, and written more than the first.
        let of_old = Mark { timeline_id: Some(2), started_at: at(3_000), address: Some("copy:5432".into()), ..on(11) };
        assert_eq!(judged(of_old.clone()), None, "nobody knows when it was promoted");
        assert_eq!(judged(Mark { promoted_at: Some(at(3_100)), ..of_old }), None, "it had its timeline before");
    }

    #[test]
    fn restarts_promotions_and_other_names_of_the_same_process_go_on() {
        assert_eq!(judged(on(11)), Some(Evidence::Process));
        assert_eq!(judged(Mark { address: Some("10.0.0.5:5432".into()), ..on(11) }), Some(Evidence::Process));
        assert_eq!(judged(Mark { started_at: at(10_500), ..on(11) }), Some(Evidence::Address));
        assert_eq!(judged(Mark { started_at: at(10_500), address: None, ..on(11) }), Some(Evidence::Position));
        assert_eq!(
            judged(Mark { started_at: at(10_500), shared_reset: Some(10_499), ..on(11) }),
            Some(Evidence::Address)
        );
        let promoted = Mark {
            timeline_id: Some(2),
            started_at: at(3_000),
            promoted_at: Some(at(10_200)),
            address: Some("db2:5432".into()),
            ..on(11)
        };
        assert_eq!(judged(promoted), Some(Evidence::Position));
        let replaced = Mark { timeline_id: Some(2), started_at: at(10_500), ..on(11) };
        assert_eq!(judged(replaced), Some(Evidence::Address), "recovered in its own place");
    }

    #[test]
    fn of_several_lines_the_one_with_the_best_evidence_goes_on() {
        let other = Line { cluster_id: 2, ..line(Mark { started_at: at(700), ..on(10) }) };
        let lines = [line(on(10)), other];
        assert_eq!(line_of(&lines, &on(11)).map(|line| line.cluster_id), Some(1));
        let second = Mark { started_at: at(700), ..on(11) };
        assert_eq!(line_of(&lines, &second).map(|line| line.cluster_id), Some(2));
    }
}
