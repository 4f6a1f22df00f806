//! Whether the server has read pages that are not what was written.

use super::{Answer, Evidence, Judged, Symptom, known, limits::limits};
use crate::model::{Level, Measure, Piece, words};
use jiff::Timestamp;

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let snapshot = evidence.snapshot;
    if evidence.setting("data_checksums").map_err(Answer::cannot_tell)?.setting == "off" {
        return Err(Answer::not_here("data checksums are off: nothing is noticed"));
    }
    let mut answer = Answer::default();
    for one in known(&snapshot.databases)? {
        let of = format!("database {}", one.database);
        answer.found.extend(wrong(&one.database, &of, one.checksum_failures, one.checksum_last_failure));
    }
    match snapshot.shared_checksums.as_result() {
        Ok(shared) => {
            let of = "the catalogs that all databases share";
            answer.found.extend(wrong(SHARED, of, shared.checksum_failures, shared.checksum_last_failure));
        }
        Err(why) => answer.missing(why),
    }
    Ok(answer)
}

/// What no database has for a name is called so.
const SHARED: &str = "shared catalogs";

fn wrong(subject: &str, of: &str, failures: Option<u64>, last: Option<Timestamp>) -> Option<Symptom> {
    let failures = failures.filter(|failures| *failures > 0)?;
    // A page is counted each time it is read.
    let mut message = words!["a page of ", of, " had a wrong checksum, "];
    message.append(match failures {
        1 => words!["once"],
        _ => words![Piece::Count(failures), " times"],
    });
    message.append(words![" since the statistics began"]);
    if let Some(at) = last {
        message.append(words![", the last at ", at]);
    }
    Some(Symptom {
        level: Level::Critical,
        subject: subject.to_owned(),
        measured: Some(Measure::Count(failures)),
        threshold: Some(Measure::Count(1)),
        message,
        advice: words![
            "the server's log names the blocks; look at the disk, take a backup beside the old ones, and move to a standby that is sound"
        ],
    })
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ago, ask, found, set},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn one_page_is_enough() {
        assert_eq!(ask("checksum-failures", |it| set(it, "data_checksums", "off")).kind(), Kind::NotApplicable);
        let one = ask("checksum-failures", |it| it["databases"]["known"][0]["checksum_failures"] = json!(1));
        assert_eq!(found(&one), [(Level::Critical, "shop")]);
    }

    #[test]
    fn the_shared_catalogs_are_looked_at_as_well() {
        let shared = |fact: Value| ask("checksum-failures", |it| it["shared_checksums"] = fact);
        let counted =
            |failures: u64| json!({"known": {"checksum_failures": failures, "checksum_last_failure": ago(9)}});
        assert_eq!(shared(counted(0)).kind(), Kind::Clear);
        assert_eq!(found(&shared(counted(3))), [(Level::Critical, "shared catalogs")]);
        let unread = shared(json!({"unavailable": {"fact": "x", "reason": "denied"}}));
        assert_eq!(unread.kind(), Kind::CannotTell);
    }
}
