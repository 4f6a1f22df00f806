//! `pgtend history prune`: what was deleted.

use crate::render::{Document, format_counted, human_bytes};
use crate::report::Report;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend history prune`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PruneReport {
    pruned: Pruned,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pruned {
    samples_pruned: u64,
    samples_kept: u64,
    /// Size of the store before.
    bytes_before: u64,
    /// Size of the store after.
    bytes_after: u64,
}

impl PruneReport {
    /// Builds the report of the numbers of samples, deleted and kept, and of the sizes of the store, before and after.
    pub fn new((samples_pruned, samples_kept): (u64, u64), (bytes_before, bytes_after): (u64, u64)) -> PruneReport {
        PruneReport { pruned: Pruned { samples_pruned, samples_kept, bytes_before, bytes_after } }
    }

    /// Returns the report as one line.
    pub fn summary_line(&self) -> String {
        let Pruned { samples_pruned, samples_kept, bytes_before, bytes_after } = &self.pruned;
        format!(
            "{} pruned, {samples_kept} kept; {} → {}\n",
            format_counted(*samples_pruned, "sample"),
            human_bytes(*bytes_before),
            human_bytes(*bytes_after)
        )
    }
}

impl Report for PruneReport {
    const COMMAND: &'static str = "history prune";

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(self.summary_line().trim_end());
        document
    }
}
