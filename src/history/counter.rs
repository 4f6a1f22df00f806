//! Counters that may be reset.

/// A stored counter: the server's value, and the total since its first sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) value: i64,
    /// Never decreases: the difference between two samples is the count between them, also after pruning.
    pub(super) total: i64,
    pub(super) resets: i64,
}

impl Counter {
    /// Returns a counter at its first sample.
    pub(super) fn new(value: i64) -> Counter {
        Counter { value, total: value, resets: 0 }
    }

    /// Returns the counter at a later sample. A decrease is a reset; with `reset` there was one, even if the value has
    /// not decreased.
    pub(super) fn advance(self, value: i64, reset: bool) -> Counter {
        if reset || value < self.value {
            // The count since the reset. The count between the last sample and the reset is lost.
            let was_reset = self.value > 0 || value > 0;
            Counter { value, total: self.total.saturating_add(value), resets: self.resets + i64::from(was_reset) }
        } else {
            Counter { value, total: self.total.saturating_add(value - self.value), resets: self.resets }
        }
    }
}

/// The start times of a database's statistics in one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ResetTimes {
    /// Time on the server's clock when they were read.
    pub(super) collected_at: i64,
    pub(super) timeline_id: Option<i64>,
    /// Time of the last reset of the database or of one index in it.
    pub(super) database_reset: Option<i64>,
    /// The earliest reset of the shared statistics; a crash sets all of them.
    pub(super) shared_reset: Option<i64>,
}

/// Returns whether all counters of a database were reset since the last sample. `fell` and `held` are the numbers of
/// counters that were above zero and are now lower, or not lower.
pub(super) fn all_counters_reset(
    before: &ResetTimes,
    now: &ResetTimes,
    decreased: usize,
    not_decreased: usize,
) -> bool {
    // A promoted server has its own counters.
    let promoted = now.timeline_id > before.timeline_id && before.timeline_id.is_some();
    let since = Some(before.collected_at);
    let crashed = now.shared_reset > since;
    // A reset of one index sets the time of the whole database, so the time alone proves nothing.
    let by_hand = now.database_reset > since && decreased > not_decreased;
    promoted || crashed || by_hand
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counter_decrease_is_a_reset() {
        let counter = Counter::new(100).advance(120, false).advance(7, false).advance(9, false);
        assert_eq!(counter, Counter { value: 9, total: 129, resets: 1 });
    }

    #[test]
    fn counter_reset_counts_without_decrease() {
        assert_eq!(Counter::new(5).advance(8, true), Counter { value: 8, total: 13, resets: 1 });
        assert_eq!(Counter::new(0).advance(0, true), Counter { value: 0, total: 0, resets: 0 });
    }

    #[test]
    fn single_index_reset_is_not_a_full_reset() {
        let before =
            ResetTimes { collected_at: 15, timeline_id: Some(1), database_reset: Some(10), shared_reset: Some(5) };
        let by_hand = ResetTimes { database_reset: Some(20), ..before };
        assert!(!all_counters_reset(&before, &by_hand, 1, 40));
        assert!(all_counters_reset(&before, &by_hand, 40, 1));
        assert!(!all_counters_reset(&before, &before, 40, 1), "without a stamp each counter speaks for itself");
    }

    #[test]
    fn crash_and_promotion_reset_all_counters() {
        let before =
            ResetTimes { collected_at: 15, timeline_id: Some(1), database_reset: Some(10), shared_reset: Some(5) };
        assert!(all_counters_reset(
            &before,
            &ResetTimes { database_reset: None, shared_reset: Some(30), ..before },
            0,
            40
        ));
        assert!(all_counters_reset(&before, &ResetTimes { timeline_id: Some(2), ..before }, 0, 40));
        let one_kind_by_hand = ResetTimes { shared_reset: Some(9), ..before };
        assert!(!all_counters_reset(&before, &one_kind_by_hand, 0, 40), "the next earliest stamp is no new one");
    }

    proptest! {
        #[test]
        fn counter_total_never_decreases(values in proptest::collection::vec((0_i64..1_000_000, any::<bool>()), 1..50)) {
            let mut counter = Counter::new(values[0].0);
            for (value, reset) in values {
                let next = counter.advance(value, reset);
                prop_assert!(next.total >= counter.total && next.resets >= counter.resets);
                counter = next;
            }
        }
    }
}
