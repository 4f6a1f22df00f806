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
        let is_written_anew = ["db/schema.rb:", "db/structure.sql:"].iter().any(|file| self.location.starts_with(file));
        match is_written_anew {
            true => "db:migrate writes that file anew",
            false => "delete it there, too, or it comes back",
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
        format!("Index {name} on {} goes.", qualified(&removal.schema, &removal.table)),
        format!("It is defined as: {}", removal.definition),
    ];
    let since = match (cleanup.observed_since, cleanup.observed_seconds) {
        (Some(since), Some(seconds)) => {
            format!("observed since {} ({})", since.strftime("%Y-%m-%d %H:%M:%SZ"), human_duration(seconds))
        }
        _ => "since when is not known".to_owned(),
    };
    lines.push(format!(
        "It has {}, and {}, {since}, on {}.",
        human_bytes(removal.size.bytes),
        format_counted(removal.idx_scan, "scan"),
        cleanup.nodes.join(", ")
    ));
    let findings: Vec<&str> = removal.verdict.findings.iter().map(|finding| finding_name(*finding)).collect();
    let confidence = match removal.verdict.confidence {
        Confidence::Proven => "proven by the catalog",
        Confidence::Likely => "likely, by counters, sizes or statistics",
    };
    let reasons: Vec<String> = removal.verdict.reasons.iter().map(describe_index_reason).collect();
    lines.push(format!(
        "Verdict {} ({confidence}), {}: {}.",
        removal.verdict.verdict.name(),
        findings.join(", "),
        reasons.join("; ")
    ));
    lines.push(match removal.verdict.covered_by.is_empty() {
        true => "Keeper: none; nothing is seen to need it.".to_owned(),
        false => format!("Keeper: {} does its work.", removal.verdict.covered_by.join(", ")),
    });
    lines.push(format!("Lock: {}.", describe_lock(removal.lock)));
    lines.push(format!("Way back: {}.", describe_rollback(removal)));
    if removal.lock == Lock::Concurrent {
        lines.push(
            "Timeouts come with the connection: statement_timeout 0, lock_timeout 30 s to 5 min \
             (PGOPTIONS, or options= in its URL)."
                .to_owned(),
        );
        lines.push(format!(
            "Stopped while it waits, the index is left invalid: run the same again, or take it back with \
             REINDEX INDEX CONCURRENTLY {name}."
        ));
        lines.push("The way back reads the table twice and waits for all older snapshots.".to_owned());
    } else {
        lines.push(
            "It gave up waiting for a lock? Nothing was done: run the same again when the table is calmer.".to_owned(),
        );
    }
    lines.push("Use was measured on one server; other environments may use the index.".to_owned());
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
