//! Changed settings that take effect only after a restart.

use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, message};

limits! {}

/// Maximum number of names in a message.
const MAX_NAMES: usize = 5;

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let waiting = require_fact(&evidence.snapshot.pending_restart)?;
    let mut outcome = CheckOutcome::default();
    if waiting.is_empty() {
        return Ok(outcome);
    }
    let count = waiting.len() as u64;
    let names: Vec<&str> =
        waiting.iter().take(MAX_NAMES).map(|pending_restart| pending_restart.name.as_str()).collect();
    outcome.add_finding(RuleFinding {
        level: Level::Warning,
        subject: "settings".to_owned(),
        measured: Some(Measure::Count(count)),
        threshold: Some(Measure::Count(1)),
        message: message![
            Fragment::Count(count),
            if count == 1 { " changed setting waits" } else { " changed settings wait" },
            " for a restart: ",
            names.join(", "),
            if waiting.len() > MAX_NAMES { ", …" } else { "" }
        ],
        advice: message!["plan a restart, or revert the change: an unplanned restart applies all changes at once"],
    });
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn pending_restart_reports_once_or_unknown() {
        let with = |waiting: Value| evaluate_check("pending-restart", |value| value["pending_restart"] = waiting);
        assert_eq!(with(json!({"known": []})).kind(), CheckOutcomeKind::Passed);
        let two = with(json!({"known": [{"name": "max_connections"}, {"name": "wal_level"}]}));
        assert_eq!(found_subjects(&two), [(Level::Warning, "settings")]);
        let unread = with(json!({"unavailable": {"fact": "pending restart", "reason": "denied"}}));
        assert_eq!(unread.kind(), CheckOutcomeKind::Unknown);
    }
}
