//! `pgtend history record`: what was written.

use crate::facts::history::ClusterBranch;
use crate::render::{Document, human_count};
use crate::report::Report;
use serde::Serialize;

/// Report of `pgtend history record`.
#[derive(Debug, Serialize)]
pub struct RecordReport {
    recorded: Recorded,
}

#[derive(Debug, Serialize)]
struct Recorded {
    cluster: String,
    /// Whether it is the first sample of its cluster branch.
    is_first: bool,
    /// Whether there are samples of a server with the same system identifier that is not known to be this one.
    has_other_branches: bool,
    /// Whether this snapshot was recorded before.
    was_known: bool,
    relations: u64,
    /// Number of relations that are new, changed or gone.
    changed: u64,
    history: String,
}

impl RecordReport {
    /// Builds the report of a recorded sample; `history` names the store.
    pub fn new(
        branch: &ClusterBranch,
        (is_first, was_known): (bool, bool),
        (relations, changed): (u64, u64),
        history: String,
    ) -> RecordReport {
        let (cluster, is_beside_others) = (branch.name(), branch.branch > 1);
        let recorded = Recorded {
            cluster,
            is_first,
            has_other_branches: is_beside_others,
            was_known,
            relations,
            changed,
            history,
        };
        RecordReport { recorded }
    }

    /// Returns the report as one line.
    pub fn summary_line(&self) -> String {
        let Recorded {
            cluster,
            is_first,
            has_other_branches: is_beside_others,
            was_known,
            relations,
            changed,
            history,
        } = &self.recorded;
        if *was_known {
            return format!("{cluster}: this very look is in {history} already\n");
        }
        let first = match (is_first, is_beside_others) {
            (true, true) => ", the first sample of its line: nothing proves it to be a server of an earlier one",
            (true, false) => ", the first sample",
            _ => "",
        };
        let (relations, changed) = (human_count(*relations), human_count(*changed));
        format!(
            "{cluster}: recorded in {history}{first}; {relations} relations, {changed} of them new, changed or gone\n"
        )
    }
}

impl Report for RecordReport {
    const COMMAND: &'static str = "history record";

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(self.summary_line().trim_end());
        document
    }
}
