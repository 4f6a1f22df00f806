//! Characters that would steer a terminal or hide text are shown, never obeyed.

use std::borrow::Cow;

/// Controls (C0, DEL, C1), line and paragraph separators, and the marks that reorder or hide text.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{2028}' | '\u{2029}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// The text with every such character written as Rust and C would write it: `\n`, `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let (shown, kept) = if is_unsafe(c) { (Some(c.escape_default()), None) } else { (None, Some(c)) };
        shown.into_iter().flatten().chain(kept)
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_clear_the_screen() {
        assert_eq!(visible("plain ünï 🐘"), "plain ünï 🐘");
        assert_eq!(visible("\u{1b}[2J\nx\t\u{202e}"), "\\u{1b}[2J\\nx\\t\\u{202e}");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text: String) {
            prop_assert!(!visible(&text).contains(is_unsafe));
        }
    }
}
