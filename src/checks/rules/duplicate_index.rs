//! Size of duplicate indexes, as one finding per database.

use crate::analysis::index::IndexFinding;
use crate::checks::thresholds::{MB, limits};
use crate::checks::{Evaluation, Evidence, droppable_indexes};

limits! {
    /// Total size of a database's duplicate indexes that are safe to drop
    warning: Bytes = 100 * MB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let advice = "`pgtend indexes` shows what covers each of them; `pgtend indexes migrate` writes the migrations";
    droppable_indexes::evaluate_droppable_indexes(
        evidence,
        IndexFinding::DuplicateIndex,
        limits.warning,
        "duplicate ",
        advice,
    )
}
