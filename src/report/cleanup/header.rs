//! Header of a migration: the evidence for later readers.

use super::{describe_lock, describe_rollback};
use crate::actions::index_migration::plan::{IndexCleanup, Lock, Removal};
use crate::analysis::index::{Confidence, IndexFinding};
use crate::quote::qualified;
use crate::render::{format_counted, human_bytes, human_duration};
use crate::report::indexes::describe::describe_index_reason;
use jiff::Timestamp;

/// A declaration in the project that would create the index again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recreation {
    /// Location as `path:line`.
    pub location: String,
    /// Whether it names the column and not the index.
    pub by_column: bool,
}

impl Recreation {
    /// Returns what prevents the declaration from creating the index again.
    pub fn remedy(&self) -> &'static str {
        // Rails writes them again after each migration.
        let is_generated = ["db/schema.rb:", "db/structure.sql:"].iter().any(|file| self.location.starts_with(file));
        match is_generated {
            true => "db:migrate regenerates that file",
            false => "delete it there, too, otherwise the index is created again",
        }
    }
}

/// Returns the lines of the comment. The first two are the same for every index, because some tools look for marks in
/// them.
pub fn migration_header(
    cleanup: &IndexCleanup,
    removal: &Removal,
    mentions: &[Recreation],
    written_at: Timestamp,
) -> Vec<String> {
    let name = qualified(&removal.schema, &removal.index);
    let mut lines = vec![
        format!("Written by pgtend {} at {}.", env!("CARGO_PKG_VERSION"), written_at.strftime("%Y-%m-%d %H:%M:%SZ")),
        String::new(),
        format!("Drops index {name} on {}.", qualified(&removal.schema, &removal.table)),
    ];
    if !removal.verdict.covered_by.is_empty() {
        lines.push(format!("Covered by: {}.", removal.verdict.covered_by.join(", ")));
    }
    let reasons: Vec<String> = removal.verdict.reasons.iter().map(describe_index_reason).collect();
    lines.push(format!("Evidence: {}.", reasons.join("; ")));
    lines.push(format!("Rollback: {}.", describe_rollback(removal)));
    let findings: Vec<&str> = removal.verdict.findings.iter().map(|finding| finding_name(*finding)).collect();
    let confidence = match removal.verdict.confidence {
        Confidence::Proven => "proven by the catalog",
        Confidence::Likely => "likely, from counters, sizes or statistics",
    };
    lines.push(format!("Verdict: {} ({confidence}); {}.", removal.verdict.verdict.name(), findings.join(", ")));
    let since = match (cleanup.observed_since, cleanup.observed_seconds) {
        (Some(since), Some(seconds)) => {
            format!("since {} ({})", since.strftime("%Y-%m-%d %H:%M:%SZ"), human_duration(seconds))
        }
        _ => "since an unknown time".to_owned(),
    };
    lines.push(format!(
        "Size: {}. Use: {} {since}, counted on {}.",
        human_bytes(removal.size.bytes),
        format_counted(removal.idx_scan, "scan"),
        cleanup.nodes.join(", ")
    ));
    lines.push(format!("Definition: {}", removal.definition));
    lines.push(format!("Lock: {}.", describe_lock(removal.lock)));
    if removal.lock == Lock::Concurrent {
        lines.push(
            "Set the timeouts in the connection: statement_timeout 0, lock_timeout 30 s to 5 min (PGOPTIONS, or \
             options= in its URL)."
                .to_owned(),
        );
        lines.push(format!(
            "A drop that is interrupted while it waits leaves the index invalid: run it again, or restore the index with \
             REINDEX INDEX CONCURRENTLY {name}."
        ));
        lines.push("The rollback scans the table twice and waits for older transactions.".to_owned());
    } else {
        lines.push("After a lock timeout nothing has changed: run it again when the table is less busy.".to_owned());
    }
    lines.push("Scans were counted on these servers only; other environments may use the index.".to_owned());
    for mention in mentions {
        let how = if mention.by_column { "declares it by its column" } else { "names it" };
        lines.push(format!("Declared: {} {how}; {}.", mention.location, mention.remedy()));
    }
    lines
}

fn finding_name(finding: IndexFinding) -> &'static str {
    match finding {
        IndexFinding::InvalidIndex => "invalid-index",
        IndexFinding::DuplicateIndex => "duplicate-index",
        IndexFinding::UnusedIndex => "unused-index",
        IndexFinding::RedundantIndex => "redundant-index",
        IndexFinding::RarelyUsedIndex => "rarely-used-index",
        IndexFinding::IndexBloat => "index-bloat",
    }
}
