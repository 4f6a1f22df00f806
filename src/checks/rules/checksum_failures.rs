//! Checksum failures: pages that differ from what was written.

use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, message};
use jiff::Timestamp;

limits! {}

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let snapshot = evidence.snapshot;
    if evidence.setting("data_checksums").map_err(CheckOutcome::from_unavailable)?.setting == "off" {
        return Err(CheckOutcome::not_supported("data checksums are off: corruption goes undetected"));
    }
    let mut outcome = CheckOutcome::default();
    for database in require_fact(&snapshot.databases)? {
        let description = format!("database {}", database.database);
        outcome.findings.extend(checksum_finding(
            &database.database,
            &description,
            database.checksum_failures,
            database.checksum_last_failure,
        ));
    }
    match snapshot.shared_checksums.as_result() {
        Ok(shared) => {
            let description = "the shared catalogs";
            outcome.findings.extend(checksum_finding(
                SHARED,
                description,
                shared.checksum_failures,
                shared.checksum_last_failure,
            ));
        }
        Err(why) => outcome.add_unavailable(why),
    }
    Ok(outcome)
}

/// Subject for failures without a database name.
const SHARED: &str = "shared catalogs";

fn checksum_finding(
    subject: &str,
    description: &str,
    failures: Option<u64>,
    last: Option<Timestamp>,
) -> Option<RuleFinding> {
    let failures = failures.filter(|failures| *failures > 0)?;
    // A page is counted each time it is read.
    let mut message = message![
        Fragment::Count(failures),
        if failures == 1 { " checksum failure in " } else { " checksum failures in " },
        description,
        " since the statistics were reset"
    ];
    if let Some(time) = last {
        message.append(message![", the last at ", time]);
    }
    Some(RuleFinding {
        level: Level::Critical,
        subject: subject.to_owned(),
        measured: Some(Measure::Count(failures)),
        threshold: Some(Measure::Count(1)),
        message,
        advice: message![
            "the server log names the damaged blocks; take a new backup, keep the old ones, fail over to a verified standby, and check the hardware"
        ],
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, found_subjects, set_setting};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn checksum_failures_reports_one_page() {
        assert_eq!(
            evaluate_check("checksum-failures", |value| set_setting(value, "data_checksums", "off")).kind(),
            CheckOutcomeKind::NotApplicable
        );
        let outcome =
            evaluate_check("checksum-failures", |value| value["databases"]["known"][0]["checksum_failures"] = json!(1));
        assert_eq!(found_subjects(&outcome), [(Level::Critical, "shop")]);
    }

    #[test]
    fn checksum_failures_covers_shared_catalogs() {
        let shared = |fact: Value| evaluate_check("checksum-failures", |value| value["shared_checksums"] = fact);
        let counted =
            |failures: u64| json!({"known": {"checksum_failures": failures, "checksum_last_failure": ago(9)}});
        assert_eq!(shared(counted(0)).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&shared(counted(3))), [(Level::Critical, "shared catalogs")]);
        let unread = shared(json!({"unavailable": {"fact": "x", "reason": "denied"}}));
        assert_eq!(unread.kind(), CheckOutcomeKind::Unknown);
    }
}
