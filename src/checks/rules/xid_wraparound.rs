//! Distance from transaction id wraparound.

use crate::checks::id_age::IdKind;
use crate::checks::thresholds::limits;
use crate::checks::{Evaluation, Evidence, id_age};

limits! {
    /// Age of a database's oldest unfrozen transaction id: WARNING
    warning: Count = id_age::WARNING;
    /// Age of a database's oldest unfrozen transaction id: CRITICAL
    critical: Count = id_age::CRITICAL;
}

const IDS: IdKind = IdKind {
    name: "transactions",
    oldest: "unfrozen row",
    refused: "writes",
    freeze_setting: "autovacuum_freeze_max_age",
    age: |database| database.xid_age,
    advice: "run VACUUM (FREEZE) on its oldest tables (query: `pgtend explain xid-wraparound`); `pgtend check --only xmin-horizon` shows what holds back VACUUM",
};

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    id_age::evaluate_id_age(evidence, &IDS, limits.warning, limits.critical)
}
