//! Makes characters visible that would control a terminal or hide text.

use crate::quote::is_unprintable;
use std::borrow::Cow;

/// Returns the text with each such character in the notation of Rust and C: `\n`, `\u{1b}`.
pub fn escape_unprintable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let (shown, unchanged) = if is_unprintable(c) { (Some(c.escape_default()), None) } else { (None, Some(c)) };
        shown.into_iter().flatten().chain(unchanged)
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::{quote_identifier, quote_literal, quote_shell};
    use proptest::prelude::*;

    #[test]
    fn escape_neutralises_control_sequences() {
        assert_eq!(escape_unprintable("plain ünï 🐘"), "plain ünï 🐘");
        assert_eq!(escape_unprintable("\u{1b}[2J\nx\t\u{202e}"), "\\u{1b}[2J\\nx\\t\\u{202e}");
    }

    proptest! {
        #[test]
        fn escape_keeps_printable_text(text: String) {
            for quoted in [quote_shell(&text), quote_identifier(&text), quote_literal(&text)] {
                prop_assert_eq!(escape_unprintable(&quoted), quoted.as_str());
            }
        }

        #[test]
        fn escape_leaves_no_unprintable(text: String) {
            prop_assert!(!escape_unprintable(&text).contains(is_unprintable));
        }
    }
}
