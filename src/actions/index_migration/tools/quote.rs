//! String literals and comments of other languages.

use crate::quote::is_unprintable;

/// Returns a string literal that Python, JavaScript and TypeScript read the same way.
pub fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // Characters below U+10000 that are invisible, reorder text, or end a line.
            c if is_unprintable(c) => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns text for a one-line comment in any language: nothing in it ends the line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect()
}

/// Returns the lines as comments.
pub fn format_comment(mark: &str, lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| if line.is_empty() { format!("{mark}\n") } else { format!("{mark} {}\n", one_line(line)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// JSON reads the same escapes.
    fn read(quoted: &str) -> String {
        serde_json::from_str(quoted).expect("a string")
    }

    proptest! {
        #[test]
        fn double_quoted_roundtrips_on_one_line(text in any::<String>()) {
            let quoted = double_quoted(&text);
            prop_assert_eq!(read(&quoted), text);
            prop_assert_eq!(one_line(&quoted), quoted);
        }

        #[test]
        fn comment_keeps_line_count(lines in proptest::collection::vec(any::<String>(), 0..5)) {
            let text = format_comment("--", &lines);
            let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            prop_assert_eq!(text.matches(breaks).count(), lines.len());
            prop_assert!(text.lines().all(|line| line.starts_with("--")));
        }
    }
}
