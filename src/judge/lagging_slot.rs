//! Whether a slot in use falls behind, or stands still.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::slots_why,
    limits::{Bytes, GB, limits},
    passed,
    slot::{Reason, Verdict},
};
use crate::model::{Level, Measure, Piece, WalStatus, words};

limits! {
    /// A slot whose consumer is so far behind
    warning: Bytes = 10 * GB;
    /// ... and so far
    critical: Bytes = 50 * GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let current = evidence.snapshot.current_lsn();
    for (slot, judgement) in evidence.slots().map_err(Answer::cannot_tell)? {
        if judgement.verdict != Verdict::Lagging {
            if slot.active && judgement.reasons.contains(&Reason::PositionUnknown) {
                answer.missing(&evidence.hidden("wal position", "the position of WAL is not known"));
            }
            continue;
        }
        let held = current.zip(slot.holds_from()).map_or(0, |(now, from)| now.bytes_since(from));
        let stuck = judgement.reasons.iter().find_map(|reason| match reason {
            Reason::Frozen { seconds, .. } => Some(words![
                " is in use but has not moved for ",
                Piece::Seconds(*seconds),
                ": its consumer connects and gets nowhere"
            ]),
            Reason::Visited { .. } => Some(words![" does not move: its consumer comes and reads nothing"]),
            _ => None,
        });
        let by_size = passed(Bytes(held), limits.warning, limits.critical).map(|(level, _)| level);
        // The next checkpoint may take what it needs.
        let nearly_lost = (slot.wal_status == Some(WalStatus::Unreserved)).then_some(Level::Critical);
        let Some(level) = stuck.as_ref().map(|_| Level::Warning).max(by_size).max(nearly_lost) else { continue };
        let mut message = words!["slot ", &slot.slot_name];
        message.append(stuck.unwrap_or_else(|| words![" is in use but falls behind"]));
        message.append(words!["; it keeps ", Piece::Bytes(held), " of WAL"]);
        if nearly_lost.is_some() {
            message.append(words![" and may be lost at the next checkpoint"]);
        }
        for reason in &judgement.reasons {
            match reason {
                Reason::PinnedByTransaction { pid, .. } => {
                    message.append(words!["; the open transaction of process ", pid.to_string(), " pins it"]);
                }
                Reason::PinnedByPrepared { gid, .. } => {
                    message.append(words!["; the prepared transaction ", gid, " pins it"]);
                }
                Reason::WaitsForStandby { standby_slot, .. } => {
                    message.append(words!["; it waits for the standby of slot ", standby_slot]);
                }
                _ => {}
            }
        }
        answer.find(Symptom {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(Measure::Bytes(held)),
            threshold: Some(if level == Level::Critical { limits.critical } else { limits.warning }.into()),
            message,
            advice: words!["look at its consumer; ", slots_why(&slot.slot_name), " says what pins it"],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{
        Kind,
        testing::{ask, found, slot},
    };
    use serde_json::json;

    fn behind(held: u64, status: &str) -> Answer {
        ask("lagging-slot", |it| {
            let mut slot = slot(0, held);
            slot["active"] = json!(true);
            slot["wal_status"] = json!(status);
            it["slots"] = json!({"known": [slot]});
        })
    }

    #[test]
    fn a_burst_is_no_lag_and_beyond_it_the_bytes_decide() {
        assert_eq!(behind(9 << 30, "extended").kind(), Kind::Clear);
        assert_eq!(behind(90 << 30, "reserved").kind(), Kind::Clear, "the server is content");
        assert_eq!(found(&behind(10 << 30, "extended")), [(Level::Warning, "orders")]);
        assert_eq!(found(&behind(50 << 30, "extended")), [(Level::Critical, "orders")]);
        assert_eq!(found(&behind(1 << 30, "unreserved")), [(Level::Critical, "orders")]);
    }
}
