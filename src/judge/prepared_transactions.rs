//! Whether a prepared transaction was forgotten.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{HOUR, MINUTE, Seconds, limits},
};
use crate::model::{Piece, code_span, quote_literal, words};

limits! {
    /// A transaction has been prepared for so long
    warning: Seconds = 5 * MINUTE;
    /// ... for so long
    critical: Seconds = HOUR;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    for one in known(&evidence.snapshot.prepared_transactions)? {
        let age = Seconds(evidence.seconds_since(one.prepared));
        let Some((level, threshold)) = answer.grade(&one.gid, age, limits.warning, limits.critical) else {
            continue;
        };
        answer.find(Symptom {
            level,
            subject: format!("{}/{}", one.database, one.gid),
            measured: Some(age.into()),
            threshold: Some(threshold),
            message: words![
                "transaction ",
                &one.gid,
                " of ",
                &one.owner,
                " has been prepared for ",
                Piece::Seconds(age.0),
                ": it keeps its locks, and dead rows from VACUUM, even over a restart"
            ],
            advice: words![
                "ask its transaction manager whether to commit it; else, in database ",
                &one.database,
                ", ",
                code_span(&format!("ROLLBACK PREPARED {}", quote_literal(&one.gid)))
            ],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ago, ask, found},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn minutes_are_too_long() {
        let prepared = |seconds: i64| {
            ask("prepared-transactions", |it| {
                it["prepared_transactions"] = json!({"known": [{"gid": "g", "database": "shop", "owner": "app",
                                                                "prepared": ago(seconds), "xid_age": 5}]});
            })
        };
        assert_eq!(prepared(299).kind(), Kind::Clear);
        assert_eq!(found(&prepared(300)), [(Level::Warning, "shop/g")]);
        assert_eq!(found(&prepared(3_600)), [(Level::Critical, "shop/g")]);
    }
}
