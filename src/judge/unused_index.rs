//! What the indexes that nobody uses take, as one finding a database.

use super::{
    Evidence, Judged, drops,
    limits::{GB, limits},
};
use crate::model::IndexFinding;

limits! {
    /// Unused indexes that are safe to drop take so much together
    warning: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let advice = "`pgtend indexes` shows the evidence for each; `pgtend indexes migrate` writes the migration";
    drops::judge(evidence, IndexFinding::UnusedIndex, limits.warning, ", never used, can go: ", advice)
}
