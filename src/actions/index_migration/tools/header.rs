//! Header of every file, and how `pgtend indexes verify` finds it.

use super::{migration::MigrationPart, quote::format_comment};
use serde::{Deserialize, Serialize};

/// Index that a file concerns, as a line of its header names it, for `pgtend indexes verify`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndexMarker {
    /// Schema of the index.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Name of the index.
    pub index: String,
}

const MARKER_PREFIX: &str = "pgtend:index ";

/// Returns the line with the marker.
pub fn format_index_marker(index: &IndexMarker) -> String {
    // ASCII without control characters: JSON escapes all others, and the line must survive every editor.
    let json = serde_json::to_string(index).unwrap_or_default();
    let ascii: String = json
        .chars()
        .map(|c| match c {
            c if c.is_ascii() => c.to_string(),
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect();
    format!("{MARKER_PREFIX}{ascii}")
}

/// Returns the indexes that a file is marked with.
pub fn parse_index_markers(text: &str) -> Vec<IndexMarker> {
    let of_line = |line: &str| {
        let (before, json) = line.split_once(MARKER_PREFIX)?;
        // Only after the marks of a comment.
        let is_comment = before.chars().all(|c| matches!(c, '-' | '#' | '/' | ' '));
        is_comment.then(|| serde_json::from_str(json.trim_end()).ok())?
    };
    text.lines().filter_map(of_line).collect()
}

/// Rules of squawk that a SQL file cannot follow. Timeouts come with the connection; the root of a partitioned index is
/// built ON ONLY its table, which takes no time; ALTER TABLE has no IF NOT EXISTS, and can be repeated.
const SQUAWK_IGNORED_RULES: &str = "squawk-ignore-file require-lock-timeout, require-statement-timeout";
const SQUAWK_RULE_ON_ONLY: &str = ", require-concurrent-index-creation";
const SQUAWK_RULE_ALTER_TABLE: &str = ", prefer-robust-stmts";

/// Returns the header of a SQL file.
pub fn sql_header(header: &[String], statements: &str) -> String {
    let only = if statements.contains(" ON ONLY ") { SQUAWK_RULE_ON_ONLY } else { "" };
    let marks = if statements.contains("ALTER TABLE ") { SQUAWK_RULE_ALTER_TABLE } else { "" };
    format!("-- {SQUAWK_IGNORED_RULES}{only}{marks}\n{}", format_comment("--", header))
}

/// Adds which part of the rollback a file has, when there are several.
pub fn part_header(header: &[String], part: &MigrationPart<'_>) -> Vec<String> {
    let mut lines = header.to_vec();
    if let (number, count @ 2..) = part.position {
        let position = lines.len().saturating_sub(1);
        let what = if part.up.is_some() { "the drop" } else { "a step of the rollback only" };
        lines.insert(
            position,
            format!("Migration {number} of {count} for this index: {what}. Roll back all {count} of them, not some."),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn index_marker_roundtrips(schema in any::<String>(), table in any::<String>(), index in any::<String>()) {
            let index_marker = IndexMarker { schema, table, index };
            for mark in ["--", "#", "//"] {
                let text = format!("x\n{}y\n", format_comment(mark, &[format_index_marker(&index_marker)]));
                prop_assert_eq!(parse_index_markers(&text), vec![index_marker.clone()]);
            }
        }
    }

    #[test]
    fn index_marker_must_be_in_comment() {
        assert_eq!(parse_index_markers("select 'pgtend:index {\"schema\":\"a\",\"table\":\"b\",\"index\":\"c\"}'"), []);
        assert_eq!(parse_index_markers("-- pgtend:index nonsense"), []);
    }
}
