//! No message contains Rust's Debug output, such as `Other(OtherError(NameConstraintViolation))`.
//!
//! `{name:?}` quotes a string and escapes control characters; for any other type it prints names of types.

/// Names of variables that contain strings: quoted, they are allowed in messages.
const STRING_NAMES: [&str; 7] = ["key", "name", "name_text", "near", "sql", "target", "text"];

/// Exceptions with their reasons.
const EXCEPTIONS: [(&str, &str); 1] =
    [("src/postgres/conninfo/mod.rs", "a key for comparing two requests, which is not printed")];

/// Returns where a source outside of its tests formats with Debug.
pub fn debug_text_violations(path: &str, source: &str) -> Vec<String> {
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/testing.rs");
    if is_test || EXCEPTIONS.iter().any(|(excepted, _)| path == *excepted) {
        return Vec::new();
    }
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or(source);
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (position, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for argument in debug_arguments(line) {
            // `#[error("{0:?} …")]` is above the variant or the struct whose first field it prints.
            let shown_field = lines[position + 1..].iter().find(|line| line.contains('('));
            let is_string_field = argument == "0" && shown_field.is_some_and(|line| line.contains("(String"));
            if !STRING_NAMES.contains(&argument) && !is_string_field {
                found.push(format!("{path}:{}: {{{argument}:?}} in a message", position + 1));
            }
        }
    }
    found
}

/// Returns the arguments of `{…:?}` and `{…:#?}` in a line; empty for a positional one.
fn debug_arguments(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(":?}").chain(line.match_indices(":#?}")).map(|(end, _)| {
        let before = &line[..end];
        &before[before.rfind('{').map_or(0, |brace| brace + 1)..]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_is_found() {
        for source in [
            r#"format!("cannot connect: {error:?}")"#,
            r#"format!("cannot connect: {:?}", error)"#,
            r#"format!("{error:#?}")"#,
            "#[error(\"refused: {0:?}\")]\nRefused(rustls::Error),",
            "#[error(\"refused: {reason:?}\")]\nRefused { reason: Reason },",
        ] {
            assert!(!debug_text_violations("src/report/x.rs", source).is_empty(), "{source}");
        }
        for source in [
            r#"format!("no target {name:?}")"#,
            "#[error(\"{0:?} is not a size\")]\npub struct ParseBytesError(String);",
            "// {error:?}",
            "#[cfg(test)]\nmod tests { panic!(\"{error:?}\") }",
        ] {
            assert_eq!(debug_text_violations("src/report/x.rs", source), [""; 0], "{source}");
        }
    }
}
