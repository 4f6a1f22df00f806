//! How far the transaction ids are from running out.

use super::{
    Evidence, Judged,
    id_age::{self, Ids},
    limits::limits,
};

limits! {
    /// A database's oldest row is so many transactions old
    warning: Count = id_age::WARNING;
    /// ... so many
    critical: Count = id_age::CRITICAL;
}

const IDS: Ids = Ids {
    name: "transactions",
    oldest: "row",
    freeze_setting: "autovacuum_freeze_max_age",
    age: |database| database.xid_age,
    advice: "VACUUM (FREEZE) its oldest tables (`pgtend explain xid-wraparound` lists them); `pgtend check --only xmin-horizon` says who holds VACUUM back",
};

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    id_age::judge(evidence, &IDS, limits.warning, limits.critical)
}
