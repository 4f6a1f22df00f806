//! `host=a dbname='b c'` (PostgreSQL manual, 34.1.1.1 Keyword/Value Connection Strings).

use super::ConninfoError;

const QUOTING_HINT: &str = "values with spaces are quoted: key='a value', with \\' and \\\\ inside";

/// Splits a conninfo into its keys and values.
pub(super) fn parse_keyvalue(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after_key) = parse_key(text, rest)?;
        let (value, after_value) = parse_value(after_key)?;
        pairs.push((key.to_owned(), value));
        rest = after_value.trim_start();
    }
    Ok(pairs)
}

fn parse_key<'a>(text: &str, rest: &'a str) -> Result<(&'a str, &'a str), ConninfoError> {
    let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
    let (key, after) = rest.split_at(end);
    match after.trim_start().strip_prefix('=') {
        Some(after) => Ok((key, after.trim_start())),
        // The word is not shown: it may be the second half of a password that contains a space.
        None => {
            let position = text.len() - rest.len();
            let number = text.get(..position).unwrap_or_default().chars().count() + 1;
            Err(ConninfoError::new(format!(
                "missing \"=\" after the word at character {number} of the connection string"
            ))
            .with_hint(QUOTING_HINT))
        }
    }
}

fn parse_value(text: &str) -> Result<(String, &str), ConninfoError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((position, character)) = chars.next() {
        match character {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, text.get(position + 1..).unwrap_or_default())),
            _ if !quoted && character.is_whitespace() => return Ok((value, text.get(position..).unwrap_or_default())),
            _ => value.push(character),
        }
    }
    if quoted {
        return Err(ConninfoError::new("unterminated quoted string in the connection string").with_hint(QUOTING_HINT));
    }
    Ok((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::quote_conninfo_value as quote;
    use proptest::prelude::*;

    #[test]
    fn keyvalue_rejects_what_libpq_rejects() {
        for text in [
            "host",
            "host localhost",
            "host=a dbname",
            "password='abc",
            "password='abc\\'",
            "password=my secret host=x",
        ] {
            let error = parse_keyvalue(text).unwrap_err();
            assert!(error.hint().is_some());
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(parse_keyvalue("password=my secret host=x").unwrap_err().to_string().contains("character 13"));
    }

    #[test]
    fn keyvalue_reads_what_libpq_reads() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("  ", &[]),
            ("host=localhost port=5433", &[("host", "localhost"), ("port", "5433")]),
            ("host = localhost\tport\n=\n5433", &[("host", "localhost"), ("port", "5433")]),
            ("password='a b'", &[("password", "a b")]),
            (r"password='it\'s \\ here' user=x", &[("password", r"it's \ here"), ("user", "x")]),
            (r"password=a\ b\\c user=x", &[("password", r"a b\c"), ("user", "x")]),
            ("password='' user=x", &[("password", ""), ("user", "x")]),
            ("password= user=x", &[("password", "user=x")]),
            ("password=a'b", &[("password", "a'b")]),
            ("user='x'dbname=y", &[("user", "x"), ("dbname", "y")]),
            ("dbname=größe", &[("dbname", "größe")]),
        ];
        for (text, pairs) in cases {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(parse_keyvalue(text).unwrap(), pairs, "{text}");
        }
    }

    proptest! {
        #[test]
        fn keyvalue_never_panics(text in ".*") {
            let _ = parse_keyvalue(&text);
        }

        #[test]
        fn keyvalue_quoting_roundtrips(value in ".*", user in ".*") {
            let text = format!("password={} user = {}", quote(&value), quote(&user));
            prop_assert_eq!(parse_keyvalue(&text).unwrap(), vec![("password".to_owned(), value), ("user".to_owned(), user)]);
        }
    }
}
