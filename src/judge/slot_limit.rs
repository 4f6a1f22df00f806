//! Whether a slot is about to pass its limit, or there is no room for another.

use super::{
    Answer, Evidence, Judged, Symptom,
    limits::{Percent, limits},
};
use crate::model::{Level, Measure, Piece, words};

limits! {
    /// A slot that has used up so much of max_slot_wal_keep_size
    warning: Percent = 75.0;
    /// ... and so much
    critical: Percent = 90.0;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let settings = evidence.snapshot.settings.known();
    let limit = settings.and_then(|settings| settings.bytes("max_slot_wal_keep_size"));
    let mut slots = 0;
    for (slot, _) in evidence.slots().map_err(Answer::cannot_tell)? {
        slots += 1;
        let (Some(limit), Some(left)) = (limit.filter(|limit| *limit > 0), slot.safe_wal_size) else { continue };
        if slot.is_lost() || slot.holds_from().is_none() {
            continue;
        }
        let left = u64::try_from(left).unwrap_or(0);
        // A slot that keeps nothing has a little more than the limit left.
        let used = Percent((1.0 - left as f64 / limit as f64).clamp(0.0, 1.0) * 100.0);
        let Some((level, threshold)) = answer.grade(&slot.slot_name, used, limits.warning, limits.critical) else {
            continue;
        };
        answer.find(Symptom {
            level,
            subject: slot.slot_name.clone(),
            measured: Some(used.into()),
            threshold: Some(threshold),
            message: words![
                "slot ",
                &slot.slot_name,
                " is lost after ",
                Piece::Bytes(left),
                " more of WAL (max_slot_wal_keep_size)"
            ],
            advice: words![
                "bring its consumer back, or raise max_slot_wal_keep_size (a reload is enough) while the disk allows it"
            ],
        });
    }
    // What nobody uses at all is nobody's limit.
    if let Some(most) = evidence.number("max_replication_slots").filter(|most| slots > 0 && slots >= *most) {
        answer.find(Symptom {
            level: Level::Warning,
            subject: "max_replication_slots".to_owned(),
            measured: Some(Measure::Count(slots)),
            threshold: Some(Measure::Count(most)),
            message: words![
                "all ",
                Piece::Count(most),
                " replication slots are taken: a new standby or consumer is refused"
            ],
            advice: words!["drop the slots nobody uses (`pgtend slots`), or raise max_replication_slots and restart"],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, set, slot},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn what_is_left_of_the_limit_decides() {
        let left = |percent: i64| {
            ask("slot-limit", |it| {
                set(it, "max_slot_wal_keep_size", "102400");
                let mut slot = slot(0, 1 << 30);
                slot["safe_wal_size"] = json!(percent << 30);
                it["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(left(26).kind(), Kind::Clear);
        assert_eq!(found(&left(25)), [(Level::Warning, "orders")]);
        assert_eq!(found(&left(10)), [(Level::Critical, "orders")]);
        assert_eq!(found(&left(-1)), [(Level::Critical, "orders")]);
    }

    #[test]
    fn the_last_slot_taken_is_told() {
        let with = |slots: usize| {
            ask("slot-limit", |it| {
                set(it, "max_replication_slots", "2");
                it["slots"] = json!({"known": vec![slot(0, 0); slots]});
            })
        };
        assert_eq!((with(0).kind(), with(1).kind()), (Kind::Clear, Kind::Clear));
        assert_eq!(found(&with(2)), [(Level::Warning, "max_replication_slots")]);
    }
}
