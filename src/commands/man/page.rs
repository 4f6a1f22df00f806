//! A manual page for each command, as `man` wants it.

use clap::Command;
use clap_mangen::Man;
use std::io::{Result, Write as _};

/// One page, and what its file is called.
pub struct Page {
    pub file: String,
    pub text: String,
}

/// What `--help` has no room for: exit status, environment, files.
const AFTER: &str = include_str!("after.roff");

/// The main page, and one for every command below it.
pub fn pages(program: Command) -> Result<Vec<Page>> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let everywhere: Vec<String> = program.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let source = format!("{} {}", program.get_name(), program.get_version().unwrap_or_default());
    let mut pages = vec![page(&program, &source, &[])?];
    below(&program, &source, &everywhere, &mut pages)?;
    Ok(pages)
}

fn below(command: &Command, source: &str, everywhere: &[String], pages: &mut Vec<Page>) -> Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(page(command, source, everywhere)?);
        below(command, source, everywhere, pages)?;
    }
    Ok(())
}

/// `elsewhere`: the options that every command takes; they stand on the main page, once.
fn page(command: &Command, source: &str, elsewhere: &[String]) -> Result<Page> {
    let own = command.clone().mut_args(|arg| {
        let hidden = arg.is_hide_set() || elsewhere.iter().any(|id| arg.get_id() == id.as_str());
        arg.hide(hidden)
    });
    let has_options = own.get_arguments().any(|arg| !arg.is_hide_set());
    let usage = own.clone().render_usage().to_string();
    let man = Man::new(own).source(source).manual("Maintenance of PostgreSQL");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    writeln!(text, ".SH SYNOPSIS\n{}", escaped(usage.trim_start_matches("Usage: ").trim_end()))?;
    man.render_description_section(&mut text)?;
    if has_options {
        man.render_options_section(&mut text)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        let lines: Vec<String> = examples.lines().skip_while(|line| *line == "Examples:").map(escaped).collect();
        writeln!(text, ".SH EXAMPLES\n.nf\n{}\n.fi", lines.join("\n"))?;
    }
    if elsewhere.is_empty() {
        text.write_all(AFTER.as_bytes())?;
    } else {
        writeln!(
            text,
            ".SH SEE ALSO\n.BR pgtend (1)\nhas the options for connection, output and reading, and the exit status."
        )?;
    }
    Ok(Page { file: man.get_filename(), text: String::from_utf8_lossy(&text).into_owned() })
}

/// A line as roff prints it.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_is_taken_for_a_request() {
        assert_eq!(escaped(".SH"), "\\&.SH");
        assert_eq!(escaped("a\\b --c"), "a\\eb \\-\\-c");
    }
}
