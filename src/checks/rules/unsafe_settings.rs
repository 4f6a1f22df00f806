//! Settings that give up durability or integrity.

use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::Level;
use crate::message::message;

limits! {}

/// Setting, unsafe value, consequence and level (PostgreSQL 18 manual, chapter 19).
const UNSAFE: &[(&str, &str, &str, Level)] = &[
    ("fsync", "off", "an operating-system crash can corrupt the whole cluster", Level::Critical),
    (
        "full_page_writes",
        "off",
        "a crash during a page write leaves a torn page that recovery cannot repair",
        Level::Critical,
    ),
    ("zero_damaged_pages", "on", "damaged pages are zeroed when they are read", Level::Critical),
    ("ignore_checksum_failure", "on", "damaged pages are read without an error", Level::Critical),
    ("autovacuum", "off", "dead rows are not removed; tables are vacuumed only to prevent wraparound", Level::Warning),
    ("track_counts", "off", "autovacuum does not start, and index use is not counted", Level::Warning),
];

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let settings = require_fact(&evidence.snapshot.settings)?;
    let mut outcome = CheckOutcome::default();
    for (name, value, gives_up, level) in UNSAFE {
        match settings.get(name) {
            None => outcome.add_unavailable(&evidence.missing_setting(name)),
            Some(setting) if setting.setting == *value => outcome.add_finding(RuleFinding {
                level: *level,
                subject: (*name).to_owned(),
                measured: None,
                threshold: None,
                message: message![*name, " is ", *value, ": ", *gives_up],
                advice: message![
                    "`ALTER SYSTEM SET ",
                    *name,
                    if *value == "on" { " = off` and " } else { " = on` and " },
                    "`SELECT pg_reload_conf()`; current source: ",
                    &setting.source
                ],
            }),
            Some(_) => {}
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, set_setting};

    #[test]
    fn unsafe_settings_hidden_is_unknown() {
        for (name, value, _, level) in UNSAFE {
            let outcome = evaluate_check("unsafe-settings", |snapshot| set_setting(snapshot, name, value));
            assert_eq!(found_subjects(&outcome), [(*level, *name)]);
        }
        let hidden = evaluate_check("unsafe-settings", |snapshot| {
            snapshot["settings"]["known"].as_array_mut().unwrap().retain(|setting| setting["name"] != "fsync");
        });
        assert_eq!(hidden.kind(), CheckOutcomeKind::Unknown);
    }
}
