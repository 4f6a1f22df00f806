//! Indexes that are safe to drop, as one finding a database: the sum is what is worth a deployment.

use super::{Answer, Evidence, Judged, Symptom, evidence::of_databases, limits::Bytes};
use crate::model::{IndexFinding, IndexJudgement, Level, Piece, Verdict, words};

/// What is told where those with this finding take `warning` together.
pub(super) fn judge(
    evidence: &Evidence<'_>,
    finding: IndexFinding,
    warning: Bytes,
    what: &'static str,
    advice: &'static str,
) -> Judged {
    let mut answer = Answer::default();
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    for (contents, judged) in evidence.indexes() {
        let (count, bytes) = safe_to_drop(judged, finding);
        answer.watch(&contents.database, bytes.into(), warning.into(), None);
        if bytes >= warning {
            let of = if count == 1 { " index of database " } else { " indexes of database " };
            answer.find(Symptom {
                level: Level::Warning,
                subject: contents.database.clone(),
                measured: Some(bytes.into()),
                threshold: Some(warning.into()),
                message: words![
                    Piece::Count(count),
                    of,
                    &contents.database,
                    what,
                    Piece::Bytes(bytes.0),
                    if count == 1 { "" } else { " together" }
                ],
                advice: words![advice],
            });
        }
    }
    Ok(answer)
}

/// How many indexes with this finding are safe to drop, and their bytes.
fn safe_to_drop(judged: &IndexJudgement, finding: IndexFinding) -> (u64, Bytes) {
    let these = judged.verdicts.iter();
    let these = these.filter(|one| one.verdict == Verdict::Drop && one.findings.contains(&finding));
    these.fold((0, Bytes(0)), |(count, bytes), one| (count + 1, Bytes(bytes.0 + one.gain.bytes)))
}
