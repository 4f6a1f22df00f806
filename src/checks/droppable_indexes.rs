//! Indexes that are safe to drop, as one finding per database with the sum of their sizes.

use super::{CheckOutcome, Evaluation, Evidence, RuleFinding, evidence::collect_database_facts, thresholds::Bytes};
use crate::analysis::index::{IndexAssessment, IndexFinding, Verdict};
use crate::facts::Level;
use crate::message::{Fragment, message};

/// Evaluates the droppable indexes with this finding. A database is reported when their sum reaches `warning`; `kind`
/// precedes the noun in the message.
pub(super) fn evaluate_droppable_indexes(
    evidence: &Evidence<'_>,
    finding: IndexFinding,
    warning: Bytes,
    kind: &'static str,
    advice: &'static str,
) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    for (db, assessment) in evidence.assessed_indexes() {
        let (count, bytes) = sum_droppable(assessment, finding);
        outcome.record_reading(&db.database, bytes.into(), warning.into(), None);
        if bytes >= warning {
            let noun = if count == 1 { "index of database " } else { "indexes of database " };
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                subject: db.database.clone(),
                measured: Some(bytes.into()),
                threshold: Some(warning.into()),
                message: message![
                    Fragment::Count(count),
                    " ",
                    kind,
                    noun,
                    &db.database,
                    " can be dropped: ",
                    Fragment::Bytes(bytes.0),
                    if count == 1 { "" } else { " in total" }
                ],
                advice: message![advice],
            });
        }
    }
    Ok(outcome)
}

/// Returns the number of indexes with this finding that are safe to drop, and their bytes.
fn sum_droppable(assessment: &IndexAssessment, finding: IndexFinding) -> (u64, Bytes) {
    let verdicts = assessment.verdicts.iter();
    let droppable = verdicts
        .filter(|index_verdict| index_verdict.verdict == Verdict::Drop && index_verdict.findings.contains(&finding));
    droppable
        .fold((0, Bytes(0)), |(count, bytes), index_verdict| (count + 1, Bytes(bytes.0 + index_verdict.gain.bytes)))
}
