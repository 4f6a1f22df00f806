//! Size of unused indexes, as one finding per database.

use crate::analysis::index::IndexFinding;
use crate::checks::thresholds::{GB, limits};
use crate::checks::{Evaluation, Evidence, droppable_indexes};

limits! {
    /// Total size of a database's unused indexes that are safe to drop
    warning: Bytes = GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let advice = "`pgtend indexes` shows the evidence for each of them; `pgtend indexes migrate` writes the migrations";
    droppable_indexes::evaluate_droppable_indexes(
        evidence,
        IndexFinding::UnusedIndex,
        limits.warning,
        "unused ",
        advice,
    )
}
