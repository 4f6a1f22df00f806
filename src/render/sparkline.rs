//! A series of sizes as a few characters.

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values, the oldest first, in at most `width` characters. Each shows the last value of its part. The scale
/// runs from the minimum to the maximum; a constant series is a low line.
pub fn sparkline(values: &[u64], width: usize) -> String {
    let columns = width.min(values.len());
    let shown: Vec<u64> = (1..=columns).map(|column| values[column * values.len() / columns - 1]).collect();
    let least = shown.iter().copied().min().unwrap_or(0);
    let range = shown.iter().copied().max().unwrap_or(0) - least;
    let step = |value: u64| (u128::from(value - least) * 7 + u128::from(range) / 2).checked_div(u128::from(range));
    shown.into_iter().map(|value| STEPS[step(value).unwrap_or(0) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparkline_spans_min_to_max() {
        assert_eq!(sparkline(&[], 8), "");
        assert_eq!(sparkline(&[5, 5, 5], 8), "▁▁▁");
        assert_eq!(sparkline(&[0, 1, 2, 3, 4, 5, 6, 7], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[u64::MAX, 0], 8), "█▁");
        let long: Vec<u64> = (0..1_000).collect();
        let line = sparkline(&long, 10);
        assert_eq!((line.chars().count(), line.chars().last()), (10, Some('█')));
    }
}
