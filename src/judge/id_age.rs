//! Ids that run out: transaction ids and multixact ids have the same arithmetic.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Count, Percent},
};
use crate::model::{Database, Piece, words};

/// One kind of ids.
pub(super) struct Ids {
    /// What a database's age is counted in.
    pub name: &'static str,
    /// What the age is counted from.
    pub oldest: &'static str,
    /// The age at which autovacuum freezes whatever happens.
    pub freeze_setting: &'static str,
    pub age: fn(&Database) -> i64,
    pub advice: &'static str,
}

/// The server refuses to write 3 million ids before 2^31 (PostgreSQL 18 manual, 24.1.5).
const END: u64 = (1 << 31) - 3_000_000;

/// Autovacuum begins at 200 million transactions, so at 500 million it has not got through for long; at a billion half
/// of the way is gone.
pub(super) const WARNING: u64 = 500_000_000;
pub(super) const CRITICAL: u64 = 1_000_000_000;

/// However late somebody freezes on purpose, so near to the end it is told.
const LATEST: (u64, u64) = (1_800_000_000, 2_000_000_000);

pub(super) fn judge(evidence: &Evidence<'_>, ids: &Ids, warning: Count, critical: Count) -> Judged {
    let mut answer = Answer::default();
    // Whoever lets it come later on purpose is not told before it has come, unless he said when.
    let own = evidence.number(ids.freeze_setting).unwrap_or(0);
    let later = |limit: Count, usual: u64, by: u64| if limit.0 == usual { Count(usual.max(by)) } else { limit };
    let warning = later(warning, WARNING, (own + own / 4).min(LATEST.0));
    let critical = later(critical, CRITICAL, (own + own / 2).min(LATEST.1));
    for database in known(&evidence.snapshot.databases)? {
        let age = Count(u64::try_from((ids.age)(database)).unwrap_or(0));
        let Some((level, threshold)) = answer.grade(&database.database, age, warning, critical) else { continue };
        let used = Percent(age.0 as f64 / END as f64 * 100.0);
        answer.find(Symptom {
            level,
            subject: database.database.clone(),
            measured: Some(age.into()),
            threshold: Some(threshold),
            message: words![
                "database ",
                &database.database,
                " is ",
                Piece::Count(age.0),
                " ",
                ids.name,
                " from its oldest ",
                ids.oldest,
                " (",
                Piece::Percent(used.0),
                " of the way); the server stops writing after ",
                Piece::Count(END.saturating_sub(age.0)),
                " more"
            ],
            advice: words![ids.advice],
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
        for (check, column, setting) in [
            ("xid-wraparound", "xid_age", "autovacuum_freeze_max_age"),
            ("multixact", "multixact_age", "autovacuum_multixact_freeze_max_age"),
        ] {
            let aged = |age: u64, own: &str| {
                ask(check, |it| {
                    set(it, setting, own);
                    it["databases"]["known"][0][column] = json!(age);
                })
            };
            assert_eq!(aged(499_999_999, "200000000").kind(), Kind::Clear, "{check}");
            assert_eq!(found(&aged(500_000_000, "200000000")), [(Level::Warning, "shop")]);
            assert_eq!(aged(700_000_000, "600000000").kind(), Kind::Clear);
            assert_eq!(found(&aged(1_000_000_000, "200000000")), [(Level::Critical, "shop")]);
            assert_eq!(aged(1_500_000_000, "1500000000").kind(), Kind::Clear, "as it was meant");
            assert_eq!(found(&aged(1_800_000_000, "1500000000")), [(Level::Warning, "shop")]);
            assert_eq!(found(&aged(2_000_000_000, "2000000000")), [(Level::Critical, "shop")]);
        }
    }
}
