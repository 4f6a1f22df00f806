//! Slots near `max_slot_wal_keep_size`, and the number of slots near `max_replication_slots`.

use crate::checks::thresholds::{Percent, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, message};

limits! {
    /// Share of max_slot_wal_keep_size that a slot uses: WARNING
    warning: Percent = 75.0;
    /// Share of max_slot_wal_keep_size that a slot uses: CRITICAL
    critical: Percent = 90.0;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let settings = require_fact(&evidence.snapshot.settings)?;
    let limit = settings.bytes("max_slot_wal_keep_size");
    let mut slots = 0;
    for (slot, _) in evidence.assessed_slots().map_err(CheckOutcome::from_unavailable)? {
        slots += u64::from(!slot.is_of_repack());
        let (Some(limit), Some(safe_bytes)) = (limit.filter(|limit| *limit > 0), slot.safe_wal_size) else { continue };
        if slot.is_lost() || slot.retained_from().is_none() {
            continue;
        }
        let remaining = u64::try_from(safe_bytes).unwrap_or(0);
        // A slot that retains nothing has slightly more than the limit left.
        let used = Percent((1.0 - remaining as f64 / limit as f64).clamp(0.0, 1.0) * 100.0);
        let Some((level, threshold)) =
            outcome.record_and_compare(&slot.slot_name, used, limits.warning, limits.critical)
        else {
            continue;
        };
        outcome.add_finding(RuleFinding {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(used.into()),
            threshold: Some(threshold),
            message: message![
                "slot ",
                &slot.slot_name,
                " will be lost after ",
                Fragment::Bytes(remaining),
                " more WAL (max_slot_wal_keep_size)"
            ],
            advice: message!["restart its consumer, or raise max_slot_wal_keep_size (reload) if the disk allows it"],
        });
    }
    // Without any slot, the limit does not matter.
    if let Some(most) = evidence.setting_number("max_replication_slots").filter(|most| slots > 0 && slots >= *most) {
        outcome.add_finding(RuleFinding {
            level: Level::Warning,
            subject: "max_replication_slots".to_owned(),
            measured: Some(Measure::Count(slots)),
            threshold: Some(Measure::Count(most)),
            message: message![
                if most == 1 { "the only replication slot is" } else { "all replication slots are" },
                " in use (max_replication_slots is ",
                Fragment::Count(most),
                "): no new slot can be created"
            ],
            advice: message!["drop unused slots (`pgtend slots`), or raise max_replication_slots and restart"],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, set_setting, slot};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn slot_limit_uses_safe_wal_size() {
        let evaluate_remaining = |percent: i64| {
            evaluate_check("slot-limit", |value| {
                set_setting(value, "max_slot_wal_keep_size", "102400");
                let mut slot = slot(0, 1 << 30);
                slot["safe_wal_size"] = json!(percent << 30);
                value["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(evaluate_remaining(26).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&evaluate_remaining(25)), [(Level::Warning, "orders")]);
        assert_eq!(found_subjects(&evaluate_remaining(10)), [(Level::Critical, "orders")]);
        assert_eq!(found_subjects(&evaluate_remaining(-1)), [(Level::Critical, "orders")]);
    }

    #[test]
    fn slot_limit_reports_last_free_slot() {
        let with = |slots: usize| {
            evaluate_check("slot-limit", |value| {
                set_setting(value, "max_replication_slots", "2");
                value["slots"] = json!({"known": vec![slot(0, 0); slots]});
            })
        };
        assert_eq!((with(0).kind(), with(1).kind()), (CheckOutcomeKind::Passed, CheckOutcomeKind::Passed));
        assert_eq!(found_subjects(&with(2)), [(Level::Warning, "max_replication_slots")]);
        let during_repack = evaluate_check("slot-limit", |value| {
            set_setting(value, "max_replication_slots", "2");
            let mut repack = slot(0, 0);
            repack["plugin"] = json!("pgrepack");
            repack["temporary"] = json!(true);
            value["slots"] = json!({"known": [slot(0, 0), repack]});
        });
        assert_eq!(during_repack.kind(), CheckOutcomeKind::Passed, "REPACK has slots of its own");
    }
}
