//! The commands and flags that prose mentions exist, in the documents and in the pages of the checks.

use super::page::outside_fences;
use super::{repository_root, runnable_documents};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// Returns the code spans of a text, outside of fences.
fn code_spans(text: &str) -> Vec<String> {
    let prose: Vec<&str> = outside_fences(text).collect();
    let paragraphs = prose.join("\n");
    let spans = paragraphs.split("\n\n").flat_map(|paragraph| {
        let code_spans: Vec<String> =
            paragraph.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect();
        code_spans
    });
    spans.collect()
}

/// Returns the words of a command without its placeholders.
fn command_words(command: &str) -> Vec<&str> {
    let typed = command.split(['|', '>', '\\']).next().unwrap_or_default();
    typed.split_whitespace().skip(1).filter(|word| *word != "SHELL" && !word.contains(['…', '"', '\''])).collect()
}

/// Returns the error of a command that the program does not accept.
fn command_error(command: &str) -> Option<String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_pgtend")).args(command_words(command)).arg("--help").output().unwrap();
    (!output.status.success()).then(|| format!("`{command}`: {}", String::from_utf8_lossy(&output.stderr)))
}

fn documentation_pages() -> Vec<PathBuf> {
    let rules = std::fs::read_dir(repository_root().join("src/checks/rules")).unwrap();
    let checks = rules.map(|entry| entry.unwrap().path());
    runnable_documents()
        .into_iter()
        .chain(checks.filter(|path| path.extension().is_some_and(|extension| extension == "md")))
        .collect()
}

#[test]
fn mentions_invalid_command_is_found() {
    assert!(command_error("pgtend overveiw").is_some());
    assert!(command_error("pgtend slots drop NAME --no-such-flag").is_some());
    assert_eq!(command_error("pgtend slots drop NAME --yes"), None);
    assert_eq!(code_spans("a `b\nc` d\n\n```sh\n`e`\n```\n`f`"), ["b c", "f"]);
}

#[test]
fn mentions_commands_exist() {
    let mut seen = BTreeSet::new();
    let mut failures = Vec::new();
    for page in documentation_pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for span in code_spans(&text).into_iter().filter(|span| span.starts_with("pgtend ")) {
            if seen.insert(span.clone()) {
                failures.extend(command_error(&span).map(|why| format!("{}: {why}", page.display())));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(seen.len() > 20, "{seen:?}");
}

#[test]
fn mentions_readme_names_every_command() {
    let known = std::fs::read_to_string(repository_root().join("docs/cli.md")).unwrap();
    let readme = code_spans(&std::fs::read_to_string(repository_root().join("README.md")).unwrap());
    for command in known.lines().filter_map(|line| line.strip_prefix("## pgtend ")) {
        let top = command.split(' ').next().unwrap();
        let is_named =
            |span: &String| span == command || span.strip_prefix(top).is_some_and(|rest| rest.starts_with(' '));
        assert!(readme.iter().any(|span| is_named(span) || span == top), "{command}");
    }
}

#[test]
fn mentions_flags_exist() {
    let known = std::fs::read_to_string(repository_root().join("docs/cli.md")).unwrap();
    let known: BTreeSet<&str> =
        known.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| word.starts_with("--")).collect();
    // That page describes other programs.
    for page in documentation_pages().into_iter().filter(|page| !page.ends_with("docs/benchmarks.md")) {
        for span in code_spans(&std::fs::read_to_string(&page).unwrap()) {
            let flag = span.split([' ', '=']).next().unwrap_or_default();
            // Flags of other programs: rustc, cargo, and those in comments of migration tools.
            let is_foreign = ["--wal-segsize", "--rollback"].contains(&flag) || !flag.starts_with("--");
            assert!(is_foreign || known.contains(flag) || flag == "--", "{}: `{span}`", page.display());
        }
    }
}
