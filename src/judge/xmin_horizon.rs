//! Who keeps VACUUM from removing dead rows.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::slots_why,
    known,
    limits::{Count, limits},
};
use crate::model::{Piece, Words, code_span, grant, quote_literal, words};

limits! {
    /// Dead rows are kept since so many transactions
    warning: Count = 50_000_000;
    /// ... so many
    critical: Count = 200_000_000;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let snapshot = evidence.snapshot;
    let role = &snapshot.server.role;
    let mut holders: Vec<(u64, String, Words, Words)> = Vec::new();
    match snapshot.sessions.as_result() {
        Ok(sessions) if !sessions.sees_all => {
            let why = evidence.hidden("sessions", "the transactions of others are hidden from this role");
            answer.missing(&why.with_hint(Some(grant("pg_read_all_stats", role))));
        }
        Ok(sessions) => {
            for session in &sessions.holders {
                let pid = session.pid.to_string();
                let who = session.role.as_deref().unwrap_or("nobody");
                let kind = session.backend_type.as_deref().unwrap_or("backend");
                let mut by = words!["the ", kind, " ", &pid, " of ", who];
                if let Some(at) = session.xact_start {
                    by.append(words![", in a transaction for ", Piece::Seconds(evidence.seconds_since(at))]);
                }
                let advice = match kind {
                    "walsender" => words!["a standby with hot_standby_feedback: look for a long query on it"],
                    _ => words!["end it: ", code_span(&format!("select pg_terminate_backend({pid})"))],
                };
                holders.push((session.holds_back(), format!("session {pid}"), by, advice));
            }
        }
        Err(why) => answer.missing(why),
    }
    match snapshot.prepared_transactions.as_result() {
        Ok(prepared) => holders.extend(prepared.iter().map(|one| {
            let by = words!["the prepared transaction ", &one.gid, " of ", &one.owner];
            let advice = words![
                "ask its transaction manager whether to commit it; else, in database ",
                &one.database,
                ", ",
                code_span(&format!("ROLLBACK PREPARED {}", quote_literal(&one.gid)))
            ];
            (u64::try_from(one.xid_age).unwrap_or(0), format!("prepared {}", one.gid), by, advice)
        })),
        Err(why) => answer.missing(why),
    }
    for slot in known(&snapshot.slots)?.iter().filter(|slot| !slot.is_lost()) {
        for (age, rows) in [(slot.xmin_age, "slot "), (slot.catalog_xmin_age, "slot (for catalogs alone) ")] {
            let Some(age) = age else { continue };
            let advice = words![slots_why(&slot.slot_name), " says whose it is"];
            holders.push((
                age.unsigned_abs(),
                format!("slot {}", slot.slot_name),
                words![rows, &slot.slot_name],
                advice,
            ));
        }
    }
    // The oldest decides; naming those behind it would be noise until it is gone.
    let oldest = holders.into_iter().min_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if let Some((age, subject, by, advice)) = oldest
        && let Some((level, threshold)) = answer.grade(&subject, Count(age), limits.warning, limits.critical)
    {
        let mut message = by;
        message.append(words![" keeps the dead rows of the last ", Piece::Count(age), " transactions from VACUUM"]);
        answer.find(Symptom {
            level,
            subject,
            measured: Some(Count(age).into()),
            threshold: Some(threshold),
            message,
            advice,
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, session, slot},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn the_oldest_of_all_holders_is_named_and_no_other() {
        let holding = |session_age: u64, slot_age: u64| {
            ask("xmin-horizon", |it| {
                let mut session = session(7, 60);
                session["xmin_age"] = json!(session_age);
                it["sessions"]["known"]["holders"] = json!([session]);
                let mut slot = slot(0, 0);
                slot["xmin_age"] = json!(slot_age);
                it["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(holding(49_999_999, 49_999_999).kind(), Kind::Clear);
        assert_eq!(found(&holding(50_000_000, 10)), [(Level::Warning, "session 7")]);
        assert_eq!(found(&holding(60_000_000, 200_000_000)), [(Level::Critical, "slot orders")]);
    }

    #[test]
    fn who_may_not_see_others_cannot_tell() {
        let answer = ask("xmin-horizon", |it| it["sessions"]["known"]["sees_all"] = json!(false));
        assert_eq!(answer.kind(), Kind::CannotTell);
    }
}
