//! Only `src/quote` quotes for shells, SQL and connection strings.

/// Source text that quotes by hand, and the quoted syntax.
const QUOTE_PATTERNS: [(&str, &str); 7] = [
    (r#"'\\''"#, "an apostrophe for a shell"),
    (r#"replace('\'', "''")"#, "an SQL literal"),
    (r#"replace('"', "\"\"")"#, "an SQL identifier"),
    (r#"replace('\'', "\\'")"#, "a value of a connection string"),
    ("-d {", "an argument of a printed command"),
    ("-d '{", "an argument of a printed command"),
    (r#"\"{}\".\"{}\""#, "an SQL identifier"),
];

/// Programs whose printed commands have a variable argument.
const PROGRAMS: [&str; 6] = ["pgtend ", "psql ", "pg_repack ", "pg_dump ", "vacuumdb ", "reindexdb "];

/// Files that may quote, each with the reason.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("src/quote/", "the quoting itself"),
    ("src/redact/tests.rs", "secrets as other programs quote them"),
    ("src/render/", "CSV and spreadsheets have their own quoting"),
];

/// Returns where a source quotes by hand.
pub fn quoting_violations(path: &str, source: &str) -> Vec<String> {
    if EXCEPTIONS.iter().any(|(excepted, _)| path.starts_with(excepted)) {
        return Vec::new();
    }
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or(source);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let mut complain = |why: &str| found.push(format!("{path}:{}: {why}: use crate::quote", number + 1));
        for (sign, what) in QUOTE_PATTERNS {
            if line.contains(sign) {
                complain(what);
            }
        }
        if PROGRAMS.iter().any(|program| has_variable_argument(line, program)) {
            complain("a printed command with a variable part");
        }
    }
    found
}

/// Whether a format string or a message continues `program … ` with a variable: `pgtend slots why {name}`, or `"pgtend
/// slots why ", name`.
fn has_variable_argument(line: &str, program: &str) -> bool {
    line.match_indices(&format!("\"{program}")).chain(line.match_indices(&format!("`{program}"))).any(
        |(position, _)| {
            let command = &line[position + 1..];
            let end = command.find(['"', '`']).unwrap_or(command.len());
            let (inside, after) = command.split_at(end);
            // A version, as in `pgtend {}`, or a sentence about pgtend.
            let is_prose = ["pgtend {}", "pgtend {0}", "pgtend needs "].iter().any(|start| inside.contains(start));
            inside.contains('{') && !is_prose && !inside.contains(": ")
                || inside.ends_with(' ') && after.starts_with("\",")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_by_hand_is_found() {
        for source in [
            r#"format!("pgtend slots why {name}")"#,
            r#"words!["`pgtend slots why ", &name, "`"]"#,
            r#"format!("x -d {} y", name)"#,
            r#"name.replace('\'', "''")"#,
            r#"name.replace('"', "\"\"")"#,
            r#"name.replace('\'', "'\\''")"#,
        ] {
            assert!(!quoting_violations("src/report/x.rs", source).is_empty(), "{source}");
        }
        for source in
            [r#"ShellCommand::new("pgtend slots why")"#, r#"format!("Written by pgtend {} at", v)"#, "// -d {"]
        {
            assert_eq!(quoting_violations("src/report/x.rs", source), [""; 0], "{source}");
        }
        assert!(quoting_violations("src/quote/shell.rs", r#"format!("-d {x}")"#).is_empty());
    }
}
