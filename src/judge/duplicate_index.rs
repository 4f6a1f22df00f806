//! What indexes that do the same as another take, as one finding a database.

use super::{
    Evidence, Judged, drops,
    limits::{MB, limits},
};
use crate::model::IndexFinding;

limits! {
    /// Duplicates that are safe to drop take so much together
    warning: Bytes = 100 * MB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let advice = "`pgtend indexes` names the twin of each; `pgtend indexes migrate` writes the migration";
    drops::judge(evidence, IndexFinding::DuplicateIndex, limits.warning, ", the twin of another, can go: ", advice)
}
