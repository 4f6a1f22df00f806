//! Cost of the volume before and after the move, at the user's price.

use super::{Assumptions, GIB};
use schemars::JsonSchema;
use serde::Serialize;

/// Days with both volumes in use.
const OVERLAP_DAYS: f64 = 7.0;
const DAYS_PER_MONTH: f64 = 30.0;

/// Cost per month in the currency of the price. It is not a quote.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Cost {
    /// Price per GiB and month, as given.
    pub price: f64,
    /// Number of copies: 2 with another availability zone, otherwise 1.
    pub copies: u32,
    /// Cost per month of the present volume.
    pub before_per_month: f64,
    /// Cost per month of the recommended volume.
    pub after_per_month: f64,
    /// Saving per month; negative when the recommended volume is larger.
    pub saved_per_month: f64,
    /// Saving per year.
    pub saved_per_year: f64,
    /// Cost of the new volume while both volumes are in use.
    pub transition: f64,
    /// Loss of free backup storage in bytes. On RDS, free backup storage equals the size of the volume.
    pub free_backup_bytes_less: u64,
}

/// Returns the cost; `None` without a price, the present size or a recommended size (in bytes).
pub fn estimate_cost(assumptions: &Assumptions, recommended: Option<u64>) -> Option<Cost> {
    let (price, before, after) = (assumptions.price?, assumptions.allocated_bytes?, recommended?);
    let copies = if assumptions.multi_az { 2 } else { 1 };
    let monthly_cost = |bytes: u64| bytes as f64 / GIB as f64 * price * f64::from(copies);
    let (before_per_month, after_per_month) = (monthly_cost(before), monthly_cost(after));
    Some(Cost {
        price,
        copies,
        before_per_month,
        after_per_month,
        saved_per_month: before_per_month - after_per_month,
        saved_per_year: (before_per_month - after_per_month) * 12.0,
        transition: after_per_month * OVERLAP_DAYS / DAYS_PER_MONTH,
        free_backup_bytes_less: before.saturating_sub(after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_of_shrinking_2_tb_to_200_gb() {
        let cost_for = |multi_az| {
            let allocated_bytes = Some(2_048 * GIB);
            let assumptions = Assumptions { price: Some(0.115), allocated_bytes, multi_az, ..Assumptions::default() };
            estimate_cost(&assumptions, Some(200 * GIB)).unwrap().saved_per_month
        };
        // docs/reference/providers.md#prices
        assert!((cost_for(false) - 212.52).abs() < 0.01 && (cost_for(true) - 425.04).abs() < 0.01);
        assert_eq!(estimate_cost(&Assumptions::default(), Some(GIB)), None);
    }
}
