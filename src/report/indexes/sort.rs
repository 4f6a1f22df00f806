//! In which order the list stands.

use super::row::Row;

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum IndexSort {
    /// What may go first, by what that gains
    #[default]
    Gain,
    Size,
    Bloat,
    Scans,
    LastScan,
    Table,
    Name,
}

impl IndexSort {
    /// A row is large and compared often: what is sorted are places, with the figures that mostly decide.
    pub(super) fn apply(self, rows: &mut [Row<'_>]) {
        let mut order: Vec<([u64; 3], usize)> =
            rows.iter().enumerate().map(|(at, row)| (self.figures(row), at)).collect();
        order.sort_by(|(figures, at), (others, other)| {
            figures.cmp(others).then_with(|| rows[*at].place().cmp(&rows[*other].place()))
        });
        arrange(rows, order.into_iter().map(|(_, at)| at).collect());
    }

    /// What is sorted by; the smaller comes first, of equals those of the first table.
    fn figures(self, row: &Row<'_>) -> [u64; 3] {
        let (larger, of_table) = (!row.size.bytes, row.table_rank);
        match self {
            // No worth is negative, and the bits of such numbers are in their order.
            IndexSort::Gain => [!(row.judged.verdict as u64), !row.judged.worth.to_bits(), of_table],
            IndexSort::Size => [larger, 0, of_table],
            IndexSort::Bloat => [!row.bloat.bytes().map_or(0, |bytes| bytes + 1), 0, of_table],
            IndexSort::Scans => [row.idx_scan, larger, of_table],
            IndexSort::LastScan => {
                [row.last_idx_scan.map_or(0, |at| 1 + at.as_microsecond().unsigned_abs()), larger, of_table]
            }
            IndexSort::Table => [0, 0, of_table],
            IndexSort::Name => [0; 3],
        }
    }
}

/// Puts the rows in order; `from` has for each place where its row stands now.
fn arrange<T>(rows: &mut [T], mut from: Vec<usize>) {
    for start in 0..rows.len() {
        let mut at = start;
        // Along the ring of those that take each other's places; a place that has its row says so.
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start || next == at {
                break;
            }
            rows.swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_comes_where_it_was_called(from in Just((0..60).collect::<Vec<usize>>()).prop_shuffle()) {
            let mut rows: Vec<String> = (0..60).map(|at| at.to_string()).collect();
            let called: Vec<String> = from.iter().map(|at| rows[*at].clone()).collect();
            arrange(&mut rows, from);
            prop_assert_eq!(rows, called);
        }
    }

    /// The newest index of a hundred thousand is the largest: one ring through all places.
    #[test]
    fn one_ring_through_all_places_costs_as_much_as_it_is_long() {
        let many = 400_000;
        let mut rows: Vec<usize> = (0..many).collect();
        let from = std::iter::once(many - 1).chain(0..many - 1).collect::<Vec<_>>();
        let began = std::time::Instant::now();
        arrange(&mut rows, from.clone());
        assert_eq!(rows, from);
        // What is quadratic takes minutes.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
