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

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, set},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn the_age_decides_and_who_froze_later_on_purpose_is_told_later() {
        let aged = |age: u64, own: &str| {
            ask("xid-wraparound", |it| {
                set(it, "autovacuum_freeze_max_age", own);
                it["databases"]["known"][0]["xid_age"] = json!(age);
            })
        };
        assert_eq!(aged(499_999_999, "200000000").kind(), Kind::Clear);
        assert_eq!(found(&aged(500_000_000, "200000000")), [(Level::Warning, "shop")]);
        assert_eq!(aged(700_000_000, "600000000").kind(), Kind::Clear);
        assert_eq!(found(&aged(1_000_000_000, "200000000")), [(Level::Critical, "shop")]);
        assert_eq!(aged(1_500_000_000, "1500000000").kind(), Kind::Clear, "as it was meant");
        assert_eq!(found(&aged(1_800_000_000, "1500000000")), [(Level::Warning, "shop")]);
        assert_eq!(found(&aged(2_000_000_000, "2000000000")), [(Level::Critical, "shop")]);
    }
}
