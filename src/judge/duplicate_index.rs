//! What indexes that do the same as another take, as one finding a database.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::of_databases,
    limits::{MB, limits},
    unused_index::safe_to_drop,
};
use crate::model::{IndexFinding, Level, Piece, words};

limits! {
    /// Duplicates that are safe to drop take so much together
    warning: Bytes = 100 * MB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    for (contents, judged) in evidence.indexes() {
        let (count, bytes) = safe_to_drop(judged, IndexFinding::DuplicateIndex);
        answer.watch(&contents.database, bytes.into(), limits.warning.into(), None);
        if bytes >= limits.warning {
            answer.find(Symptom {
                level: Level::Warning,
                subject: contents.database.clone(),
                measured: Some(bytes.into()),
                threshold: Some(limits.warning.into()),
                message: words![
                    Piece::Count(count),
                    " indexes of database ",
                    &contents.database,
                    " do what another does, and take ",
                    Piece::Bytes(bytes.0)
                ],
                advice: words!["`pgtend indexes` names the twin of each"],
            });
        }
    }
    Ok(answer)
}
