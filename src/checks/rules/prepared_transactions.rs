//! Prepared transactions that were not finished.

use crate::checks::thresholds::{HOUR, MINUTE, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::message::{Fragment, message};
use crate::quote::{code_span, quote_literal};

limits! {
    /// Time since a transaction was prepared: WARNING
    warning: Seconds = 5 * MINUTE;
    /// Time since a transaction was prepared: CRITICAL
    critical: Seconds = HOUR;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    for prepared in require_fact(&evidence.snapshot.prepared_transactions)? {
        let age = Seconds(evidence.seconds_since(prepared.prepared));
        let Some((level, threshold)) = outcome.record_and_compare(&prepared.gid, age, limits.warning, limits.critical)
        else {
            continue;
        };
        outcome.add_finding(RuleFinding {
            level,
            subject: format!("{}/{}", prepared.database, prepared.gid),
            measured: Some(age.into()),
            threshold: Some(threshold),
            message: message![
                "transaction ",
                &prepared.gid,
                " of role ",
                &prepared.owner,
                " was prepared ",
                Fragment::Seconds(age.0),
                " ago and is not finished: it holds locks and prevents VACUUM from removing dead rows, also after a restart"
            ],
            advice: message![
                "ask its transaction manager whether to commit it; otherwise, in database ",
                &prepared.database,
                ", ",
                code_span(&format!("ROLLBACK PREPARED {}", quote_literal(&prepared.gid)))
            ],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, found_subjects};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn prepared_transactions_age_thresholds() {
        let prepared = |seconds: i64| {
            evaluate_check("prepared-transactions", |value| {
                value["prepared_transactions"] = json!({"known": [{"gid": "g", "database": "shop", "owner": "app",
                                                                "prepared": ago(seconds), "xid_age": 5}]});
            })
        };
        assert_eq!(prepared(299).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&prepared(300)), [(Level::Warning, "shop/g")]);
        assert_eq!(found_subjects(&prepared(3_600)), [(Level::Critical, "shop/g")]);
    }
}
