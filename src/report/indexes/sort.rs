//! Order of the list.

use super::row::Row;

/// Order of the list.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum IndexSort {
    /// By verdict, drop first; then by size, weighted by writes
    #[default]
    Gain,
    /// Largest size first
    Size,
    /// Most bloat first
    Bloat,
    /// Fewest scans first
    Scans,
    /// Longest without a scan first
    LastScan,
    /// By schema, table and index
    Table,
    /// By index
    Name,
}

impl IndexSort {
    /// Sorts the rows. A row is large and often compared, so positions with their sort keys are sorted instead.
    pub(super) fn apply(self, rows: &mut [Row<'_>]) {
        let mut order: Vec<([u64; 3], usize)> =
            rows.iter().enumerate().map(|(position, row)| (self.sort_key(row), position)).collect();
        order.sort_by(|(figures, position), (others, other)| {
            figures.cmp(others).then_with(|| rows[*position].qualified_name().cmp(&rows[*other].qualified_name()))
        });
        apply_permutation(rows, order.into_iter().map(|(_, position)| position).collect());
    }

    /// Returns the sort key. Smaller keys come first; the position of the table decides between equal ones.
    fn sort_key(self, row: &Row<'_>) -> [u64; 3] {
        let (larger, of_table) = (!row.size.bytes, row.table_rank);
        match self {
            // Scores are not negative, so the order of their bits is the order of the numbers.
            IndexSort::Gain => [!(row.assessment.verdict as u64), !row.assessment.rank_score.to_bits(), of_table],
            IndexSort::Size => [larger, 0, of_table],
            IndexSort::Bloat => [!row.bloat.bytes().map_or(0, |bytes| bytes + 1), 0, of_table],
            IndexSort::Scans => [row.idx_scan, larger, of_table],
            IndexSort::LastScan => [
                row.last_idx_scan.map_or(0, |timestamp| 1 + timestamp.as_microsecond().unsigned_abs()),
                larger,
                of_table,
            ],
            IndexSort::Table => [0, 0, of_table],
            IndexSort::Name => [0; 3],
        }
    }
}

/// Moves the rows into order; `from` has for each position the present position of its row.
fn apply_permutation<T>(rows: &mut [T], mut from: Vec<usize>) {
    for start in 0..rows.len() {
        let mut position = start;
        // Follows the cycle of rows that replace each other, and marks positions that have their row.
        loop {
            let next = std::mem::replace(&mut from[position], position);
            if next == start || next == position {
                break;
            }
            rows.swap(position, next);
            position = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sort_applies_permutation(from in Just((0..60).collect::<Vec<usize>>()).prop_shuffle()) {
            let mut rows: Vec<String> = (0..60).map(|number| number.to_string()).collect();
            let called: Vec<String> = from.iter().map(|position| rows[*position].clone()).collect();
            apply_permutation(&mut rows, from);
            prop_assert_eq!(rows, called);
        }
    }

    /// The last of many rows comes first: a single cycle through all positions.
    #[test]
    fn sort_permutation_is_linear() {
        let many = 400_000;
        let mut rows: Vec<usize> = (0..many).collect();
        let from = std::iter::once(many - 1).chain(0..many - 1).collect::<Vec<_>>();
        let began = std::time::Instant::now();
        apply_permutation(&mut rows, from.clone());
        assert_eq!(rows, from);
        // A quadratic algorithm would take minutes.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
