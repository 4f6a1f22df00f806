//! How far the multixact ids are from running out.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Count, limits},
};
use crate::model::{Level, Piece, words};

limits! {
    /// A database's oldest multixact is so many multixacts old
    warning: Count = 500_000_000;
    /// ... so many
    critical: Count = 1_000_000_000;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let own = evidence.number("autovacuum_multixact_freeze_max_age").unwrap_or(0);
    let warning = Count(limits.warning.0.max(own + own / 4));
    for database in known(&evidence.snapshot.databases)? {
        let age = Count(u64::try_from(database.multixact_age).unwrap_or(0));
        answer.watch(&database.database, age.into(), warning.into(), Some(limits.critical.into()));
        let Some(level) = Level::of(age, warning, limits.critical) else { continue };
        answer.find(Symptom {
            level,
            subject: database.database.clone(),
            measured: Some(age.into()),
            threshold: Some(if level == Level::Critical { limits.critical } else { warning }.into()),
            message: words![
                "database ",
                &database.database,
                " is ",
                Piece::Count(age.0),
                " multixacts from its oldest one; the server stops writing after ",
                Piece::Count(super::xid_wraparound::END.saturating_sub(age.0)),
                " more"
            ],
            advice: words!["VACUUM (FREEZE) its oldest tables; foreign keys and SELECT … FOR SHARE make multixacts"],
        });
    }
    Ok(answer)
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
            ask("multixact", |it| {
                set(it, "autovacuum_multixact_freeze_max_age", own);
                it["databases"]["known"][0]["multixact_age"] = json!(age);
            })
        };
        assert_eq!(aged(499_999_999, "200000000").kind(), Kind::Clear);
        assert_eq!(found(&aged(500_000_000, "200000000")), [(Level::Warning, "shop")]);
        assert_eq!(aged(700_000_000, "600000000").kind(), Kind::Clear);
        assert_eq!(found(&aged(1_000_000_000, "200000000")), [(Level::Critical, "shop")]);
    }
}
