//! Whether the counters that verdicts rest on began anew since the look before.

use super::{Answer, Evidence, Judged, Symptom, evidence::of_databases, limits::limits};
use crate::model::{Level, words};

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let now = evidence.snapshot;
    let Some(before) = evidence.before() else {
        return Err(Answer::not_enough_history("whether counters began anew takes an earlier look"));
    };
    let mut answer = Answer::default();
    for (contents, resets) in of_databases(now, |contents| &contents.statistics_resets, &mut answer) {
        let Some(since) = resets.counting_since() else { continue };
        let Some(then) = before.counting_since.get(&contents.database) else { continue };
        if since <= *then || since <= before.collected_at {
            continue;
        }
        let crashed = now.server.started_at > before.collected_at;
        let why = if crashed { " (the server crashed or was restored)" } else { " (somebody reset them)" };
        answer.find(Symptom {
            level: Level::Warning,
            subject: contents.database.clone(),
            measured: None,
            threshold: None,
            message: words![
                "the counters of database ",
                &contents.database,
                " began anew at ",
                since,
                why,
                ": verdicts on unused indexes wait for new evidence"
            ],
            advice: words![
                "`ANALYZE` in that database, so that autovacuum knows its tables again; the rest comes back by itself"
            ],
        });
    }
    if now.contents.is_empty() {
        return Err(Answer::not_configured("no database was read from inside"));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ago, ask, ask_after, found},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn only_what_began_anew_since_the_look_before_is_told() {
        let reset = |at: i64| {
            move |it: &mut Value| it["contents"][0]["statistics_resets"]["known"]["shared_reset"] = json!(ago(at))
        };
        assert_eq!(ask("stats-lost", reset(60)).kind(), Kind::NotApplicable);
        assert_eq!(ask_after("stats-lost", |_| {}, |_| {}).kind(), Kind::Clear);
        assert_eq!(found(&ask_after("stats-lost", |_| {}, reset(60))), [(Level::Warning, "shop")]);
    }
}
