//! `pgtend history record`: what was written.

use crate::{
    model::past::Lineage,
    render::{Document, human_count},
    report::Report,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct RecordedReport {
    recorded: Recorded,
}

#[derive(Debug, Serialize)]
struct Recorded {
    cluster: String,
    /// The first sample of its line.
    is_first: bool,
    /// The very same look was recorded before.
    was_known: bool,
    relations: u64,
    /// New, changed or gone.
    changed: u64,
    history: String,
}

impl RecordedReport {
    pub fn of(
        lineage: &Lineage,
        (is_first, was_known): (bool, bool),
        (relations, changed): (u64, u64),
        history: String,
    ) -> RecordedReport {
        let cluster = lineage.name();
        RecordedReport { recorded: Recorded { cluster, is_first, was_known, relations, changed, history } }
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let Recorded { cluster, is_first, was_known, relations, changed, history } = &self.recorded;
        if *was_known {
            return format!("{cluster}: this very look is in {history} already\n");
        }
        let (first, relations, changed) =
            (if *is_first { ", the first sample" } else { "" }, human_count(*relations), human_count(*changed));
        format!(
            "{cluster}: recorded in {history}{first}; {relations} relations, {changed} of them new, changed or gone\n"
        )
    }
}

impl Report for RecordedReport {
    const COMMAND: &'static str = "history record";

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(self.line().trim_end());
        document
    }
}
