//! Distance from transaction id wraparound.

use crate::checks::id_age::IdKind;
use crate::checks::thresholds::limits;
use crate::checks::{Evaluation, Evidence, id_age};

limits! {
    /// Age of a database's oldest row, in transactions: WARNING
    warning: Count = id_age::WARNING;
    /// Age of a database's oldest row, in transactions: CRITICAL
    critical: Count = id_age::CRITICAL;
}

const IDS: IdKind = IdKind {
    name: "transactions",
    oldest: "row",
    freeze_setting: "autovacuum_freeze_max_age",
    age: |database| database.xid_age,
    advice: "VACUUM (FREEZE) its oldest tables (`pgtend explain xid-wraparound` lists them); `pgtend check --only xmin-horizon` says who holds VACUUM back",
};

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    id_age::evaluate_id_age(evidence, &IDS, limits.warning, limits.critical)
}
