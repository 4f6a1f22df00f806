//! Slots in use that fall behind or make no progress.

use crate::analysis::slot::{Reason, SlotVerdict};
use crate::checks::evidence::slots_why_command;
use crate::checks::thresholds::{Bytes, GB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, exceeded_threshold};
use crate::facts::{Level, Measure, WalStatus};
use crate::message::{Fragment, message};

limits! {
    /// WAL that the slot retains: WARNING
    warning: Bytes = 10 * GB;
    /// WAL that the slot retains: CRITICAL
    critical: Bytes = 50 * GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    for (slot, assessment) in evidence.assessed_slots().map_err(CheckOutcome::from_unavailable)? {
        if assessment.verdict != SlotVerdict::Lagging {
            if slot.active && assessment.reasons.contains(&Reason::PositionUnknown) {
                outcome.add_unavailable(&evidence.unknown_position());
            }
            continue;
        }
        let retained = match evidence.retained_bytes(slot) {
            Ok(bytes) => bytes,
            Err(why) => {
                outcome.add_unavailable(&why);
                continue;
            }
        };
        let stuck = assessment.reasons.iter().find_map(|reason| match reason {
            Reason::Frozen { seconds, .. } => {
                Some(message![" is in use but has made no progress for ", Fragment::Seconds(*seconds)])
            }
            Reason::ConnectedWithoutProgress { .. } => {
                Some(message![" makes no progress: its consumer connects but confirms no WAL"])
            }
            _ => None,
        });
        let by_size = exceeded_threshold(Bytes(retained), limits.warning, limits.critical).map(|(level, _)| level);
        // The next checkpoint may remove WAL that it needs.
        let nearly_lost = (slot.wal_status == Some(WalStatus::Unreserved)).then_some(Level::Critical);
        let Some(level) = stuck.as_ref().map(|_| Level::Warning).max(by_size).max(nearly_lost) else { continue };
        let mut message = message!["slot ", &slot.slot_name];
        message.append(stuck.unwrap_or_else(|| message![" is in use but falls behind"]));
        message.append(message!["; it retains ", Fragment::Bytes(retained), " of WAL"]);
        if nearly_lost.is_some() {
            message.append(message![" and may be lost at the next checkpoint"]);
        }
        for reason in &assessment.reasons {
            match reason {
                Reason::PinnedByTransaction { pid, .. } => {
                    message.append(message!["; it is pinned by the open transaction of process ", pid.to_string()]);
                }
                Reason::PinnedByPrepared { gid, .. } => {
                    message.append(message!["; it is pinned by prepared transaction ", gid]);
                }
                Reason::WaitsForStandby { standby_slot, .. } => {
                    message.append(message!["; it waits for the standby of slot ", standby_slot]);
                }
                _ => {}
            }
        }
        outcome.add_finding(RuleFinding {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(Measure::Bytes(retained)),
            threshold: Some(if level == Level::Critical { limits.critical } else { limits.warning }.into()),
            message,
            advice: message!["check its consumer; ", slots_why_command(&slot.slot_name), " shows what pins the slot"],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, slot};
    use serde_json::json;

    fn evaluate_behind(held: u64, status: &str) -> CheckOutcome {
        evaluate_check("lagging-slot", |value| {
            let mut slot = slot(0, held);
            slot["active"] = json!(true);
            slot["wal_status"] = json!(status);
            value["slots"] = json!({"known": [slot]});
        })
    }

    #[test]
    fn lagging_slot_thresholds_are_in_bytes() {
        assert_eq!(evaluate_behind(9 << 30, "extended").kind(), CheckOutcomeKind::Passed);
        assert_eq!(evaluate_behind(90 << 30, "reserved").kind(), CheckOutcomeKind::Passed, "wal_status is reserved");
        assert_eq!(found_subjects(&evaluate_behind(10 << 30, "extended")), [(Level::Warning, "orders")]);
        assert_eq!(found_subjects(&evaluate_behind(50 << 30, "extended")), [(Level::Critical, "orders")]);
        assert_eq!(found_subjects(&evaluate_behind(1 << 30, "unreserved")), [(Level::Critical, "orders")]);
    }
}
