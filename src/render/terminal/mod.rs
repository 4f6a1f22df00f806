//! Text for terminals: aligned tables that fit the width, colours with a meaning.

mod columns;
mod table;

use super::{Block, Document, Tone, escape::escape_unprintable};
use crate::quote::code_ranges;
use std::ops::Range;
use table::push_table;
use unicode_width::UnicodeWidthStr;

/// Properties of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
    /// Width in columns; `None` without a limit.
    pub width: Option<usize>,
}

/// Renders the document.
pub fn render_terminal(document: &Document, style: Style) -> String {
    let mut out = String::new();
    for block in &document.blocks {
        match block {
            Block::Gap => out.push('\n'),
            Block::Chart(_) | Block::Tiles(_) => {}
            Block::Heading(text) => push_line(&mut out, &paint(&escape_unprintable(text), BOLD, style)),
            Block::Line(text, tone) => {
                for line in wrap(&escape_unprintable(text), style.width) {
                    push_line(&mut out, &paint(&line, escape_code(*tone), style));
                }
            }
            Block::Table(table) => push_table(&mut out, table, style),
            Block::Commands(commands) => push_commands(&mut out, commands, style),
            Block::Code(_, commands) => {
                commands
                    .iter()
                    .for_each(|command| push_line(&mut out, &format!("     {}", escape_unprintable(command))));
            }
        }
    }
    out
}

const BOLD: &str = "1";

fn escape_code(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Faint => "2",
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
    }
}

fn paint(text: &str, code: &str, style: Style) -> String {
    if style.color && !code.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Wraps text at spaces outside code spans. Continuation lines keep the indentation of the first.
fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let indent = text.len() - text.trim_start().len();
    let mut lines = vec![" ".repeat(indent)];
    let available = width.saturating_sub(indent + 2).max(1);
    let parts = unbreakable_parts(text).into_iter().flat_map(|(word, is_code)| match is_code {
        true => vec![word.to_owned()],
        false => break_word(word, available),
    });
    for part in parts {
        let fresh = lines.last().is_none_or(|line| line.trim().is_empty());
        let used = lines.last().map_or(0, |line| line.width());
        if !fresh && used + 1 + part.width() > width {
            lines.push(format!("{}{part}", " ".repeat(indent + 2)));
        } else if let Some(line) = lines.last_mut() {
            if !fresh {
                line.push(' ');
            }
            line.push_str(&part);
        }
    }
    lines
}

/// Splits a sentence at spaces outside code spans, and returns for each part whether it has one.
fn unbreakable_parts(text: &str) -> Vec<(&str, bool)> {
    let code: Vec<Range<usize>> = code_ranges(text);
    let mut parts = Vec::new();
    let mut start = None;
    for (position, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let is_break = c.is_whitespace() && !code.iter().any(|span| span.contains(&position));
        match (start, is_break) {
            (None, false) => start = Some(position),
            (Some(from), true) => {
                parts.push((&text[from..position], code.iter().any(|span| (from..position).contains(&span.start))));
                start = None;
            }
            _ => {}
        }
    }
    parts
}

/// Splits a word that is wider than the screen.
fn break_word(word: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in word.chars() {
        let full = parts.last().is_some_and(|piece| !piece.is_empty() && piece.width() + c.to_string().width() > width);
        if full {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn push_commands(out: &mut String, commands: &[(String, String)], style: Style) {
    let longest = commands.iter().map(|(command, _)| escape_unprintable(command).width()).max().unwrap_or(0);
    for (command, description) in commands {
        let (command, description) = (escape_unprintable(command), escape_unprintable(description));
        let padding = " ".repeat(longest - command.width());
        let full = 2 + longest + 2 + description.width();
        let shown_description =
            if style.width.is_some_and(|width| full > width) { String::new() } else { format!("  {description}") };
        push_line(
            out,
            &format!("  {}{padding}{}", paint(&command, BOLD, style), paint(&shown_description, "2", style)),
        );
    }
}

#[cfg(test)]
mod tests;
