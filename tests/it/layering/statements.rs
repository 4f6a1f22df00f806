//! Who sends statements to an inspected server, and that nobody else does: then no text of a user or of the server
//! becomes SQL but where this list says how.

use super::tokens::rust_tokens;

/// What the driver offers to send by.
const SENDING_METHODS: [&str; 11] = [
    "batch_execute",
    "copy_in",
    "copy_out",
    "execute_typed",
    "prepare",
    "prepare_typed",
    "query_typed",
    "query_typed_raw",
    "query_raw",
    "simple_query",
    "simple_query_raw",
];

/// Where, and what of: the texts of `queries/` and constants; a slot's drop, quoted and compared; the demo's own script.
const SENDING_FILES: [&str; 5] = [
    "src/pg/session.rs",
    "src/pg/session/reading.rs",
    "src/pg/hand.rs",
    "src/pg/script.rs",
    "src/pg/connect/session_attrs.rs",
];

/// Words that lead to the two that do not read, and who may say them.
const WRITE_SESSION_WORDS: [(&str, &[&str]); 3] = [
    ("perform", &["src/act/slot_drop.rs", "src/pg/hand.rs"]),
    ("perform_alone", &["src/act/checkpoint.rs", "src/pg/hand.rs"]),
    ("Scribe", &["src/commands/demo.rs", "src/commands/demo/downscale.rs", "src/pg/script.rs", "src/pg/mod.rs"]),
];

/// Where a source sends what it should not.
pub fn statement_violations(path: &str, source: &str) -> Vec<String> {
    let (mut found, mut is_test) = (Vec::new(), false);
    for token in &rust_tokens(source) {
        // Tests stand last in a file.
        is_test |=
            token.text == "mod" && source.lines().nth(token.line - 1).is_some_and(|line| line.contains("mod tests"));
        if is_test {
            break;
        }
        let sends = SENDING_METHODS.contains(&token.text.as_str())
            && !SENDING_FILES.contains(&path)
            && !["src/history", "src/sandbox"].iter().any(|room| path.starts_with(room));
        let uses_write_session = WRITE_SESSION_WORDS
            .iter()
            .find(|(word, _)| *word == token.text)
            .is_some_and(|(_, may)| !may.contains(&path));
        if sends || uses_write_session {
            found.push(format!("{path}:{}: {} is not for here", token.line, token.text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_violations_are_found() {
        for (path, source) in [
            ("src/inspect/slots.rs", "client.batch_execute(&format!(\"drop {name}\")).await"),
            ("src/report/x.rs", "hand.perform(&text)"),
            ("src/commands/tables.rs", "use crate::pg::Scribe;"),
        ] {
            assert_eq!(statement_violations(path, source).len(), 1, "{path}");
        }
        assert!(statement_violations("src/pg/session.rs", "client.query_typed_raw(sql, x)").is_empty());
        assert!(statement_violations("src/history/x.rs", "prepare()").is_empty());
    }
}
