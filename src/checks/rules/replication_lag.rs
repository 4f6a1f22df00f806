//! Replay lag of standbys.

use crate::checks::thresholds::{GB, HOUR, MINUTE, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding, require_fact};
use crate::facts::{Level, Measure, SlotType, Snapshot, Walsender};
use crate::message::{Fragment, Message, message};
use crate::quote::grant;

limits! {
    /// Replay lag of a standby: WARNING
    warning: Seconds = 10 * MINUTE;
    /// Replay lag of a standby: CRITICAL
    critical: Seconds = HOUR;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    if evidence.snapshot.server.in_recovery {
        evaluate_standby(evidence, limits, &mut outcome)?;
    }
    for walsender in require_fact(&evidence.snapshot.walsenders)? {
        if is_logical_consumer(walsender, evidence.snapshot) {
            continue;
        }
        if walsender.state.is_none() {
            let why = evidence.hidden_fact("walsenders", "the replication state is hidden from this role");
            outcome.add_unavailable(&why.with_hint(Some(grant("pg_read_all_stats", &evidence.snapshot.server.role))));
            continue;
        }
        // A base backup replays nothing.
        if walsender.state.as_deref() == Some("backup") {
            continue;
        }
        let name = walsender.application_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("unnamed");
        let behind = evidence.snapshot.current_lsn().zip(walsender.replay_lsn).map(|(now, lsn)| now.bytes_since(lsn));
        let reported_lag = walsender.replay_lag_seconds.and_then(|lag| u64::try_from(lag).ok());
        let proven = unreplayed_seconds(evidence, walsender);
        if reported_lag.is_none() && proven.is_none() && behind.is_some_and(|bytes| bytes >= GB) {
            let bytes = Fragment::Bytes(behind.unwrap_or(0));
            let why = message![
                "standby ",
                name,
                " is ",
                bytes,
                " of WAL behind; needs an earlier sample to compute the time"
            ];
            outcome.not_applicable.push(NotApplicable::NotEnoughHistory(why));
            continue;
        }
        let lag = Seconds(reported_lag.max(proven).unwrap_or(0));
        let Some(passed) = outcome.record_and_compare(name, lag, limits.warning, limits.critical) else {
            continue;
        };
        let mut message = message!["standby ", name, " is ", Fragment::Seconds(lag.0), " behind"];
        if let Some(bytes) = behind {
            message.append(message![" (", Fragment::Bytes(bytes), " of WAL)"]);
        }
        outcome.add_finding(lag_finding(passed, name, lag, message));
    }
    Ok(outcome)
}

/// Returns the minimum time for which the standby has not replayed the position of the previous sample. The server
/// measures lag only while it replays new WAL: for a standby that is paused on an idle primary, or has just
/// reconnected, its value is old or null.
fn unreplayed_seconds(evidence: &Evidence<'_>, walsender: &Walsender) -> Option<u64> {
    let before = evidence.previous_counters()?;
    (walsender.replay_lsn? < before.current_lsn?).then(|| evidence.seconds_since(before.collected_at))
}

fn lag_finding((level, threshold): (Level, Measure), subject: &str, lag: Seconds, message: Message) -> RuleFinding {
    RuleFinding {
        level,
        subject: subject.to_owned(),
        measured: Some(lag.into()),
        threshold: Some(threshold),
        message,
        advice: message!["check the standby for long queries that block replay, then its disk and the network"],
    }
}

/// Returns whether it is a logical consumer, which `lagging-slot` evaluates.
fn is_logical_consumer(walsender: &Walsender, snapshot: &Snapshot) -> bool {
    let slots = snapshot.slots.known();
    slots.is_some_and(|slots| {
        slots.iter().any(|slot| slot.active_pid == Some(walsender.pid) && slot.slot_type == SlotType::Logical)
    })
}

/// Evaluates a standby from its own data. It lags only if it has WAL to replay: on an idle primary, the age of the last
/// commit grows by itself. The lag of a standby that receives nothing is unknown.
fn evaluate_standby(
    evidence: &Evidence<'_>,
    limits: &Limits,
    outcome: &mut CheckOutcome,
) -> Result<(), Box<CheckOutcome>> {
    let replay = require_fact(&evidence.snapshot.standby_replay)?;
    let configured_delay = evidence.setting_number("recovery_min_apply_delay").unwrap_or(0) / 1_000;
    let has_more = replay.receive_lsn.zip(replay.replay_lsn).is_some_and(|(received, replayed)| received > replayed);
    let age = replay.last_replayed_at.map(|last| evidence.seconds_since(last).saturating_sub(configured_delay));
    let may_be_behind = !has_more && age.is_none_or(|age| Seconds(age) >= limits.warning);
    if may_be_behind && replay.is_streaming.is_none() {
        let why = evidence.hidden_fact("standby replay", "the status of the WAL receiver is hidden from this role");
        outcome.add_unavailable(&why.with_hint(Some(grant("pg_read_all_stats", &evidence.snapshot.server.role))));
        return Ok(());
    }
    if may_be_behind && replay.is_streaming == Some(false) {
        let mut why = message!["this standby does not stream WAL from its primary, and all received WAL is replayed"];
        if let Some(age) = age {
            why.append(message![", the last commit ", Fragment::Seconds(age), " ago"]);
        }
        why.append(message![": only the primary can report the lag"]);
        outcome.not_applicable.push(NotApplicable::NotSupported(why));
        return Ok(());
    }
    let Some(age) = age else { return Ok(()) };
    let lag = Seconds(if has_more { age } else { 0 });
    if let Some(passed) = outcome.record_and_compare("this standby", lag, limits.warning, limits.critical) {
        let why = match (replay.pause_state.as_deref(), replay.is_paused) {
            (Some("pause requested"), _) => ": a pause of replay is requested",
            (_, Some(true)) => ": replay is paused",
            _ => "",
        };
        let message = message!["this standby is ", Fragment::Seconds(lag.0), " behind", why];
        outcome.add_finding(lag_finding(passed, "this standby", lag, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, evaluate_check_after, found_subjects, lsn, set_setting};
    use crate::facts::Level;
    use serde_json::{Value, json};

    fn walsender(lag: Value, state: Value) -> Value {
        json!({"pid": 5, "application_name": "s1", "role": "r", "client_addr": null, "backend_start": null,
               "state": state, "sent_lsn": null, "flush_lsn": null, "replay_lsn": lsn(0), "replay_lag_seconds": lag})
    }

    #[test]
    fn replication_lag_uses_replay_lag() {
        let with = |lag: Value, state: Value| {
            evaluate_check("replication-lag", |value| value["walsenders"] = json!({"known": [walsender(lag, state)]}))
        };
        assert_eq!(with(json!(0), json!("streaming")).kind(), CheckOutcomeKind::Passed);
        assert_eq!(with(json!(599), json!("streaming")).kind(), CheckOutcomeKind::Passed);
        assert_eq!(with(json!(9_999), json!("backup")).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(json!(600), json!("streaming"))), [(Level::Warning, "s1")]);
        assert_eq!(found_subjects(&with(json!(3_600), json!("streaming"))), [(Level::Critical, "s1")]);
        assert_eq!(with(Value::Null, Value::Null).kind(), CheckOutcomeKind::Unknown, "hidden from the role");
    }

    #[test]
    fn replication_lag_falls_back_to_history() {
        let behind = |before: u64, replayed: u64| {
            evaluate_check_after(
                "replication-lag",
                |value| value["wal_position"]["known"]["current_lsn"] = json!(lsn(before)),
                |value| {
                    let mut walsender = walsender(Value::Null, json!("streaming"));
                    walsender["replay_lsn"] = json!(lsn(replayed));
                    value["walsenders"] = json!({"known": [walsender]});
                    value["wal_position"]["known"]["current_lsn"] = json!(lsn(1 << 20));
                },
            )
        };
        assert_eq!(
            found_subjects(&behind(1 << 20, 1 << 19)),
            [(Level::Critical, "s1")],
            "it has not replayed WAL of one day ago"
        );
        assert_eq!(behind(1 << 20, 1 << 20).kind(), CheckOutcomeKind::Passed);
        let first = evaluate_check("replication-lag", |value| {
            value["walsenders"] = json!({"known": [walsender(Value::Null, json!("catchup"))]});
        });
        assert_eq!(first.kind(), CheckOutcomeKind::NotApplicable, "256 GB behind for an unknown time");
    }

    #[test]
    fn replication_lag_ignores_idle_primary() {
        let standby = |received: u64, delay: &str, is_streaming: Option<bool>, last: Option<i64>| {
            evaluate_check("replication-lag", |value| {
                value["server"]["in_recovery"] = json!(true);
                set_setting(value, "recovery_min_apply_delay", delay);
                value["standby_replay"] = json!({"known": {"receive_lsn": lsn(received), "replay_lsn": lsn(5),
                    "last_replayed_at": last.map(ago), "is_paused": false, "is_streaming": is_streaming}});
            })
        };
        let streaming = |received: u64, delay: &str| standby(received, delay, Some(true), Some(4_000));
        assert_eq!(streaming(5, "0").kind(), CheckOutcomeKind::Passed);
        assert_eq!(streaming(9, "4000000").kind(), CheckOutcomeKind::Passed, "the configured delay");
        assert_eq!(found_subjects(&streaming(9, "0")), [(Level::Critical, "this standby")]);
        let cut_off = |received: u64, last: Option<i64>| standby(received, "0", Some(false), last);
        assert_eq!(
            cut_off(5, Some(4_000)).kind(),
            CheckOutcomeKind::NotApplicable,
            "the primary may have written more"
        );
        assert_eq!(cut_off(5, None).kind(), CheckOutcomeKind::NotApplicable);
        assert_eq!(cut_off(5, Some(300)).kind(), CheckOutcomeKind::Passed, "WAL comes from an archive");
        assert_eq!(found_subjects(&cut_off(9, Some(4_000))), [(Level::Critical, "this standby")]);
        let hidden = |received: u64, last: i64| standby(received, "0", None, Some(last));
        assert_eq!(hidden(5, 4_000).kind(), CheckOutcomeKind::Unknown, "the status is hidden");
        assert_eq!(hidden(5, 300).kind(), CheckOutcomeKind::Passed, "it lags by five minutes at most");
        assert_eq!(found_subjects(&hidden(9, 4_000)), [(Level::Critical, "this standby")]);
    }
}
