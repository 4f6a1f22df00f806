//! Whether there is room for another client.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Percent, limits},
};
use crate::model::{Piece, grant, words};

limits! {
    /// Clients take so much of the connections there are for them
    warning: Percent = 80.0;
    /// ... so much
    critical: Percent = 95.0;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let sessions = known(&evidence.snapshot.sessions)?;
    if !sessions.sees_all {
        let why = evidence.hidden("sessions", "the kinds of other sessions are hidden from this role");
        let grant = grant("pg_read_all_stats", &evidence.snapshot.server.role);
        return Err(Answer::cannot_tell(why.with_hint(Some(grant))));
    }
    evidence.setting("max_connections").map_err(Answer::cannot_tell)?;
    let reserved = ["superuser_reserved_connections", "reserved_connections"];
    let reserved: u64 = reserved.iter().filter_map(|name| evidence.number(name)).sum();
    let room = evidence.number("max_connections").unwrap_or(0).saturating_sub(reserved).max(1);
    let used = Percent(sessions.clients as f64 / room as f64 * 100.0);
    let mut answer = Answer::default();
    if let Some((level, threshold)) = answer.grade("max_connections", used, limits.warning, limits.critical) {
        answer.find(Symptom {
            level,
            subject: "max_connections".to_owned(),
            measured: Some(used.into()),
            threshold: Some(threshold),
            message: words![
                Piece::Count(sessions.clients),
                " of ",
                Piece::Count(room),
                " connections are taken (",
                Piece::Count(reserved),
                " more are reserved)"
            ],
            advice: words!["`select state, count(*) from pg_stat_activity group by 1` says who idles; put a pooler in between before raising max_connections"],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn what_is_reserved_is_no_room() {
        let with = |clients: u64| ask("connections", |it| it["sessions"]["known"]["clients"] = json!(clients));
        assert_eq!(with(77).kind(), Kind::Clear);
        assert_eq!(found(&with(78)), [(Level::Warning, "max_connections")], "of 97");
        assert_eq!(found(&with(93)), [(Level::Critical, "max_connections")]);
        let blind = ask("connections", |it| it["sessions"]["known"]["sees_all"] = json!(false));
        assert_eq!(blind.kind(), Kind::CannotTell);
    }
}
