//! Whether a setting gives up what Postgres promises.

use super::{Answer, Evidence, Judged, Symptom, known, limits::limits};
use crate::model::{Level, words};

limits! {}

/// The setting, the value that is unsafe, and what it gives up (PostgreSQL 18 manual, chapter 19).
const UNSAFE: &[(&str, &str, &str, Level)] = &[
    ("fsync", "off", "a crash of the machine can destroy the whole cluster", Level::Critical),
    (
        "full_page_writes",
        "off",
        "a crash in the middle of a page leaves it torn, and nothing mends it",
        Level::Critical,
    ),
    ("zero_damaged_pages", "on", "damaged pages are thrown away as they are read", Level::Critical),
    ("ignore_checksum_failure", "on", "damaged pages are read as if they were sound", Level::Critical),
    ("autovacuum", "off", "dead rows stay, tables grow, and wraparound comes nearer", Level::Warning),
    ("track_counts", "off", "autovacuum has nothing to go by, and nothing is counted", Level::Warning),
];

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let settings = known(&evidence.snapshot.settings)?;
    let mut answer = Answer::default();
    for (name, value, gives_up, level) in UNSAFE {
        match settings.get(name) {
            None => answer.missing(&evidence.missing_setting(name)),
            Some(setting) if setting.setting == *value => answer.find(Symptom {
                level: *level,
                subject: (*name).to_owned(),
                measured: None,
                threshold: None,
                message: words![*name, " is ", *value, ": ", *gives_up],
                advice: words![
                    "`alter system set ",
                    *name,
                    if *value == "on" { " = off` and " } else { " = on` and " },
                    "`select pg_reload_conf()`; now it comes from: ",
                    &setting.source
                ],
            }),
            Some(_) => {}
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{
        Kind,
        testing::{ask, found, set},
    };

    #[test]
    fn each_is_told_and_a_hidden_one_is_not_taken_for_safe() {
        for (name, value, _, level) in UNSAFE {
            let answer = ask("unsafe-settings", |it| set(it, name, value));
            assert_eq!(found(&answer), [(*level, *name)]);
        }
        let hidden = ask("unsafe-settings", |it| {
            it["settings"]["known"].as_array_mut().unwrap().retain(|one| one["name"] != "fsync");
        });
        assert_eq!(hidden.kind(), Kind::CannotTell);
    }
}
