//! Manual pages of all commands, in roff.

use clap::Command;
use clap_mangen::Man;
use std::io::{Result, Write as _};

/// A manual page and the name of its file.
pub struct Page {
    pub file: String,
    pub text: String,
}

/// Sections that `--help` does not have: exit status, environment, files.
const EXTRA_SECTIONS: &str = include_str!("after.roff");

/// Returns the main page and one page per command.
pub fn render_pages(program: Command) -> Result<Vec<Page>> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let global_options: Vec<String> = program.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let source = format!("{} {}", program.get_name(), program.get_version().unwrap_or_default());
    let mut pages = vec![render_page(&program, &source, &[])?];
    render_subcommand_pages(&program, &source, &global_options, &mut pages)?;
    Ok(pages)
}

fn render_subcommand_pages(
    command: &Command,
    source: &str,
    global_options: &[String],
    pages: &mut Vec<Page>,
) -> Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(render_page(command, source, global_options)?);
        render_subcommand_pages(command, source, global_options, pages)?;
    }
    Ok(())
}

/// `global_options`: the ids of the options that every command accepts; only the main page describes them.
fn render_page(command: &Command, source: &str, global_options: &[String]) -> Result<Page> {
    let own = command.clone().mut_args(|arg| {
        let hidden = arg.is_hide_set() || global_options.iter().any(|id| arg.get_id() == id.as_str());
        arg.hide(hidden)
    });
    let has_options = own.get_arguments().any(|arg| !arg.is_hide_set());
    let usage = own.clone().render_usage().to_string();
    let man = Man::new(own).source(source).manual("Maintenance of PostgreSQL");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    writeln!(text, ".SH SYNOPSIS\n{}", escape_roff(usage.trim_start_matches("Usage: ").trim_end()))?;
    man.render_description_section(&mut text)?;
    if has_options {
        man.render_options_section(&mut text)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        let lines: Vec<String> = examples.lines().skip_while(|line| *line == "Examples:").map(escape_roff).collect();
        writeln!(text, ".SH EXAMPLES\n.nf\n{}\n.fi", lines.join("\n"))?;
    }
    if global_options.is_empty() {
        text.write_all(EXTRA_SECTIONS.as_bytes())?;
    } else {
        writeln!(
            text,
            ".SH SEE ALSO\n.BR pgtend (1)\ndescribes the options for connection, output and input, and the exit status."
        )?;
    }
    Ok(Page { file: man.get_filename(), text: String::from_utf8_lossy(&text).into_owned() })
}

/// Escapes a line for roff.
fn escape_roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roff_escapes_requests() {
        assert_eq!(escape_roff(".SH"), "\\&.SH");
        assert_eq!(escape_roff("a\\b --c"), "a\\eb \\-\\-c");
    }
}
