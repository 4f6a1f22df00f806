//! Whether queries write much to temporary files.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Bytes, DAY, GB, limits},
};
use crate::model::{Level, Piece, words};

limits! {
    /// The queries of a database write so much a day
    warning: Bytes = 100 * GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let now = evidence.snapshot;
    let databases = known(&now.databases)?;
    let Some(before) = evidence.before() else {
        return Err(Answer::not_enough_history("how much is written between two looks takes an earlier one"));
    };
    let seconds = evidence.seconds_since(before.collected_at);
    if seconds < DAY / 4 {
        return Err(Answer::not_enough_history("the look before is less than six hours old"));
    }
    let mut answer = Answer::default();
    for database in databases {
        // A counter that went back began anew.
        let Some(written) = database
            .temp_bytes_written
            .zip(before.temp_bytes_written.get(&database.database))
            .and_then(|(now, then)| now.checked_sub(*then))
        else {
            continue;
        };
        let a_day = Bytes((written as f64 / seconds as f64 * DAY as f64) as u64);
        answer.watch(&database.database, a_day.into(), limits.warning.into(), None);
        if a_day >= limits.warning {
            answer.find(Symptom {
                level: Level::Warning,
                subject: database.database.clone(),
                measured: Some(a_day.into()),
                threshold: Some(limits.warning.into()),
                message: words![
                    "queries of database ",
                    &database.database,
                    " write ",
                    Piece::Bytes(a_day.0),
                    " a day to temporary files"
                ],
                advice: words![
                    "`alter system set log_temp_files = '1GB'` and `select pg_reload_conf()` name them in the log; more work_mem for those alone, or an index"
                ],
            });
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, ask_after, found},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn a_rate_takes_two_looks_and_a_counter_that_went_back_says_nothing() {
        let written = |gigabytes: u64| {
            move |it: &mut Value| it["databases"]["known"][0]["temp_bytes_written"] = json!(gigabytes << 30)
        };
        assert_eq!(ask("temp-files", written(500)).kind(), Kind::NotApplicable);
        assert_eq!(ask_after("temp-files", written(0), written(99)).kind(), Kind::Clear);
        assert_eq!(ask_after("temp-files", written(900), written(500)).kind(), Kind::Clear);
        assert_eq!(found(&ask_after("temp-files", written(1), written(101))), [(Level::Warning, "shop")]);
    }
}
