//! Statistics that verdicts depend on, reset since the previous sample.

use crate::checks::evidence::collect_database_facts;
use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::Level;
use crate::message::message;

limits! {}

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let now = evidence.snapshot;
    let Some(before) = evidence.previous_counters() else {
        return Err(CheckOutcome::not_enough_history("needs an earlier sample"));
    };
    let mut outcome = CheckOutcome::default();
    for (db, resets) in collect_database_facts(now, |contents| &contents.statistics_resets, &mut outcome) {
        let Some(since) = resets.counting_since() else { continue };
        let Some(then) = before.counting_since.get(&db.database) else { continue };
        if since <= *then || since <= before.collected_at {
            continue;
        }
        let crashed = now.server.started_at > before.collected_at;
        let why = if crashed { " (the server crashed or was restored)" } else { " (manual reset)" };
        outcome.add_finding(RuleFinding {
            level: Level::Warning,
            subject: db.database.clone(),
            measured: None,
            threshold: None,
            message: message![
                "the statistics of database ",
                &db.database,
                " were reset at ",
                since,
                why,
                ": verdicts on unused indexes need a new observation window"
            ],
            advice: message!["run `ANALYZE` in that database, so that autovacuum has current row counts"],
        });
    }
    if now.database_snapshots.is_empty() {
        return Err(CheckOutcome::not_configured("no database was read"));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, evaluate_check_after, found_subjects};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn stats_lost_reports_reset_since_last_run() {
        let reset = |seconds: i64| {
            move |value: &mut Value| {
                value["database_snapshots"][0]["statistics_resets"]["known"]["shared_reset"] = json!(ago(seconds))
            }
        };
        assert_eq!(evaluate_check("stats-lost", reset(60)).kind(), CheckOutcomeKind::NotApplicable);
        assert_eq!(evaluate_check_after("stats-lost", |_| {}, |_| {}).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&evaluate_check_after("stats-lost", |_| {}, reset(60))), [(Level::Warning, "shop")]);
    }
}
