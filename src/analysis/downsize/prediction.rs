//! Predictions of an audit that later snapshots can verify: sizes after the clean-up and after the move.

use super::{Amount, Audit, ComponentGroup, ComponentKind};
use crate::facts::history::PredictedQuantity;

/// Prediction of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedSize {
    /// `true`: size after the move by the chosen method. `false`: size after the clean-up in place.
    pub moved: bool,
    /// Measured quantity.
    pub quantity: PredictedQuantity,
    /// Present size in bytes.
    pub now_bytes: u64,
    /// Predicted size.
    pub expected: Amount,
}

/// Returns predictions for what later snapshots measure: databases, `pg_wal` and the total. Unknown sizes have no
/// prediction.
pub fn predict_sizes(audit: &Audit<'_>) -> Vec<PredictedSize> {
    let mut predictions = Vec::new();
    let physical = audit.chosen().is_some_and(|estimate| estimate.is_physical);
    for assessment in &audit.assessments {
        let line = audit.databases.iter().find(|database| database.database == assessment.database);
        // A database with only catalogs exists on every server and is not copied.
        if assessment.forecast.relations.iter().all(|relation| relation.table.is_catalog()) {
            continue;
        }
        let Some(now_bytes) = line.and_then(|database| database.bytes) else { continue };
        let quantity = || PredictedQuantity::Database(assessment.database.clone());
        let after_clean_up = Amount::exact(now_bytes).minus(assessment.physical_reduction);
        if assessment.physical_reduction.bytes > 0 {
            predictions.push(PredictedSize { moved: false, quantity: quantity(), now_bytes, expected: after_clean_up });
        }
        let expected = if physical { after_clean_up } else { assessment.logical_copy };
        predictions.push(PredictedSize { moved: true, quantity: quantity(), now_bytes, expected });
    }
    let wal = audit
        .components
        .iter()
        .find(|component| component.kind == ComponentKind::WalDirectory)
        .and_then(|component| component.amount);
    let slot_wal = audit
        .group_components(ComponentGroup::Reclaimable)
        .into_iter()
        .filter(|component| {
            matches!(component.kind, ComponentKind::StaleSlots { .. } | ComponentKind::InactiveSlots { .. })
        })
        .filter_map(|component| component.amount)
        .fold(Amount::default(), Amount::plus);
    if let Some(wal) = wal.filter(|_| slot_wal.bytes > 0) {
        predictions.push(PredictedSize {
            moved: false,
            quantity: PredictedQuantity::WalDirectory,
            now_bytes: wal.bytes,
            expected: wal.minus(slot_wal),
        });
    }
    if let (Some(used), Some(then)) = (audit.used, audit.chosen().and_then(|estimate| estimate.size_after_bytes)) {
        predictions.push(PredictedSize {
            moved: true,
            quantity: PredictedQuantity::Everything,
            now_bytes: used.bytes,
            expected: then,
        });
    }
    predictions
}
