//! Distance from multixact id exhaustion.

use crate::checks::id_age::IdKind;
use crate::checks::thresholds::limits;
use crate::checks::{Evaluation, Evidence, id_age};

limits! {
    /// Age of a database's oldest multixact, in multixacts: WARNING
    warning: Count = id_age::WARNING;
    /// Age of a database's oldest multixact, in multixacts: CRITICAL
    critical: Count = id_age::CRITICAL;
}

const IDS: IdKind = IdKind {
    name: "multixacts",
    oldest: "multixact id",
    refused: "new multixacts",
    freeze_setting: "autovacuum_multixact_freeze_max_age",
    age: |database| database.multixact_age,
    advice: "run VACUUM (FREEZE) on its oldest tables (query: `pgtend explain multixact`); foreign keys and SELECT … FOR SHARE create multixacts",
};

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    id_age::evaluate_id_age(evidence, &IDS, limits.warning, limits.critical)
}
