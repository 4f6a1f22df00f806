//! Whether this server's subscriptions get their changes.

use super::{Answer, Evidence, Judged, Symptom, known, limits::limits};
use crate::model::{
    Level, Measure, Piece, Subscription, Words, code_span, past::Counters, quote_identifier, quote_literal, words,
};

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let snapshot = evidence.snapshot;
    if snapshot.server.in_recovery {
        return Err(Answer::not_here("subscriptions do not run on a standby"));
    }
    let mut answer = Answer::default();
    let counters = Counters::of(snapshot);
    for one in known(&snapshot.subscriptions)? {
        if !one.subenabled {
            let message = words!["subscription ", &one.subname, " in database ", &one.database, " is disabled"];
            let advice = words![
                code_span(&format!("ALTER SUBSCRIPTION {} ENABLE", quote_identifier(&one.subname))),
                " in that database, or drop it: its slot keeps WAL on the publisher meanwhile"
            ];
            answer.find(symptom(one, Level::Warning, None, message, advice));
            continue;
        }
        let errors = errors_since(evidence, &counters, one);
        let advice = words!["the server's log has the error; the publisher keeps WAL until it is solved"];
        if one.has_worker == Some(false) {
            let message =
                words!["subscription ", &one.subname, " in database ", &one.database, " has no worker running"];
            answer.find(symptom(one, Level::Critical, errors, message, advice));
        } else if let Some(errors) = errors {
            let message = words![
                "subscription ",
                &one.subname,
                " in database ",
                &one.database,
                " failed ",
                Piece::Count(errors),
                " times since the look before"
            ];
            answer.find(symptom(one, Level::Warning, Some(errors), message, advice));
        }
    }
    match snapshot.orphaned_origins.as_result() {
        Ok(origins) if !origins.is_empty() => {
            let names: Vec<&str> = origins.iter().take(5).map(|origin| origin.origin_name.as_str()).collect();
            answer.find(Symptom {
                level: Level::Warning,
                subject: "replication origins".to_owned(),
                measured: Some(Measure::Count(origins.len() as u64)),
                threshold: None,
                message: words![
                    Piece::Count(origins.len() as u64),
                    if origins.len() == 1 { " replication origin belongs" } else { " replication origins belong" },
                    " to no subscription any more: ",
                    names.join(", "),
                    if origins.len() > names.len() { ", …" } else { "" }
                ],
                advice: words![
                    code_span(&format!("select pg_replication_origin_drop({})", quote_literal(names[0]))),
                    ", and so for each, once nobody else uses it"
                ],
            });
        }
        Ok(_) => {}
        Err(why) => answer.missing(why),
    }
    Ok(answer)
}

fn symptom(one: &Subscription, level: Level, errors: Option<u64>, message: Words, advice: Words) -> Symptom {
    let subject = format!("{}/{}", one.database, one.subname);
    Symptom { level, subject, measured: errors.map(Measure::Count), threshold: None, message, advice }
}

/// Errors counted since the look before. Without one they may be of any age, and nothing is said.
fn errors_since(evidence: &Evidence<'_>, now: &Counters, of: &Subscription) -> Option<u64> {
    let name = format!("{}/{}", of.database, of.subname);
    let more = now.subscription_errors.get(&name)?.checked_sub(*evidence.before()?.subscription_errors.get(&name)?)?;
    (more > 0).then_some(more)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, ask_after, found},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    fn subscription(enabled: bool, has_worker: bool) -> Value {
        json!({"subname": "s", "database": "shop", "subenabled": enabled, "subslotname": "s", "has_worker": has_worker})
    }

    #[test]
    fn a_worker_must_run_where_it_is_wanted() {
        let with = |one: Value| ask("subscription-errors", |it| it["subscriptions"] = json!({"known": [one]}));
        assert_eq!(with(subscription(true, true)).kind(), Kind::Clear);
        assert_eq!(found(&with(subscription(false, false))), [(Level::Warning, "shop/s")]);
        assert_eq!(found(&with(subscription(true, false))), [(Level::Critical, "shop/s")]);
        let standby = ask("subscription-errors", |it| it["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), Kind::NotApplicable);
        let origin = ask("subscription-errors", |it| {
            it["orphaned_origins"] = json!({"known": [{"origin_name": "pg_17"}]});
        });
        assert_eq!(found(&origin), [(Level::Warning, "replication origins")]);
    }

    #[test]
    fn errors_count_since_the_look_before() {
        let errors = |count: u64| {
            move |it: &mut Value| {
                it["subscriptions"] = json!({"known": [subscription(true, true)]});
                it["subscription_errors"] = json!({"known": [{"subname": "s", "database": "shop",
                    "apply_error_count": count, "sync_error_count": 0, "stats_reset": null}]});
            }
        };
        assert_eq!(ask("subscription-errors", errors(5)).kind(), Kind::Clear, "of any age");
        assert_eq!(ask_after("subscription-errors", errors(5), errors(5)).kind(), Kind::Clear);
        let more = ask_after("subscription-errors", errors(5), errors(6));
        assert_eq!(found(&more), [(Level::Warning, "shop/s")]);
    }
}
