//! Whether a session sits inside a transaction and does nothing, while others pay for it.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{MINUTE, Seconds, limits},
};
use crate::model::{Piece, grant, words};

limits! {
    /// A session has been idle in a transaction for so long, holding locks or a snapshot
    warning: Seconds = 10 * MINUTE;
    /// ... for so long
    critical: Seconds = 60 * MINUTE;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let sessions = known(&evidence.snapshot.sessions)?;
    if !sessions.sees_all {
        let why = evidence.hidden("sessions", "what other sessions do is hidden from this role");
        let grant = grant("pg_read_all_stats", &evidence.snapshot.server.role);
        return Err(Answer::cannot_tell(why.with_hint(Some(grant))));
    }
    let mut answer = Answer::default();
    for session in &sessions.idle_in_transaction {
        let holds = session.locks > 0 || session.xid_age.is_some() || session.xmin_age.is_some();
        let (true, Some(since)) = (holds, session.state_change) else { continue };
        let idle = Seconds(evidence.seconds_since(since));
        let pid = session.pid.to_string();
        let who = session.role.as_deref().unwrap_or("nobody");
        let place = session.database.as_deref().unwrap_or("no database");
        let Some((level, threshold)) = answer.grade(&pid, idle, limits.warning, limits.critical) else {
            continue;
        };
        // Tomorrow it is another process of the same program: the longest speaks for them.
        let subject = format!("{place}/{who}");
        if answer.found.iter().any(|symptom| symptom.subject == subject) {
            continue;
        }
        answer.find(Symptom {
            level,
            subject,
            measured: Some(idle.into()),
            threshold: Some(threshold),
            message: words![
                "session ",
                &pid,
                " of ",
                who,
                " in database ",
                place,
                " has been idle in a transaction for ",
                Piece::Seconds(idle.0),
                " and holds ",
                Piece::Count(session.locks),
                " locks"
            ],
            advice: words![
                "end it: `select pg_terminate_backend(",
                &pid,
                ")`; idle_in_transaction_session_timeout does so by itself"
            ],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, session},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn only_who_holds_something_is_named_and_a_role_once() {
        let idle = |sessions: Vec<Value>| {
            ask("idle-in-transaction", |it| it["sessions"]["known"]["idle_in_transaction"] = json!(sessions))
        };
        assert_eq!(idle(vec![session(7, 599)]).kind(), Kind::Clear);
        let mut harmless = session(7, 7_200);
        harmless
            .as_object_mut()
            .unwrap()
            .extend(json!({"locks": 0, "xid_age": null, "xmin_age": null}).as_object().unwrap().clone());
        assert_eq!(idle(vec![harmless]).kind(), Kind::Clear);
        assert_eq!(found(&idle(vec![session(7, 601), session(8, 600)])), [(Level::Warning, "shop/app")]);
        assert_eq!(found(&idle(vec![session(7, 3_600)])), [(Level::Critical, "shop/app")]);
    }
}
