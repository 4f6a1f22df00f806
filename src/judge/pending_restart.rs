//! Whether settings were changed that only a restart brings into force.

use super::{Answer, Evidence, Judged, Symptom, known, limits::limits};
use crate::model::{Level, Measure, Piece, words};

limits! {}

/// So many are named.
const NAMED: usize = 5;

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let waiting = known(&evidence.snapshot.pending_restart)?;
    let mut answer = Answer::default();
    if waiting.is_empty() {
        return Ok(answer);
    }
    let count = waiting.len() as u64;
    let names: Vec<&str> = waiting.iter().take(NAMED).map(|one| one.name.as_str()).collect();
    answer.find(Symptom {
        level: Level::Warning,
        subject: "settings".to_owned(),
        measured: Some(Measure::Count(count)),
        threshold: Some(Measure::Count(1)),
        message: words![
            Piece::Count(count),
            if count == 1 { " setting was changed and waits" } else { " settings were changed and wait" },
            " for a restart: ",
            names.join(", "),
            if waiting.len() > NAMED { ", …" } else { "" }
        ],
        advice: words![
            "plan the restart, or take the change back: the next crash is a restart, too, and brings them all at once"
        ],
    });
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn whatever_waits_is_told_once_and_what_was_not_read_is_not_clear() {
        let with = |waiting: Value| ask("pending-restart", |it| it["pending_restart"] = waiting);
        assert_eq!(with(json!({"known": []})).kind(), Kind::Clear);
        let two = with(json!({"known": [{"name": "max_connections"}, {"name": "wal_level"}]}));
        assert_eq!(found(&two), [(Level::Warning, "settings")]);
        let unread = with(json!({"unavailable": {"fact": "pending restart", "reason": "denied"}}));
        assert_eq!(unread.kind(), Kind::CannotTell);
    }
}
