//! SQL string constants (PostgreSQL 18 manual, 4.1.2.1 to 4.1.2.4).

use super::is_unprintable;

/// Quotes a string constant: `'…'`, or `E'…'` if it contains a backslash or unprintable characters.
///
/// The result is one line and has the same meaning with `standard_conforming_strings` on and off, like that of libpq's
/// `PQescapeLiteral`.
pub fn quote_literal(text: &str) -> String {
    if !text.contains(|c| c == '\\' || is_unprintable(c)) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut literal = String::from("E'");
    for c in text.chars() {
        match c {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if is_unprintable(c) => literal.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// Returns a dollar quote (`$$`, `$pgtend1$`, …) that does not occur in `text`.
pub fn dollar_quote(text: &str) -> String {
    let mut quote = "$$".to_owned();
    let mut number = 0;
    while text.contains(&quote) {
        number += 1;
        quote = format!("$pgtend{number}$");
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_is_one_line_and_doubles_quotes() {
        for (text, quoted) in [
            ("", "''"),
            ("it's", "'it''s'"),
            ("back\\slash'", "E'back\\\\slash'''"),
            ("a\nb\u{202e}\u{1}", "E'a\\nb\\u202E\\u0001'"),
        ] {
            assert_eq!(quote_literal(text), quoted);
        }
    }

    #[test]
    fn dollar_quote_is_not_in_the_text() {
        for (text, quote) in [("", "$$"), ("a$$", "$pgtend1$"), ("$$ $pgtend1$", "$pgtend2$")] {
            assert_eq!(dollar_quote(text), quote);
        }
    }
}
