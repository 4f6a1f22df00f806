//! What stands in front of every file, and how it is found again.

use super::{migration::Piece, quote::comment};
use serde::{Deserialize, Serialize};

/// The index a file is about, as a line of its header says it: for `pgtend indexes verify`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Marked {
    pub schema: String,
    pub table: String,
    pub index: String,
}

const MARK: &str = "pgtend:index ";

/// The line.
pub fn marker(index: &Marked) -> String {
    // ASCII only, and no control character: JSON escapes them, and this line must survive every editor.
    let json = serde_json::to_string(index).unwrap_or_default();
    let ascii: String = json
        .chars()
        .map(|c| match c {
            c if c.is_ascii() => c.to_string(),
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect();
    format!("{MARK}{ascii}")
}

/// The indexes a file is marked with.
pub fn marked(text: &str) -> Vec<Marked> {
    let of_line = |line: &str| {
        let (before, json) = line.split_once(MARK)?;
        // Behind the marks of a comment, and nothing else.
        let is_comment = before.chars().all(|c| matches!(c, '-' | '#' | '/' | ' '));
        is_comment.then(|| serde_json::from_str(json.trim_end()).ok())?
    };
    text.lines().filter_map(of_line).collect()
}

/// The rules of squawk that a file of SQL cannot keep: its timeouts come with the connection; the root of a partitioned
/// index is built ON ONLY its table, which is at once; and ALTER TABLE has no IF NOT EXISTS, but marks as often as it is
/// run.
const RULES: &str = "squawk-ignore-file require-lock-timeout, require-statement-timeout";
const RULE_OF_ONLY: &str = ", require-concurrent-index-creation";
const RULE_OF_MARKS: &str = ", prefer-robust-stmts";

/// The header of a file of SQL.
pub fn sql_header(header: &[String], statements: &str) -> String {
    let only = if statements.contains(" ON ONLY ") { RULE_OF_ONLY } else { "" };
    let marks = if statements.contains("ALTER TABLE ") { RULE_OF_MARKS } else { "" };
    format!("-- {RULES}{only}{marks}\n{}", comment("--", header))
}

/// Says which part of the way back a file holds, where it takes several.
pub fn of_piece(header: &[String], piece: &Piece<'_>) -> Vec<String> {
    let mut lines = header.to_vec();
    if let (number, count @ 2..) = piece.of {
        let place = lines.len().saturating_sub(1);
        let what = if piece.up.is_some() { "the drop" } else { "only a step of the way back" };
        lines.insert(
            place,
            format!("Migration {number} of {count} for this index: {what}. Go all {count} back, not some."),
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
        fn whatever_is_marked_is_found(schema in any::<String>(), table in any::<String>(), index in any::<String>()) {
            let one = Marked { schema, table, index };
            for mark in ["--", "#", "//"] {
                let text = format!("x\n{}y\n", comment(mark, &[marker(&one)]));
                prop_assert_eq!(marked(&text), vec![one.clone()]);
            }
        }
    }

    #[test]
    fn what_is_no_comment_is_no_mark() {
        assert_eq!(marked("select 'pgtend:index {\"schema\":\"a\",\"table\":\"b\",\"index\":\"c\"}'"), []);
        assert_eq!(marked("-- pgtend:index nonsense"), []);
    }
}
