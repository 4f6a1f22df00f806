//! Subscriptions of this server that fail or are not applied.

use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::history::Counters;
use crate::facts::{Level, Measure, Subscription};
use crate::message::{Fragment, Message, message};
use crate::quote::{code_span, quote_identifier, quote_literal};

limits! {}

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let snapshot = evidence.snapshot;
    if snapshot.server.in_recovery {
        return Err(CheckOutcome::not_supported("subscriptions do not run on a standby"));
    }
    let mut outcome = CheckOutcome::default();
    let counters = Counters::from_snapshot(snapshot);
    let subscriptions = require_fact(&snapshot.subscriptions)?;
    if let Err(why) = snapshot.subscription_errors.as_result()
        && !subscriptions.is_empty()
    {
        outcome.add_unavailable(why);
    }
    for subscription in subscriptions {
        if !subscription.subenabled {
            let message = message![
                "subscription ",
                &subscription.subname,
                " in database ",
                &subscription.database,
                " is disabled"
            ];
            let advice = message![
                code_span(&format!("ALTER SUBSCRIPTION {} ENABLE", quote_identifier(&subscription.subname))),
                " in that database, or drop it: until then its slot retains WAL on the publisher"
            ];
            outcome.add_finding(subscription_finding(subscription, Level::Warning, None, message, advice));
            continue;
        }
        let errors = errors_since(evidence, &counters, subscription);
        let advice = message!["the server log contains the error; the publisher retains WAL until it is resolved"];
        if subscription.has_worker == Some(false) {
            let message = message![
                "subscription ",
                &subscription.subname,
                " in database ",
                &subscription.database,
                " has no running worker"
            ];
            outcome.add_finding(subscription_finding(subscription, Level::Critical, errors, message, advice));
        } else if let Some(errors) = errors {
            let message = message![
                "subscription ",
                &subscription.subname,
                " in database ",
                &subscription.database,
                " failed ",
                Fragment::Count(errors),
                if errors == 1 { " time" } else { " times" },
                " since the previous sample"
            ];
            outcome.add_finding(subscription_finding(subscription, Level::Warning, Some(errors), message, advice));
        }
    }
    match snapshot.orphaned_origins.as_result() {
        Ok(origins) if !origins.is_empty() => {
            let names: Vec<&str> = origins.iter().take(5).map(|origin| origin.origin_name.as_str()).collect();
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                subject: "replication origins".to_owned(),
                measured: Some(Measure::Count(origins.len() as u64)),
                threshold: None,
                message: message![
                    Fragment::Count(origins.len() as u64),
                    if origins.len() == 1 { " replication origin belongs" } else { " replication origins belong" },
                    " to no subscription: ",
                    names.join(", "),
                    if origins.len() > names.len() { ", …" } else { "" }
                ],
                advice: message![
                    code_span(&format!("SELECT pg_replication_origin_drop({})", quote_literal(names[0]))),
                    " for each of them that no other tool uses"
                ],
            });
        }
        Ok(_) => {}
        Err(why) => outcome.add_unavailable(why),
    }
    Ok(outcome)
}

fn subscription_finding(
    subscription: &Subscription,
    level: Level,
    errors: Option<u64>,
    message: Message,
    advice: Message,
) -> RuleFinding {
    let subject = format!("{}/{}", subscription.database, subscription.subname);
    RuleFinding { level, subject, measured: errors.map(Measure::Count), threshold: None, message, advice }
}

/// Returns the errors counted since the previous sample; `None` without one, because they can be of any age.
fn errors_since(evidence: &Evidence<'_>, now: &Counters, subscription: &Subscription) -> Option<u64> {
    let name = format!("{}/{}", subscription.database, subscription.subname);
    let more = now
        .subscription_errors
        .get(&name)?
        .checked_sub(*evidence.previous_counters()?.subscription_errors.get(&name)?)?;
    (more > 0).then_some(more)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, evaluate_check_after, found_subjects};
    use crate::facts::Level;
    use serde_json::{Value, json};

    fn subscription_json(enabled: bool, has_worker: bool) -> Value {
        json!({"subname": "s", "database": "shop", "subenabled": enabled, "subslotname": "s", "has_worker": has_worker})
    }

    #[test]
    fn subscription_errors_needs_running_worker() {
        let with = |subscription: Value| {
            evaluate_check("subscription-errors", |snapshot| {
                snapshot["subscriptions"] = json!({"known": [subscription]})
            })
        };
        assert_eq!(with(subscription_json(true, true)).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(subscription_json(false, false))), [(Level::Warning, "shop/s")]);
        assert_eq!(found_subjects(&with(subscription_json(true, false))), [(Level::Critical, "shop/s")]);
        let standby = evaluate_check("subscription-errors", |snapshot| snapshot["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), CheckOutcomeKind::NotApplicable);
        let origin = evaluate_check("subscription-errors", |snapshot| {
            snapshot["orphaned_origins"] = json!({"known": [{"origin_name": "pg_17"}]});
        });
        assert_eq!(found_subjects(&origin), [(Level::Warning, "replication origins")]);
    }

    #[test]
    fn subscription_errors_counts_since_last_run() {
        let errors = |count: u64| {
            move |snapshot: &mut Value| {
                snapshot["subscriptions"] = json!({"known": [subscription_json(true, true)]});
                snapshot["subscription_errors"] = json!({"known": [{"subname": "s", "database": "shop",
                    "apply_error_count": count, "sync_error_count": 0, "stats_reset": null}]});
            }
        };
        assert_eq!(evaluate_check("subscription-errors", errors(5)).kind(), CheckOutcomeKind::Passed, "of any age");
        assert_eq!(evaluate_check_after("subscription-errors", errors(5), errors(5)).kind(), CheckOutcomeKind::Passed);
        let more = evaluate_check_after("subscription-errors", errors(5), errors(6));
        assert_eq!(found_subjects(&more), [(Level::Warning, "shop/s")]);
    }
}
