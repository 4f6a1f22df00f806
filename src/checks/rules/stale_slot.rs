//! Unused replication slots that retain WAL.

use crate::analysis::slot::{Protection, Reason, SlotAssessment, SlotVerdict};
use crate::checks::evidence::slots_why_command;
use crate::checks::thresholds::{DAY, GB, MB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, message};

limits! {
    /// Time that a slot is inactive: WARNING
    warning: Seconds = DAY;
    /// Minimum WAL that such a slot retains
    minimum: Bytes = 64 * MB;
    /// WAL that an inactive slot retains: WARNING without a minimum time
    at_once: Bytes = 10 * GB;
    /// WAL that a stale slot retains: CRITICAL
    critical: Bytes = GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    for (slot, assessment) in evidence.assessed_slots().map_err(CheckOutcome::from_unavailable)? {
        if slot.temporary || assessment.protection == Some(Protection::Synced) {
            continue;
        }
        if !matches!(assessment.verdict, SlotVerdict::Stale | SlotVerdict::Inactive) {
            continue;
        }
        let retained = match evidence.retained_bytes(slot) {
            Ok(bytes) => bytes,
            Err(why) => {
                outcome.add_unavailable(&why);
                continue;
            }
        };
        let idle = unused_seconds(assessment);
        let level = match assessment.verdict {
            SlotVerdict::Stale if retained >= limits.critical.0 => Level::Critical,
            SlotVerdict::Stale => Level::Warning,
            SlotVerdict::Inactive if retained >= limits.at_once.0 => Level::Warning,
            SlotVerdict::Inactive if retained < limits.minimum.0 => continue,
            SlotVerdict::Inactive => match idle {
                Some(seconds) if seconds >= limits.warning.0 => Level::Warning,
                Some(_) => continue,
                None => {
                    let why = message![
                        "slot ",
                        &slot.slot_name,
                        " is inactive; needs more samples to determine for how long"
                    ];
                    outcome.not_applicable.push(NotApplicable::NotEnoughHistory(why));
                    continue;
                }
            },
            _ => continue,
        };
        let mut message = message!["slot ", &slot.slot_name];
        if assessment.verdict == SlotVerdict::Stale {
            message.append(message![" is stale: it"]);
        }
        message.append(match idle {
            Some(seconds) => message![" has been inactive for ", Fragment::Seconds(seconds)],
            None => message![" is inactive"],
        });
        message.append(message![" and retains ", Fragment::Bytes(retained), " of WAL"]);
        if let Some(owner) = &assessment.owner {
            message.append(message![" (probable owner: ", &owner.name, ")"]);
        }
        // The measured value and the threshold are those that set the level.
        let (measured, threshold) = match (level, assessment.verdict, idle) {
            (Level::Critical, ..) => (Measure::Bytes(retained), limits.critical.into()),
            (_, SlotVerdict::Inactive, _) if retained >= limits.at_once.0 => {
                (Measure::Bytes(retained), limits.at_once.into())
            }
            (_, _, Some(seconds)) => (Measure::Seconds(seconds), limits.warning.into()),
            _ => (Measure::Bytes(retained), limits.minimum.into()),
        };
        outcome.add_finding(RuleFinding {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(measured),
            threshold: Some(threshold),
            message,
            advice: message!["ask its owner; ", slots_why_command(&slot.slot_name), " shows the evidence"],
        });
    }
    Ok(outcome)
}

/// Returns the seconds for which the slot is known to be unused.
fn unused_seconds(assessment: &SlotAssessment) -> Option<u64> {
    let seconds = assessment.reasons.iter().filter_map(|reason| match reason {
        Reason::Idle { seconds, .. } | Reason::Unused { seconds, .. } => Some(*seconds),
        _ => None,
    });
    seconds.max()
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{DAY, evaluate_check, slot};
    use crate::facts::{Level, Measure};
    use serde_json::{Value, json};

    #[test]
    fn stale_slot_ignores_short_or_small() {
        for (idle, held) in [(DAY - 1, 5 << 30), (30 * DAY, 1 << 20), (DAY - 1, (10 << 30) - 1)] {
            let outcome = evaluate_check("stale-slot", |value| value["slots"] = json!({"known": [slot(idle, held)]}));
            assert_eq!(outcome.kind(), CheckOutcomeKind::Passed, "{idle} {held}");
        }
        let before_17 = evaluate_check("stale-slot", |value| {
            let mut slot = slot(0, 1 << 30);
            slot["inactive_since"] = Value::Null;
            value["slots"] = json!({"known": [slot]});
        });
        assert_eq!(before_17.kind(), CheckOutcomeKind::NotApplicable, "one sample does not show the duration");
    }

    #[test]
    fn stale_slot_levels_by_age_proof_and_bytes() {
        let level = |idle, held| {
            let outcome = evaluate_check("stale-slot", |value| value["slots"] = json!({"known": [slot(idle, held)]}));
            outcome.findings.first().map(|symptom| symptom.level)
        };
        assert_eq!(level(DAY, 64 << 20), Some(Level::Warning));
        assert_eq!(level(60, 10 << 30), Some(Level::Warning), "without history");
        assert_eq!(level(7 * DAY, 32 << 20), Some(Level::Warning));
        assert_eq!(level(7 * DAY, 1 << 30), Some(Level::Critical));
    }

    #[test]
    fn stale_slot_threshold_is_the_one_that_set_the_level() {
        let values = |idle, held| {
            let outcome = evaluate_check("stale-slot", |value| value["slots"] = json!({"known": [slot(idle, held)]}));
            let finding = outcome.findings.first().expect("a finding");
            (finding.measured, finding.threshold)
        };
        let bytes = |bytes: u64| Some(Measure::Bytes(bytes));
        let seconds = |seconds: i64| Some(Measure::Seconds(seconds as u64));
        assert_eq!(values(DAY, 64 << 20), (seconds(DAY), seconds(DAY)));
        assert_eq!(values(2 * DAY, 10 << 30), (bytes(10 << 30), bytes(10 << 30)));
        assert_eq!(values(7 * DAY, 32 << 20), (seconds(7 * DAY), seconds(DAY)));
        assert_eq!(values(8 * DAY, 2 << 30), (bytes(2 << 30), bytes(1 << 30)));
    }
}
