//! What the indexes that nobody uses take, as one finding a database.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::of_databases,
    limits::{Bytes, GB, limits},
};
use crate::model::{IndexFinding, IndexJudgement, Level, Piece, Verdict, words};

limits! {
    /// Unused indexes that are safe to drop take so much together
    warning: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    for (contents, judged) in evidence.indexes() {
        let (count, bytes) = safe_to_drop(judged, IndexFinding::UnusedIndex);
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
                    " were never used, and take ",
                    Piece::Bytes(bytes.0)
                ],
                advice: words!["`pgtend indexes` shows the evidence for each"],
            });
        }
    }
    Ok(answer)
}

/// How many indexes with this finding are safe to drop, and their bytes.
pub(super) fn safe_to_drop(judged: &IndexJudgement, finding: IndexFinding) -> (u64, Bytes) {
    let these = judged.verdicts.iter();
    let these = these.filter(|one| one.verdict == Verdict::Drop && one.findings.contains(&finding));
    these.fold((0, Bytes(0)), |(count, bytes), one| (count + 1, Bytes(bytes.0 + one.gain.bytes)))
}
