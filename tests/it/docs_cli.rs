//! `docs/cli.md` has the output of `--help`.

use assert_cmd::Command;
use std::{fmt::Write as _, path::Path};

/// The heading of the options that every command has; the page lists them once, for the program.
const GLOBAL_OPTIONS_HEADING: &str = "Connection (as psql connects):";

fn help_text(words: &[&str]) -> String {
    let output = Command::cargo_bin("pgtend").unwrap().args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the commands that a help text lists: their names start in the second column.
fn commands_in(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn write_subcommands(words: &[&str], help: &str, text: &mut String) {
    for name in commands_in(help) {
        let words = [words, &[&name]].concat();
        let help = help_text(&words);
        let own = help.find(GLOBAL_OPTIONS_HEADING).map_or(help.as_str(), |position| &help[..position]);
        write!(text, "\n## pgtend {}\n\n```text\n{}\n```\n", words.join(" "), own.trim_end()).unwrap();
        write_subcommands(&words, &help, text);
    }
}

#[test]
fn docs_cli_matches_the_help() {
    let mut text = String::from(
        "# Command line\n\nWhat `--help` says, command by command. Generated: `UPDATE_DOCS=1 cargo test docs_cli`.\n",
    );
    let program_help = help_text(&[]);
    assert!(program_help.contains(GLOBAL_OPTIONS_HEADING));
    write!(text, "\n## pgtend\n\n```text\n{}\n```\n", program_help.trim_end()).unwrap();
    write_subcommands(&[], &program_help, &mut text);
    for known in ["overview", "slots why", "history record", "man"] {
        assert!(text.contains(&format!("\n## pgtend {known}\n")), "{known} is missing");
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/cli.md is not what --help says: run UPDATE_DOCS=1 cargo test docs_cli");
}
