//! Whether the server has read pages that are not what was written.

use super::{Answer, Evidence, Judged, Symptom, known, limits::limits};
use crate::model::{Level, Measure, Piece, words};

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let snapshot = evidence.snapshot;
    if evidence.setting("data_checksums").map_err(Answer::cannot_tell)?.setting == "off" {
        return Err(Answer::not_here("data checksums are off: nothing is noticed"));
    }
    let mut answer = Answer::default();
    for database in known(&snapshot.databases)? {
        let Some(failures) = database.checksum_failures.filter(|failures| *failures > 0) else { continue };
        let mut message = words![
            Piece::Count(failures),
            if failures == 1 { " page of database " } else { " pages of database " },
            &database.database,
            " had a wrong checksum since the statistics began"
        ];
        if let Some(at) = database.checksum_last_failure {
            message.append(words![", the last at ", at]);
        }
        answer.find(Symptom {
            level: Level::Critical,
            subject: database.database.clone(),
            measured: Some(Measure::Count(failures)),
            threshold: Some(Measure::Count(1)),
            message,
            advice: words![
                "the server's log names the blocks; look at the disk, take a backup beside the old ones, and move to a standby that is sound"
            ],
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, set},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn one_page_is_enough() {
        assert_eq!(ask("checksum-failures", |it| set(it, "data_checksums", "off")).kind(), Kind::NotApplicable);
        let one = ask("checksum-failures", |it| it["databases"]["known"][0]["checksum_failures"] = json!(1));
        assert_eq!(found(&one), [(Level::Critical, "shop")]);
    }
}
