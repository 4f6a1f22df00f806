//! No message shows Rust's debug text, such as `Other(OtherError(NameConstraintViolation))`.
//!
//! `{name:?}` quotes a string and escapes what would steer a terminal; of any other type it shows the names of types.

/// Names of variables that hold strings: in quotes they may stand in a message.
const STRING_NAMES: [&str; 7] = ["key", "name", "name_text", "near", "sql", "target", "text"];

/// Files that may, each with why.
const EXCEPTIONS: [(&str, &str); 1] =
    [("src/postgres/conninfo/mod.rs", "a key by which two requests are compared; nobody reads it")];

/// Where a source outside of its tests writes something in Rust's debug form.
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
            // `#[error("{0:?} …")]` stands above the variant or the struct whose first field it shows.
            let shown_field = lines[position + 1..].iter().find(|line| line.contains('('));
            let is_string_field = argument == "0" && shown_field.is_some_and(|line| line.contains("(String"));
            if !STRING_NAMES.contains(&argument) && !is_string_field {
                found.push(format!("{path}:{}: {{{argument}:?}} in a message", position + 1));
            }
        }
    }
    found
}

/// The arguments of `{…:?}` and `{…:#?}` in a line; empty for a positional one.
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
