//! The files that send statements to a server under inspection. Only there does text of a user or of the server become
//! SQL.

use super::tokens::rust_tokens;

/// The methods of the driver that send a statement.
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

/// The files that call them: with texts of `queries/` and constants, with the drop of a slot, with the demo's script.
const SENDING_FILES: [&str; 5] = [
    "src/postgres/session/mod.rs",
    "src/postgres/session/read_fact.rs",
    "src/postgres/write_session.rs",
    "src/postgres/script.rs",
    "src/postgres/connect/session_attrs.rs",
];

/// The sessions that may write, and the files that may use them.
const WRITE_SESSION_WORDS: [(&str, &[&str]); 4] = [
    (
        "WriteSession",
        &[
            "src/postgres/mod.rs",
            "src/postgres/write_session.rs",
            "src/actions/drop_slot/execute.rs",
            "src/actions/drop_slot/checkpoint.rs",
            "src/cli/slots/drop.rs",
        ],
    ),
    (".execute", &["src/actions/drop_slot/execute.rs"]),
    ("execute_guarded", &["src/actions/drop_slot/checkpoint.rs", "src/postgres/write_session.rs"]),
    (
        "ScriptSession",
        &["src/cli/demo/mod.rs", "src/cli/demo/downscale.rs", "src/postgres/script.rs", "src/postgres/mod.rs"],
    ),
];

/// The layer with its own database.
const OWN_DATABASE: &str = "src/history/";

/// Returns where a source that is not listed sends a statement or uses a session that may write.
pub fn statement_violations(path: &str, source: &str) -> Vec<String> {
    if path.starts_with(OWN_DATABASE) {
        return Vec::new();
    }
    let (mut found, mut before) = (Vec::new(), String::new());
    for token in rust_tokens(source) {
        // Tests are the last item of a file.
        if token.text == "mod" && source.lines().nth(token.line - 1).is_some_and(|line| line.contains("mod tests")) {
            break;
        }
        let sends = SENDING_METHODS.contains(&token.text.as_str()) && !SENDING_FILES.contains(&path);
        let uses_write_session = WRITE_SESSION_WORDS.iter().any(|(word, files)| {
            let is_word = match word.strip_prefix('.') {
                Some(method) => before == "." && token.text == method,
                None => token.text == *word,
            };
            is_word && !files.contains(&path)
        });
        if sends || uses_write_session {
            found.push(format!("{path}:{}: {} is not allowed here", token.line, token.text));
        }
        before = token.text;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_violations_are_found() {
        for (path, source) in [
            ("src/collect/slots.rs", "client.batch_execute(&format!(\"drop {name}\")).await"),
            ("src/report/x.rs", "session.execute(&text)"),
            ("src/actions/recover.rs", "session.execute_guarded(&guard, &text)"),
            ("src/actions/recover.rs", "fn f(session: &WriteSession) {}"),
            ("src/cli/tables.rs", "use crate::postgres::ScriptSession;"),
        ] {
            assert_eq!(statement_violations(path, source).len(), 1, "{path}");
        }
        for (path, source) in [
            ("src/postgres/session/mod.rs", "client.query_typed_raw(sql, x)"),
            ("src/history/x.rs", "prepare()"),
            ("src/cli/slots/drop.rs", "use crate::actions::execute; execute();"),
            ("src/actions/drop_slot/execute.rs", "session.execute(&text)"),
        ] {
            assert!(statement_violations(path, source).is_empty(), "{path}");
        }
    }

    #[test]
    fn statement_files_exist() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let listed = SENDING_FILES.iter().chain(WRITE_SESSION_WORDS.iter().flat_map(|(_, files)| *files));
        let missing: Vec<_> = listed.filter(|file| !root.join(file).is_file()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
