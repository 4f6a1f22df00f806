//! Whether a replication slot keeps WAL for somebody who no longer comes.

use super::{
    Answer, Evidence, Judged, NotApplicable, Symptom,
    evidence::slots_why,
    limits::{DAY, GB, MB, limits},
    slot::{Judgement, Protection, Reason, Verdict},
};
use crate::model::{Level, words};

limits! {
    /// An unused slot is worth a warning after so long
    warning: Seconds = DAY;
    /// ... but not while it keeps less WAL than this
    minimum: Bytes = 64 * MB;
    /// An unused slot that keeps so much is worth a warning at once
    at_once: Bytes = 10 * GB;
    /// A slot that is proven stale is critical when it keeps so much
    critical: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let current = evidence.snapshot.current_lsn();
    for (slot, judgement) in evidence.slots().map_err(Answer::cannot_tell)? {
        if slot.temporary || judgement.protection == Some(Protection::Synced) {
            continue;
        }
        let held = current.zip(slot.holds_from()).map_or(0, |(now, from)| now.bytes_since(from));
        let idle = unused_seconds(judgement);
        let level = match judgement.verdict {
            Verdict::Stale if held >= limits.critical.0 => Level::Critical,
            Verdict::Stale => Level::Warning,
            Verdict::Inactive if held >= limits.at_once.0 => Level::Warning,
            Verdict::Inactive if held < limits.minimum.0 => continue,
            Verdict::Inactive => match idle {
                Some(seconds) if seconds >= limits.warning.0 => Level::Warning,
                Some(_) => continue,
                None => {
                    let why = words!["nobody uses slot ", &slot.slot_name, "; since when, later looks will tell"];
                    answer.not_applicable.push(NotApplicable::NotEnoughHistory(why));
                    continue;
                }
            },
            _ => continue,
        };
        let mut message = words!["slot ", &slot.slot_name];
        message.append(match judgement.verdict {
            Verdict::Stale => words![" is forgotten: nobody used it"],
            _ => words![": nobody uses it"],
        });
        if let Some(seconds) = idle {
            message.append(words![" for ", crate::model::Piece::Seconds(seconds)]);
        }
        message.append(words![", and it keeps ", crate::model::Piece::Bytes(held), " of WAL"]);
        if let Some(owner) = &judgement.owner {
            message.append(words![" (probably ", &owner.name, ")"]);
        }
        answer.find(Symptom {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(idle.map_or(crate::model::Measure::Bytes(held), crate::model::Measure::Seconds)),
            threshold: Some(if idle.is_some() { limits.warning.into() } else { limits.at_once.into() }),
            message,
            advice: words!["ask its owner; ", slots_why(&slot.slot_name), " has the evidence for a ticket"],
        });
    }
    Ok(answer)
}

/// For how long nobody is known to have used it.
fn unused_seconds(judgement: &Judgement) -> Option<u64> {
    let seconds = judgement.reasons.iter().filter_map(|reason| match reason {
        Reason::Idle { seconds, .. } | Reason::Unused { seconds, .. } => Some(*seconds),
        _ => None,
    });
    seconds.max()
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{DAY, ask, slot},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn a_slot_may_rest_for_a_day_or_keep_little() {
        for (idle, held) in [(DAY - 1, 5 << 30), (30 * DAY, 1 << 20), (DAY - 1, (10 << 30) - 1)] {
            let answer = ask("stale-slot", |it| it["slots"] = json!({"known": [slot(idle, held)]}));
            assert_eq!(answer.kind(), Kind::Clear, "{idle} {held}");
        }
        let before_17 = ask("stale-slot", |it| {
            let mut slot = slot(0, 1 << 30);
            slot["inactive_since"] = Value::Null;
            it["slots"] = json!({"known": [slot]});
        });
        assert_eq!(before_17.kind(), Kind::NotApplicable, "one look tells no time");
    }

    #[test]
    fn a_day_a_proof_and_ten_gigabytes_each_say_more() {
        let level = |idle, held| {
            let answer = ask("stale-slot", |it| it["slots"] = json!({"known": [slot(idle, held)]}));
            answer.found.first().map(|symptom| symptom.level)
        };
        assert_eq!(level(DAY, 64 << 20), Some(Level::Warning));
        assert_eq!(level(60, 10 << 30), Some(Level::Warning), "on the first night");
        assert_eq!(level(7 * DAY, 32 << 20), Some(Level::Warning));
        assert_eq!(level(7 * DAY, 1 << 30), Some(Level::Critical));
    }
}
