//! What the move saves, at the user's own price.

use super::{Assumptions, GIB};
use serde::Serialize;

/// Days on which both volumes are paid for.
const OVERLAP_DAYS: f64 = 7.0;
const DAYS_PER_MONTH: f64 = 30.0;

/// A month's cost, in the currency of the price; nothing here is a quote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Of a GiB a month, as it was given.
    pub price: f64,
    /// A second copy in another zone costs the same again.
    pub copies: u32,
    pub before_per_month: f64,
    pub after_per_month: f64,
    pub saved_per_month: f64,
    pub saved_per_year: f64,
    /// While both are there.
    pub transition: f64,
    /// Backup storage that is free is as large as the volume, on RDS: so much less of it.
    pub free_backup_bytes_less: u64,
}

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
        // The fact sheet's example, E6.
        assert!((cost_for(false) - 212.52).abs() < 0.01 && (cost_for(true) - 425.04).abs() < 0.01);
        assert_eq!(estimate_cost(&Assumptions::default(), Some(GIB)), None);
    }
}
