//! Finds passwords in a text that may be a connection string, even a mistyped one: a connection string in the wrong
//! position must not be repeated in an error message.

/// A password with enough text before and after it to distinguish it from the same letters elsewhere.
pub struct PasswordIn<'a> {
    /// Text before the password.
    pub before: &'a str,
    /// The password.
    pub password: &'a str,
    /// Text after the password.
    pub after: &'a str,
}

/// Returns every password in the text.
pub fn passwords_in(text: &str) -> Vec<PasswordIn<'_>> {
    of_url(text).into_iter().chain(of_words(text)).collect()
}

/// Finds `://user:password@`, even if the scheme is missing or mistyped. A password may contain characters that a URL
/// should have escaped, so it extends to the last `@` before the query.
fn of_url(text: &str) -> Option<PasswordIn<'_>> {
    let authority = text.find("://").map_or(text, |scheme| &text[scheme + 3..]);
    let query = authority.find('?').filter(|query| authority[..*query].contains('@'));
    let end = authority[..query.unwrap_or(authority.len())].rfind('@')?;
    let colon = authority[..end].find(':')?;
    let password = PasswordIn { before: ":", password: &authority[colon + 1..end], after: "@" };
    Some(password).filter(|secret| !secret.password.is_empty())
}

/// Finds `password=…`, `sslpassword = '…'` and similar parameters, also in the query of a URL and in variables.
fn of_words(text: &str) -> Vec<PasswordIn<'_>> {
    const WORD: &str = "password";
    let small = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(word) = small[position..].find(WORD) {
        let begin = position + word;
        position = begin + WORD.len();
        let Some(value) = small[position..].trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        let start = text.len() - value.len();
        let length = length_of_value(value);
        if length > 0 {
            let (before, password) = (&text[begin..start], &text[start..start + length]);
            found.push(PasswordIn { before, password, after: "" });
        }
        position = start + length;
    }
    found
}

/// Returns the length of a value: up to white space, or up to its closing quote.
fn length_of_value(value: &str) -> usize {
    if !value.starts_with('\'') {
        return value.find(char::is_whitespace).unwrap_or(value.len());
    }
    let mut is_escaped = false;
    for (position, character) in value.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\'' => return position + 1,
            _ => {}
        }
    }
    value.len()
}
