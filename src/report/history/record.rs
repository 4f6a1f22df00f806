//! `pgtend history record`: the recorded sample.

use crate::facts::history::ClusterBranch;
use crate::render::{Document, format_counted, human_count};
use crate::report::Report;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend history record`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordReport {
    recorded: Recorded,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Recorded {
    cluster: String,
    /// Whether it is the first sample of its cluster branch.
    is_first: bool,
    /// Whether there are samples of a server with the same system identifier that is not known to be this one.
    has_other_branches: bool,
    /// Whether this snapshot was recorded before.
    was_known: bool,
    relations: u64,
    /// Number of relations that are new, changed or dropped.
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
        let (cluster, has_other_branches) = (branch.name(), branch.branch > 1);
        let recorded = Recorded { cluster, is_first, has_other_branches, was_known, relations, changed, history };
        RecordReport { recorded }
    }

    /// Returns the report as one line.
    pub fn summary_line(&self) -> String {
        let Recorded { cluster, is_first, has_other_branches, was_known, relations, changed, history } = &self.recorded;
        if *was_known {
            return format!("{cluster}: this snapshot is already recorded in {history}\n");
        }
        let first = match (is_first, has_other_branches) {
            (true, true) => " as the first sample of a new cluster branch: it is not proven to be a known server",
            (true, false) => " as the first sample",
            _ => "",
        };
        let (relations, changed) = (format_counted(*relations, "relation"), human_count(*changed));
        format!("{cluster}: recorded in {history}{first}; {relations}, of which {changed} new, changed or dropped\n")
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
