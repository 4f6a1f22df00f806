//! Loads and deletions that came once, told from growth.

/// For each step between neighbouring points, whether it stands alone: fewer than three steps went the same way at
/// least half as fast. Those of a weekly load have company; a single import, drop or VACUUM FULL has none.
pub(super) fn find_one_offs(rates: &[f64]) -> Vec<bool> {
    let fewest = if rates.len() < 6 { 2 } else { 3 };
    rates
        .iter()
        .map(|rate| {
            let alike = rates.iter().filter(|other| **other * rate.signum() >= rate.abs() / 2.0).count();
            *rate != 0.0 && alike < fewest && rate.abs() > 2.0 * median(rates).abs()
        })
        .collect()
}

/// The median step.
fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
