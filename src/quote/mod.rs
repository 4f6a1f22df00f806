//! Quoting for text that a user pastes or a server reads: SQL, shells, connection strings.
//!
//! Every printed command is a [`ShellCommand`]; every name in SQL text goes through [`quote_identifier`] or
//! [`quote_literal`]. `tests/it/layering/quoting.rs` rejects quotes made by hand elsewhere.

use std::ops::Range;

mod connection;
mod conninfo;
mod identifier;
mod literal;
mod shell;

pub use connection::PrintedConnection;
pub use conninfo::{is_connection_string, quote_conninfo_value};
pub use identifier::{grant, qualified, quote_identifier, regclass_name};
pub use literal::{dollar_quote, quote_literal};
pub use shell::{ShellCommand, quote_shell};

/// Returns whether a character controls a terminal, ends a line, or hides or reorders text: controls (C0, DEL, C1),
/// line and paragraph separators, and the format characters of bidirectional text. All are below U+10000.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{2028}' | '\u{2029}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Returns text as a code span of a sentence, fenced with more backticks than any run of backticks inside (CommonMark
/// 0.31, 6.1 Code spans).
pub fn code_span(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns the ranges of the code spans in a sentence, including the fences.
pub fn code_ranges(sentence: &str) -> Vec<Range<usize>> {
    let (mut ranges, mut position) = (Vec::new(), 0);
    while let Some(found) = sentence[position..].find('`') {
        let open = position + found;
        let fence = run_length(sentence, open);
        position = open + fence;
        if let Some(close) = closing_fence(sentence, position, fence) {
            position = close + fence;
            ranges.push(open..position);
        }
    }
    ranges
}

/// Splits a sentence into its text (`false`) and its code spans (`true`), without the fences.
pub fn code_spans(sentence: &str) -> Vec<(bool, &str)> {
    let (mut spans, mut text_start) = (Vec::new(), 0);
    for range in code_ranges(sentence) {
        if text_start < range.start {
            spans.push((false, &sentence[text_start..range.start]));
        }
        text_start = range.end;
        let fence = run_length(sentence, range.start);
        let code = &sentence[range.start + fence..range.end - fence];
        let is_padded = code.len() > 2 && (code.starts_with(" `") || code.ends_with("` "));
        spans.push((true, if is_padded { &code[1..code.len() - 1] } else { code }));
    }
    if text_start < sentence.len() {
        spans.push((false, &sentence[text_start..]));
    }
    spans
}

fn run_length(text: &str, start: usize) -> usize {
    text[start..].bytes().take_while(|byte| *byte == b'`').count()
}

fn closing_fence(text: &str, start: usize, fence: usize) -> Option<usize> {
    let mut position = start;
    while let Some(found) = text[position..].find('`') {
        let run = position + found;
        let length = run_length(text, run);
        if length == fence {
            return Some(run);
        }
        position = run + length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn code_spans_are_found_by_their_fences() {
        for (sentence, spans) in [
            ("plain", &[(false, "plain")][..]),
            ("a ` b", &[(false, "a ` b")]),
            ("see `x` and `y`", &[(false, "see "), (true, "x"), (false, " and "), (true, "y")]),
            ("``a`b``", &[(true, "a`b")]),
            ("`` `a` ``!", &[(true, "`a`"), (false, "!")]),
            ("", &[]),
        ] {
            assert_eq!(code_spans(sentence), spans, "{sentence}");
        }
    }

    proptest! {
        #[test]
        fn code_span_is_read_back(code in "[a`' ]{0,3}[ab`]{1,12}") {
            prop_assume!(!code.starts_with(' '));
            let sentence = format!("run {} now", code_span(&code));
            prop_assert_eq!(code_spans(&sentence), vec![(false, "run "), (true, code.as_str()), (false, " now")]);
        }
    }
}
