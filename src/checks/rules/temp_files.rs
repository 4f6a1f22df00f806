//! Temporary files written per day.

use crate::checks::thresholds::{Bytes, DAY, GB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::Level;
use crate::message::{Fragment, message};

limits! {
    /// Temporary files that the queries of a database write per day
    warning: Bytes = 100 * GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let now = evidence.snapshot;
    let databases = require_fact(&now.databases)?;
    let Some(before) = evidence.previous_counters() else {
        return Err(CheckOutcome::not_enough_history("needs an earlier sample"));
    };
    let seconds = evidence.seconds_since(before.collected_at);
    if seconds < DAY / 4 {
        return Err(CheckOutcome::not_enough_history("the previous sample is less than six hours old"));
    }
    let mut outcome = CheckOutcome::default();
    for database in databases {
        // A decreased counter was reset.
        let Some(written) = database
            .temp_bytes_written
            .zip(before.temp_bytes_written.get(&database.database))
            .and_then(|(now, then)| now.checked_sub(*then))
        else {
            continue;
        };
        let per_day = Bytes((written as f64 / seconds as f64 * DAY as f64) as u64);
        outcome.record_reading(&database.database, per_day.into(), limits.warning.into(), None);
        if per_day >= limits.warning {
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                subject: database.database.clone(),
                measured: Some(per_day.into()),
                threshold: Some(limits.warning.into()),
                message: message![
                    "queries of database ",
                    &database.database,
                    " write ",
                    Fragment::Bytes(per_day.0),
                    " of temporary files per day"
                ],
                advice: message![
                    "log them with `ALTER SYSTEM SET log_temp_files = '1GB'` and `SELECT pg_reload_conf()`; give only these queries more work_mem, or add an index"
                ],
            });
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, evaluate_check_after, found_subjects};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn temp_files_rate_needs_two_growing_samples() {
        let written = |gigabytes: u64| {
            move |value: &mut Value| value["databases"]["known"][0]["temp_bytes_written"] = json!(gigabytes << 30)
        };
        assert_eq!(evaluate_check("temp-files", written(500)).kind(), CheckOutcomeKind::NotApplicable);
        assert_eq!(evaluate_check_after("temp-files", written(0), written(99)).kind(), CheckOutcomeKind::Passed);
        assert_eq!(evaluate_check_after("temp-files", written(900), written(500)).kind(), CheckOutcomeKind::Passed);
        assert_eq!(
            found_subjects(&evaluate_check_after("temp-files", written(1), written(101))),
            [(Level::Warning, "shop")]
        );
    }
}
