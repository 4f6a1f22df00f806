//! Invalidated slots, whose consumers cannot continue.

use crate::analysis::slot::{Reason, SlotVerdict};
use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::{Level, SlotType};
use crate::message::message;

limits! {}

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    for (slot, assessment) in evidence.assessed_slots().map_err(CheckOutcome::from_unavailable)? {
        if assessment.verdict != SlotVerdict::Lost {
            continue;
        }
        let cause = assessment.reasons.iter().find_map(|reason| match reason {
            Reason::Invalidated { cause, last_slot_may_be_lost } => Some(match cause.as_str() {
                "wal_removed" => "its WAL was removed (max_slot_wal_keep_size)",
                "rows_removed" => "rows it needed were removed",
                "wal_level_insufficient" if *last_slot_may_be_lost => {
                    "logical decoding ended on the primary (its last valid logical slot was dropped or invalidated, or \
                     its wal_level was lowered)"
                }
                "wal_level_insufficient" => "the primary's wal_level was lowered",
                "idle_timeout" => "it exceeded idle_replication_slot_timeout",
                _ => "the server does not report the cause",
            }),
            _ => None,
        });
        let may_live_again = assessment.reasons.contains(&Reason::MayLiveAgain);
        let (level, advice) = match slot.slot_type {
            SlotType::Logical => (Level::Critical, message!["reinitialize its consumer, then drop the slot"]),
            SlotType::Physical if may_live_again => (
                Level::Warning,
                message!["the standby catches up if it finds the WAL in an archive, otherwise rebuild it"],
            ),
            SlotType::Physical => (Level::Critical, message!["rebuild the standby, then drop the slot"]),
        };
        outcome.add_finding(RuleFinding {
            level,
            subject: slot.slot_name.clone(),
            measured: None,
            threshold: None,
            message: message!["slot ", &slot.slot_name, " is lost: ", cause.unwrap_or("it was invalidated")],
            advice,
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, slot};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn lost_slot_is_found_at_any_size() {
        let lost = |change: Value| {
            evaluate_check("lost-slot", |value| {
                let mut slot = slot(0, 0);
                slot["wal_status"] = json!("lost");
                slot.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
                value["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(found_subjects(&lost(json!({"invalidation_reason": "wal_removed"}))), [(Level::Critical, "orders")]);
        let standby = json!({"slot_type": "physical", "plugin": null, "invalidation_reason": "wal_removed"});
        assert_eq!(found_subjects(&lost(standby)), [(Level::Warning, "orders")], "17: it may become valid again");
        let message = |version_num: u32| {
            let outcome = evaluate_check("lost-slot", |value| {
                value["server"]["version_num"] = json!(version_num);
                let mut slot = slot(0, 0);
                slot["invalidation_reason"] = json!("wal_level_insufficient");
                value["slots"] = json!({"known": [slot]});
            });
            format!("{:?}", outcome.findings[0].message)
        };
        assert!(message(180_004).contains("the primary's wal_level was lowered"));
        assert!(message(190_000).contains("its last valid logical slot was dropped or invalidated, or"));
        assert_eq!(
            evaluate_check("lost-slot", |value| value["slots"] = json!({"known": [slot(0, 0)]})).kind(),
            CheckOutcomeKind::Passed
        );
    }
}
