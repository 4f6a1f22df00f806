//! Whether a sequence, or the column it fills, runs out of numbers.

use super::{
    Answer, Evidence, Judged, NotApplicable, Symptom,
    evidence::{of_databases, subject},
    limits::{Percent, limits},
};
use crate::model::{Piece, Unavailable, quote_identifier, words};

limits! {
    /// So much of its range is used
    warning: Percent = 75.0;
    /// ... so much
    critical: Percent = 90.0;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    for (contents, used) in of_databases(evidence.snapshot, |contents| &contents.sequence_use, &mut answer) {
        let database = &contents.database;
        let hidden = used.sequences.iter().filter(|one| !one.may_read).count();
        if hidden > 0 {
            // Beyond pg_monitor: nobody did anything wrong.
            answer.not_applicable.push(NotApplicable::NotHere(words![
                Piece::Count(hidden as u64),
                " sequences of database ",
                database,
                " may not be read by this role: GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO ",
                quote_identifier(&evidence.snapshot.server.role)
            ]));
        }
        if used.left_out > 0 {
            let reason = format!("in database {database}: {} more were not read", used.left_out);
            answer.missing(&Unavailable::because("sequence use", reason));
        }
        for one in &used.sequences {
            let Some(share) = one.used_percent().map(Percent) else { continue };
            let name = subject(database, &one.schema, &one.sequence);
            let Some((level, threshold)) = answer.grade(&name, share, limits.warning, limits.critical) else {
                continue;
            };
            let mut message = words!["sequence ", &name, " has used ", Piece::Percent(share.0), " of its numbers"];
            if let (Some(column), Some(column_type)) = (&one.column, &one.column_type) {
                message.append(words![" (column ", column, " is ", column_type, ")"]);
            }
            answer.find(Symptom {
                level,
                subject: name,
                measured: Some(share.into()),
                threshold: Some(threshold),
                message,
                advice: words![
                    "make the column bigint, and the sequence AS bigint, while there is time to do it slowly"
                ],
            });
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, sequence},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn the_share_of_the_range_decides_upwards_and_downwards() {
        let at = |change: Value| {
            ask("sequence-exhaustion", |it| {
                let mut one = sequence(1);
                one.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
                it["contents"][0]["sequence_use"]["known"]["sequences"] = json!([one]);
            })
        };
        assert_eq!(at(json!({"last_value": 1_600_000_000})).kind(), Kind::Clear);
        assert_eq!(at(json!({"last_value": null})).kind(), Kind::Clear, "never used");
        let name = "shop/public.orders_id_seq";
        assert_eq!(found(&at(json!({"last_value": 1_620_000_000}))), [(Level::Warning, name)]);
        assert_eq!(found(&at(json!({"last_value": i32::MAX}))), [(Level::Critical, name)]);
        assert_eq!(found(&at(json!({"first": -1, "last": -100, "last_value": -99}))), [(Level::Critical, name)]);
        assert_eq!(at(json!({"last_value": null, "may_read": false})).kind(), Kind::NotApplicable);
    }
}
