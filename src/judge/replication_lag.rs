//! How far standbys are behind.

use super::{
    Answer, Evidence, Judged, NotApplicable, Symptom, known,
    limits::{GB, HOUR, MINUTE, Seconds, limits},
};
use crate::model::{Level, Measure, Piece, SlotType, Snapshot, Walsender, Words, grant, words};

limits! {
    /// A standby is so far behind
    warning: Seconds = 10 * MINUTE;
    /// ... so far
    critical: Seconds = HOUR;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    if evidence.snapshot.server.in_recovery {
        as_standby(evidence, limits, &mut answer)?;
    }
    for walsender in known(&evidence.snapshot.walsenders)? {
        if is_logical(walsender, evidence.snapshot) {
            continue;
        }
        if walsender.state.is_none() {
            let why = evidence.hidden("walsenders", "the state of replication is hidden from this role");
            answer.missing(&why.with_hint(Some(grant("pg_read_all_stats", &evidence.snapshot.server.role))));
            continue;
        }
        // A base backup replays nothing.
        if walsender.state.as_deref() == Some("backup") {
            continue;
        }
        let name = walsender.application_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("unnamed");
        let behind = evidence.snapshot.current_lsn().zip(walsender.replay_lsn).map(|(now, at)| now.bytes_since(at));
        let told = walsender.replay_lag_seconds.and_then(|lag| u64::try_from(lag).ok());
        let proven = not_replayed_since(evidence, walsender);
        if told.is_none() && proven.is_none() && behind.is_some_and(|bytes| bytes >= GB) {
            let bytes = Piece::Bytes(behind.unwrap_or(0));
            let why =
                words!["standby ", name, " is ", bytes, " of WAL behind; how long that is, the next look will tell"];
            answer.not_applicable.push(NotApplicable::NotEnoughHistory(why));
            continue;
        }
        let lag = Seconds(told.max(proven).unwrap_or(0));
        let Some(passed) = answer.grade(name, lag, limits.warning, limits.critical) else {
            continue;
        };
        let mut message = words!["standby ", name, " is ", Piece::Seconds(lag.0), " behind"];
        if let Some(bytes) = behind {
            message.append(words![" (", Piece::Bytes(bytes), " of WAL)"]);
        }
        answer.find(symptom(passed, name, lag, message));
    }
    Ok(answer)
}

/// For how long at least it lacks what was there at the look before. The server measures only while something new is
/// replayed: of a standby that is paused on a quiet primary, or has just come back, its figure is old or null.
fn not_replayed_since(evidence: &Evidence<'_>, walsender: &Walsender) -> Option<u64> {
    let before = evidence.before()?;
    (walsender.replay_lsn? < before.current_lsn?).then(|| evidence.seconds_since(before.collected_at))
}

fn symptom((level, threshold): (Level, Measure), subject: &str, lag: Seconds, message: Words) -> Symptom {
    Symptom {
        level,
        subject: subject.to_owned(),
        measured: Some(lag.into()),
        threshold: Some(threshold),
        message,
        advice: words!["look for a long query that replay waits for, for its disk, and for the line between the two"],
    }
}

/// A consumer of changes; `lagging-slot` judges those.
fn is_logical(walsender: &Walsender, snapshot: &Snapshot) -> bool {
    let slots = snapshot.slots.known();
    slots.is_some_and(|slots| {
        slots.iter().any(|slot| slot.active_pid == Some(walsender.pid) && slot.slot_type == SlotType::Logical)
    })
}

/// By the standby's own account. Behind is only who has WAL that it has not replayed: on a quiet primary the last commit
/// grows old by itself. Who gets none cannot know.
fn as_standby(evidence: &Evidence<'_>, limits: &Limits, answer: &mut Answer) -> Result<(), Box<Answer>> {
    let replay = known(&evidence.snapshot.standby_replay)?;
    let meant = evidence.number("recovery_min_apply_delay").unwrap_or(0) / 1_000;
    let has_more = replay.receive_lsn.zip(replay.replay_lsn).is_some_and(|(received, replayed)| received > replayed);
    let age = replay.last_replayed_at.map(|last| evidence.seconds_since(last).saturating_sub(meant));
    if !has_more && !replay.is_streaming && age.is_none_or(|age| Seconds(age) >= limits.warning) {
        let mut why = words!["no WAL receiver runs on this standby, and all it has is replayed"];
        if let Some(age) = age {
            why.append(words![", the last commit of ", Piece::Seconds(age), " ago"]);
        }
        why.append(words![": whether its primary has gone on, only that knows"]);
        answer.not_applicable.push(NotApplicable::NotHere(why));
        return Ok(());
    }
    let Some(age) = age else { return Ok(()) };
    let lag = Seconds(if has_more { age } else { 0 });
    if let Some(passed) = answer.grade("this standby", lag, limits.warning, limits.critical) {
        let why = if replay.is_paused == Some(true) { ": replay is paused" } else { "" };
        let message = words!["this standby is ", Piece::Seconds(lag.0), " behind", why];
        answer.find(symptom(passed, "this standby", lag, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ago, ask, ask_after, found, lsn, set},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    fn walsender(lag: Value, state: Value) -> Value {
        json!({"pid": 5, "application_name": "s1", "role": "r", "client_addr": null, "backend_start": null,
               "state": state, "sent_lsn": null, "flush_lsn": null, "replay_lsn": lsn(0), "replay_lag_seconds": lag})
    }

    #[test]
    fn a_standby_is_judged_by_its_replay() {
        let with = |lag: Value, state: Value| {
            ask("replication-lag", |it| it["walsenders"] = json!({"known": [walsender(lag, state)]}))
        };
        assert_eq!(with(json!(0), json!("streaming")).kind(), Kind::Clear);
        assert_eq!(with(json!(599), json!("streaming")).kind(), Kind::Clear);
        assert_eq!(with(json!(9_999), json!("backup")).kind(), Kind::Clear);
        assert_eq!(found(&with(json!(600), json!("streaming"))), [(Level::Warning, "s1")]);
        assert_eq!(found(&with(json!(3_600), json!("streaming"))), [(Level::Critical, "s1")]);
        assert_eq!(with(Value::Null, Value::Null).kind(), Kind::CannotTell, "hidden from the role");
    }

    #[test]
    fn what_the_server_does_not_measure_the_look_before_tells() {
        let behind = |before: u64, at: u64| {
            ask_after(
                "replication-lag",
                |it| it["wal_position"]["known"]["current_lsn"] = json!(lsn(before)),
                |it| {
                    let mut one = walsender(Value::Null, json!("streaming"));
                    one["replay_lsn"] = json!(lsn(at));
                    it["walsenders"] = json!({"known": [one]});
                    it["wal_position"]["known"]["current_lsn"] = json!(lsn(1 << 20));
                },
            )
        };
        assert_eq!(found(&behind(1 << 20, 1 << 19)), [(Level::Critical, "s1")], "it lacks what was there a day ago");
        assert_eq!(behind(1 << 20, 1 << 20).kind(), Kind::Clear);
        let first = ask("replication-lag", |it| {
            it["walsenders"] = json!({"known": [walsender(Value::Null, json!("catchup"))]});
        });
        assert_eq!(first.kind(), Kind::NotApplicable, "256 GB behind, and for how long nobody knows yet");
    }

    #[test]
    fn a_standby_of_a_quiet_primary_is_not_behind() {
        let standby = |received: u64, delay: &str, is_streaming: bool, last: Option<i64>| {
            ask("replication-lag", |it| {
                it["server"]["in_recovery"] = json!(true);
                set(it, "recovery_min_apply_delay", delay);
                it["standby_replay"] = json!({"known": {"receive_lsn": lsn(received), "replay_lsn": lsn(5),
                    "last_replayed_at": last.map(ago), "is_paused": false, "is_streaming": is_streaming}});
            })
        };
        let streaming = |received: u64, delay: &str| standby(received, delay, true, Some(4_000));
        assert_eq!(streaming(5, "0").kind(), Kind::Clear);
        assert_eq!(streaming(9, "4000000").kind(), Kind::Clear, "as it was meant");
        assert_eq!(found(&streaming(9, "0")), [(Level::Critical, "this standby")]);
        let cut_off = |received: u64, last: Option<i64>| standby(received, "0", false, last);
        assert_eq!(cut_off(5, Some(4_000)).kind(), Kind::NotApplicable, "the primary may have gone on");
        assert_eq!(cut_off(5, None).kind(), Kind::NotApplicable);
        assert_eq!(cut_off(5, Some(300)).kind(), Kind::Clear, "an archive brings it on");
        assert_eq!(found(&cut_off(9, Some(4_000))), [(Level::Critical, "this standby")]);
    }
}
