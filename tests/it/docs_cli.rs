//! `docs/cli.md` is what `--help` says.

use assert_cmd::Command;
use std::{fmt::Write as _, path::Path};

const COMMANDS: [&str; 11] =
    ["overview", "databases", "tables", "indexes", "slots", "wal", "snapshot", "history", "demo", "completions", "man"];

fn help_of(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("pgtend").unwrap().args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn docs_cli_is_the_help() {
    let mut text = String::from(
        "# Command line\n\nWhat `--help` says, command by command. Generated: `UPDATE_DOCS=1 cargo test docs_cli`.\n",
    );
    let whole = help_of(&[]);
    write!(text, "\n## pgtend\n\n```text\n{}\n```\n", whole.trim_end()).unwrap();
    let global = whole.find("Connection (as psql connects):").unwrap();
    assert!(global > 0);
    for command in COMMANDS
        .iter()
        .flat_map(|command| if *command == "slots" { vec![*command, "slots why"] } else { vec![*command] })
    {
        let words: Vec<&str> = command.split(' ').collect();
        assert!(whole.contains(&format!("\n  {}", words[0])), "{command} is not in the help");
        let help = help_of(&words);
        // The options of all commands stand above, once.
        let own = help.find("Connection (as psql connects):").map_or(help.as_str(), |at| &help[..at]);
        write!(text, "\n## pgtend {command}\n\n```text\n{}\n```\n", own.trim_end()).unwrap();
    }
    for command in ["record", "list", "growth", "journal", "prune"] {
        let help = help_of(&["history", command]);
        let own = help.find("Connection (as psql connects):").map_or(help.as_str(), |at| &help[..at]);
        write!(text, "\n## pgtend history {command}\n\n```text\n{}\n```\n", own.trim_end()).unwrap();
    }
    let listed = whole.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed = listed.filter(|line| !line.starts_with("   ") && !line.trim_start().starts_with("help ")).count();
    assert_eq!(listed, COMMANDS.len(), "a command is missing from this test");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/cli.md is not what --help says: run UPDATE_DOCS=1 cargo test docs_cli");
}
