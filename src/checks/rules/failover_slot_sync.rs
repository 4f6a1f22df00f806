//! Copies of failover slots on standbys: missing, temporary, or behind.

use crate::checks::thresholds::{Bytes, GB, MINUTE, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding, require_fact};
use crate::facts::{Level, Measure, Replica, Slot};
use crate::message::{Fragment, Message, message};

limits! {
    /// Time since the last synchronization of a copy, on the standby: WARNING
    warning: Seconds = 10 * MINUTE;
    /// WAL that a copy is behind its slot, with standbys that are read: WARNING
    behind: Bytes = GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let snapshot = evidence.snapshot;
    if snapshot.server.major() < 17 {
        let why = message!["failover slots exist from PostgreSQL 17 on"];
        return Err(CheckOutcome::not_supported(why));
    }
    let slots = require_fact(&snapshot.slots)?;
    if snapshot.server.in_recovery {
        Ok(evaluate_standby(evidence, limits, slots))
    } else {
        evaluate_primary(evidence, limits, slots)
    }
}

fn sync_finding(
    subject: String,
    measured: Option<Measure>,
    threshold: Option<Measure>,
    message: Message,
) -> RuleFinding {
    RuleFinding {
        level: Level::Warning,
        subject,
        measured,
        threshold,
        message,
        advice: message![
            "on the standby, check sync_replication_slots, hot_standby_feedback, primary_slot_name and dbname in \
             primary_conninfo, then its log; until then, its consumer cannot continue after a failover"
        ],
    }
}

/// Evaluates the copies on a standby alone. The position of the slot on the primary is not known there.
fn evaluate_standby(evidence: &Evidence<'_>, limits: &Limits, slots: &[Slot]) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    for slot in slots.iter().filter(|slot| slot.synced == Some(true) && !slot.is_lost()) {
        let name = &slot.slot_name;
        if slot.temporary {
            let mut message =
                message!["the copy of failover slot ", name, " is temporary: it is not yet usable after a failover"];
            append_skip(&mut message, slot);
            outcome.add_finding(sync_finding(name.clone(), None, None, message));
            continue;
        }
        // Each synchronization ends with a new inactive_since, whether the slot has moved or not.
        let Some(age) = slot.inactive_since.map(|since| Seconds(evidence.seconds_since(since))) else { continue };
        let age = if slot.active { Seconds(0) } else { age };
        outcome.record_reading(name, age.into(), limits.warning.into(), None);
        if age >= limits.warning {
            let mut message = message![
                "the copy of failover slot ",
                name,
                " was last synchronized ",
                Fragment::Seconds(age.0),
                " ago"
            ];
            append_skip(&mut message, slot);
            outcome.add_finding(sync_finding(name.clone(), Some(age.into()), Some(limits.warning.into()), message));
        }
    }
    outcome
}

fn append_skip(message: &mut Message, slot: &Slot) {
    if let Some(cause) = slot.slotsync_skip_reason.as_deref().filter(|cause| *cause != "none") {
        message.append(message![" (skipped: ", cause, ")"]);
    }
}

/// Compares the failover slots of the primary with the copies on the standbys that were read.
fn evaluate_primary(evidence: &Evidence<'_>, limits: &Limits, slots: &[Slot]) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let failover: Vec<&Slot> =
        slots.iter().filter(|slot| slot.failover == Some(true) && !slot.is_lost() && !slot.temporary).collect();
    if failover.is_empty() {
        return Ok(outcome);
    }
    let mut copies: Vec<(&Replica, &[Slot])> = Vec::new();
    for replica in &evidence.snapshot.replicas {
        match replica.used.as_result().and_then(|used| used.slots.as_result()) {
            Ok(_) if copies.iter().any(|(known, _)| known.name == replica.name) => {}
            Ok(slots) => copies.push((replica, slots)),
            Err(why) => outcome.add_unavailable(why),
        }
    }
    // A standby without any copy does not synchronize slots, and does not have to, if another one does.
    let has_copy = |(_, slots): &(&Replica, &[Slot])| slots.iter().any(|slot| slot.synced == Some(true));
    if copies.iter().any(has_copy) {
        copies.retain(has_copy);
    }
    if copies.is_empty() && outcome.unknown.is_empty() {
        let why = message!["no standby is read: set replicas of the target to compare the copies of failover slots"];
        outcome.not_applicable.push(NotApplicable::NotConfigured(why));
    }
    for slot in failover {
        for (replica, slots) in &copies {
            compare_copy(slot, replica, slots, limits, &mut outcome);
        }
    }
    Ok(outcome)
}

fn compare_copy(slot: &Slot, replica: &Replica, slots: &[Slot], limits: &Limits, outcome: &mut CheckOutcome) {
    let (name, standby) = (&slot.slot_name, &replica.name);
    let subject = format!("{name} on {standby}");
    let copy = slots.iter().find(|copy| copy.slot_name == *name && copy.synced == Some(true));
    let Some(copy) = copy else {
        let message = message!["standby ", standby, " has no copy of failover slot ", name];
        return outcome.add_finding(sync_finding(subject, None, None, message));
    };
    if copy.is_lost() || copy.temporary {
        let state = if copy.is_lost() { " is lost" } else { " is temporary: it is not yet usable after a failover" };
        let mut message = message!["the copy of failover slot ", name, " on standby ", standby, state];
        append_skip(&mut message, copy);
        return outcome.add_finding(sync_finding(subject, None, None, message));
    }
    let Some((ours, theirs)) = slot.confirmed_flush_lsn.zip(copy.confirmed_flush_lsn) else { return };
    let bytes = Bytes(ours.bytes_since(theirs));
    outcome.record_reading(&subject, bytes.into(), limits.behind.into(), None);
    if bytes >= limits.behind {
        let mut message = message![
            "the copy of failover slot ",
            name,
            " on standby ",
            standby,
            " is ",
            Fragment::Bytes(bytes.0),
            " behind"
        ];
        append_skip(&mut message, copy);
        outcome.add_finding(sync_finding(subject, Some(bytes.into()), Some(limits.behind.into()), message));
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, found_subjects, lsn, slot};
    use crate::facts::Level;
    use serde_json::{Value, json};

    fn failover_slot(fields: Value) -> Value {
        let mut slot = slot(60, 0);
        slot["failover"] = json!(true);
        slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        slot
    }

    #[test]
    fn failover_slot_sync_finds_old_and_temporary_copies() {
        let copy = |fields: Value| {
            evaluate_check("failover-slot-sync", |value| {
                value["server"]["in_recovery"] = json!(true);
                let mut slot = failover_slot(json!({"synced": true}));
                slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                value["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(copy(json!({"inactive_since": ago(599)})).kind(), CheckOutcomeKind::Passed);
        let skipped_once = json!({"slotsync_skip_reason": "wal_not_flushed"});
        assert_eq!(copy(skipped_once).kind(), CheckOutcomeKind::Passed, "the next attempt may succeed");
        let old = copy(json!({"inactive_since": ago(600), "slotsync_skip_reason": "wal_not_flushed"}));
        assert_eq!(found_subjects(&old), [(Level::Warning, "orders")]);
        assert!(format!("{:?}", old.findings[0].message).contains("wal_not_flushed"));
        assert_eq!(found_subjects(&copy(json!({"temporary": true}))), [(Level::Warning, "orders")]);
        assert_eq!(
            copy(json!({"wal_status": "lost", "temporary": true})).kind(),
            CheckOutcomeKind::Passed,
            "lost-slot"
        );
        assert_eq!(copy(json!({"synced": false, "temporary": true})).kind(), CheckOutcomeKind::Passed);
    }

    #[test]
    fn failover_slot_sync_compares_standbys_that_are_read() {
        let replica = |name: &str, slots: &[Value]| {
            json!({"name": name, "database": "shop", "used": {"known": {"system_identifier": "7", "in_recovery": true,
                "started_at": ago(5), "statistics_resets": {"unavailable": {"fact": "resets", "reason": "not read"}},
                "walsenders": {"known": []}, "slots": {"known": slots}, "idx_scans": {"known": {}}}}})
        };
        let with = |replicas: &[Value]| {
            evaluate_check("failover-slot-sync", |value| {
                value["slots"] = json!({"known": [failover_slot(json!({"confirmed_flush_lsn": lsn(3 << 30)}))]});
                value["replicas"] = json!(replicas);
            })
        };
        let copy = |behind: u64, fields: Value| {
            let mut copy = failover_slot(json!({"synced": true, "confirmed_flush_lsn": lsn((3 << 30) - behind)}));
            copy.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            copy
        };
        assert_eq!(with(&[]).kind(), CheckOutcomeKind::NotApplicable, "no standby is read");
        let missing = [(Level::Warning, "orders on s1")];
        assert_eq!(found_subjects(&with(&[replica("s1", &[])])), missing);
        let nearly = copy((1 << 30) - 1, json!({}));
        assert_eq!(with(&[replica("s1", std::slice::from_ref(&nearly))]).kind(), CheckOutcomeKind::Passed);
        assert_eq!(
            with(&[replica("s0", &[]), replica("s1", &[nearly])]).kind(),
            CheckOutcomeKind::Passed,
            "s0 has no copies"
        );
        assert_eq!(found_subjects(&with(&[replica("s1", &[copy(1 << 30, json!({}))])])), missing);
        assert_eq!(found_subjects(&with(&[replica("s1", &[copy(0, json!({"temporary": true}))])])), missing);
        let silent = json!({"name": "s1", "database": "shop",
                            "used": {"unavailable": {"fact": "standby", "reason": "no answer"}}});
        assert_eq!(with(&[silent]).kind(), CheckOutcomeKind::Unknown);
    }

    #[test]
    fn failover_slot_sync_needs_17() {
        let before = evaluate_check("failover-slot-sync", |value| value["server"]["version_num"] = json!(160_010));
        assert_eq!(before.kind(), CheckOutcomeKind::NotApplicable);
        assert_eq!(evaluate_check("failover-slot-sync", |_| ()).kind(), CheckOutcomeKind::Passed, "no failover slot");
    }
}
