//! Exhaustion of transaction ids and multixact ids. Both have the same arithmetic.

use super::{
    CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact,
    thresholds::{Count, Percent},
};
use crate::facts::Database;
use crate::message::{Fragment, message};

/// One kind of id.
pub(super) struct IdKind {
    /// Unit of a database's age, for messages.
    pub name: &'static str,
    /// What the age is counted from, for messages.
    pub oldest: &'static str,
    /// What the server refuses at the limit, for messages.
    pub refused: &'static str,
    /// Setting with the age at which autovacuum freezes in any case.
    pub freeze_setting: &'static str,
    pub age: fn(&Database) -> i64,
    pub advice: &'static str,
}

/// The server refuses to write 3 million ids before 2^31 (PostgreSQL 18 manual, 24.1.5).
const STOP_AGE: u64 = (1 << 31) - 3_000_000;

/// Default thresholds. Autovacuum freezes at 200 million transactions. At 500 million it has not finished for a long
/// time; at a billion half of the range is used.
pub(super) const WARNING: u64 = 500_000_000;
pub(super) const CRITICAL: u64 = 1_000_000_000;

/// Upper bounds of the raised warning and critical thresholds, where `autovacuum_freeze_max_age` is high.
const MAX_THRESHOLDS: (u64, u64) = (1_800_000_000, 2_000_000_000);

pub(super) fn evaluate_id_age(evidence: &Evidence<'_>, ids: &IdKind, warning: Count, critical: Count) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    // A higher autovacuum_freeze_max_age raises the defaults: below it, old ids are intended.
    let freeze_max_age = evidence.setting_number(ids.freeze_setting).unwrap_or(0);
    let raise_threshold =
        |limit: Count, usual: u64, by: u64| if limit.0 == usual { Count(usual.max(by)) } else { limit };
    let warning = raise_threshold(warning, WARNING, (freeze_max_age + freeze_max_age / 4).min(MAX_THRESHOLDS.0));
    let critical = raise_threshold(critical, CRITICAL, (freeze_max_age + freeze_max_age / 2).min(MAX_THRESHOLDS.1));
    for database in require_fact(&evidence.snapshot.databases)? {
        let age = Count(u64::try_from((ids.age)(database)).unwrap_or(0));
        let Some((level, threshold)) = outcome.record_and_compare(&database.database, age, warning, critical) else {
            continue;
        };
        let used = Percent(age.0 as f64 / STOP_AGE as f64 * 100.0);
        outcome.add_finding(RuleFinding {
            level,
            subject: database.database.clone(),
            measured: Some(age.into()),
            threshold: Some(threshold),
            message: message![
                "database ",
                &database.database,
                ": the oldest ",
                ids.oldest,
                " is ",
                Fragment::Count(age.0),
                " ",
                ids.name,
                " old (",
                Fragment::Percent(used.0),
                " of the limit); the server refuses ",
                ids.refused,
                " after ",
                Fragment::Count(STOP_AGE.saturating_sub(age.0)),
                " more"
            ],
            advice: message![ids.advice],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, set_setting};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn id_age_threshold_follows_freeze_max_age() {
        for (check, column, setting) in [
            ("xid-wraparound", "xid_age", "autovacuum_freeze_max_age"),
            ("multixact", "multixact_age", "autovacuum_multixact_freeze_max_age"),
        ] {
            let aged = |age: u64, own: &str| {
                evaluate_check(check, |value| {
                    set_setting(value, setting, own);
                    value["databases"]["known"][0][column] = json!(age);
                })
            };
            assert_eq!(aged(499_999_999, "200000000").kind(), CheckOutcomeKind::Passed, "{check}");
            assert_eq!(found_subjects(&aged(500_000_000, "200000000")), [(Level::Warning, "shop")]);
            assert_eq!(aged(700_000_000, "600000000").kind(), CheckOutcomeKind::Passed);
            assert_eq!(found_subjects(&aged(1_000_000_000, "200000000")), [(Level::Critical, "shop")]);
            assert_eq!(
                aged(1_500_000_000, "1500000000").kind(),
                CheckOutcomeKind::Passed,
                "below the raised threshold"
            );
            assert_eq!(found_subjects(&aged(1_800_000_000, "1500000000")), [(Level::Warning, "shop")]);
            assert_eq!(found_subjects(&aged(2_000_000_000, "2000000000")), [(Level::Critical, "shop")]);
        }
    }
}
