//! Whether a slot was invalidated: its consumer cannot go on.

use super::{
    Answer, Evidence, Judged, Symptom,
    limits::limits,
    slot::{Reason, Verdict},
};
use crate::{
    model::SlotType,
    model::{Level, words},
};

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let mut answer = Answer::default();
    for (slot, judgement) in evidence.slots().map_err(Answer::cannot_tell)? {
        if judgement.verdict != Verdict::Lost {
            continue;
        }
        let cause = judgement.reasons.iter().find_map(|reason| match reason {
            Reason::Invalidated { cause } => Some(match cause.as_str() {
                "wal_removed" => "its WAL was removed (max_slot_wal_keep_size)",
                "rows_removed" => "rows it needed were removed",
                "wal_level_insufficient" => "the primary's wal_level was lowered",
                "idle_timeout" => "it was idle for too long (idle_replication_slot_timeout)",
                _ => "the server does not say why",
            }),
            _ => None,
        });
        let may_live_again = judgement.reasons.contains(&Reason::MayLiveAgain);
        let (level, advice) = match slot.slot_type {
            SlotType::Logical => {
                (Level::Critical, words!["set its consumer up anew, then drop the slot: nothing more is lost by it"])
            }
            SlotType::Physical if may_live_again => {
                (Level::Warning, words!["a standby that finds the WAL in an archive catches up; else rebuild it"])
            }
            SlotType::Physical => (Level::Critical, words!["rebuild the standby, then drop the slot"]),
        };
        answer.find(Symptom {
            level,
            subject: slot.slot_name.clone(),
            measured: None,
            threshold: None,
            message: words!["slot ", &slot.slot_name, " is lost: ", cause.unwrap_or("it was invalidated")],
            advice,
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, slot},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn a_lost_slot_is_found_whatever_its_size() {
        let lost = |change: Value| {
            ask("lost-slot", |it| {
                let mut slot = slot(0, 0);
                slot["wal_status"] = json!("lost");
                slot.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
                it["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(found(&lost(json!({"invalidation_reason": "wal_removed"}))), [(Level::Critical, "orders")]);
        let standby = json!({"slot_type": "physical", "plugin": null, "invalidation_reason": "wal_removed"});
        assert_eq!(found(&lost(standby)), [(Level::Warning, "orders")], "17: it may live again");
        assert_eq!(ask("lost-slot", |it| it["slots"] = json!({"known": [slot(0, 0)]})).kind(), Kind::Clear);
    }
}
