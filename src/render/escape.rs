//! Characters that would steer a terminal or hide text are shown, never obeyed.

use crate::model::is_unprintable;
use std::borrow::Cow;

/// The text with every such character written as Rust and C would write it: `\n`, `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let (shown, kept) = if is_unprintable(c) { (Some(c.escape_default()), None) } else { (None, Some(c)) };
        shown.into_iter().flatten().chain(kept)
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{quote_identifier, quote_literal, quote_shell};
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_clear_the_screen() {
        assert_eq!(visible("plain ünï 🐘"), "plain ünï 🐘");
        assert_eq!(visible("\u{1b}[2J\nx\t\u{202e}"), "\\u{1b}[2J\\nx\\t\\u{202e}");
    }

    proptest! {
        #[test]
        fn quoted_text_stays_as_it_is(text: String) {
            for quoted in [quote_shell(&text), quote_identifier(&text), quote_literal(&text)] {
                prop_assert_eq!(visible(&quoted), quoted.as_str());
            }
        }

        #[test]
        fn nothing_unsafe_is_left(text: String) {
            prop_assert!(!visible(&text).contains(is_unprintable));
        }
    }
}
