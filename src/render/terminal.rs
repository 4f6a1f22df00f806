//! Text for terminals: aligned tables that fit the width, colours with a meaning.

use super::{Align, Block, Cell, Column, Document, Table, Tone, Value, escape::escape_unprintable, human};
use crate::quote::code_ranges;
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// Properties of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
    /// Width in columns; `None` without a limit.
    pub width: Option<usize>,
}

/// Names are not shortened below this number of columns.
const MIN_NAME_WIDTH: usize = 16;
/// Text is not wrapped into narrower columns.
const MIN_TEXT_WIDTH: usize = 14;
const BETWEEN_COLUMNS: usize = 2;

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

/// Returns a cell's text, and whether it may be shortened.
fn cell_text(cell: &Cell) -> (String, bool) {
    let text = match &cell.value {
        Value::None => "-".to_owned(),
        Value::Unknown => "?".to_owned(),
        Value::Text(text) => escape_unprintable(text).into_owned(),
        Value::Name(name) => return (escape_unprintable(name).into_owned(), true),
        Value::Bytes(bytes) => human::bytes(*bytes),
        Value::EstimatedBytes(bytes) => format!("~{}", human::bytes(*bytes)),
        Value::Count(count) => human::count(*count),
        Value::Lsn(lsn) => lsn.to_string(),
        Value::Time(time) => time.strftime("%Y-%m-%d %H:%MZ").to_string(),
        Value::Duration(seconds) => human::duration(*seconds),
        Value::BytesPerDay(rate) => human::bytes_per_day(*rate),
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Share(share) => human::percent(*share),
    };
    (text, false)
}

/// Removes the middle of a name, since names differ at both ends.
fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let available = width.saturating_sub(1);
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut taken = Vec::new();
        for c in chars {
            used += c.to_string().width();
            if used > room {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let head: String = take(&mut text.chars(), available - available / 2).into_iter().collect();
    let tail: String = take(&mut text.chars().rev(), available / 2).into_iter().rev().collect();
    format!("{head}…{tail}")
}

/// Columns that are shown, and the maximum width of their names.
struct ColumnFit {
    columns: Vec<usize>,
    limits: Vec<usize>,
}

fn fit_columns(
    columns: &[Column],
    mut shown: Vec<usize>,
    widths: &[usize],
    may_shorten: &[bool],
    width: Option<usize>,
) -> ColumnFit {
    let mut limits = widths.to_vec();
    let Some(width) = width else { return ColumnFit { columns: shown, limits } };
    loop {
        limits.copy_from_slice(widths);
        shrink_columns(columns, &shown, &mut limits, width, |c| may_shorten[c].then_some(MIN_NAME_WIDTH));
        if total_width(&shown, &limits) <= width {
            return ColumnFit { columns: shown, limits };
        }
        let least = shown.iter().copied().filter(|c| columns[*c].rank > 0).max_by_key(|c| (columns[*c].rank, *c));
        match least {
            Some(c) => shown.retain(|k| *k != c),
            None => break,
        }
    }
    // No column can be left out any more, so text wraps.
    shrink_columns(columns, &shown, &mut limits, width, |c| {
        is_wrappable(&columns[c], may_shorten[c]).then_some(MIN_TEXT_WIDTH)
    });
    ColumnFit { columns: shown, limits }
}

/// Narrows the widest columns, down to their minimum widths, until all of them fit.
fn shrink_columns(
    columns: &[Column],
    shown: &[usize],
    limits: &mut [usize],
    width: usize,
    least: impl Fn(usize) -> Option<usize>,
) {
    let floor = |c: usize| least(c).map(|least| least.max(columns[c].title.width()));
    while total_width(shown, limits) > width {
        let wide = shown.iter().copied().filter(|c| floor(*c).is_some_and(|floor| limits[*c] > floor));
        match wide.max_by_key(|c| limits[*c]) {
            Some(c) => limits[c] -= 1,
            None => break,
        }
    }
}

fn total_width(shown: &[usize], limits: &[usize]) -> usize {
    shown.iter().map(|c| limits[*c]).sum::<usize>() + BETWEEN_COLUMNS * shown.len().saturating_sub(1)
}

/// Returns whether a column may wrap: it has text, and no name is shortened instead.
fn is_wrappable(column: &Column, may_shorten: bool) -> bool {
    column.align == Align::Left && !column.is_picture && !may_shorten
}

fn push_table(out: &mut String, table: &Table, style: Style) {
    let cells: Vec<Vec<(String, bool)>> = table.rows.iter().map(|row| row.iter().map(cell_text).collect()).collect();
    let width_of =
        |c: usize| cells.iter().map(|row| row[c].0.width()).max().unwrap_or(0).max(table.columns[c].title.width());
    let widths: Vec<usize> = (0..table.columns.len()).map(width_of).collect();
    let may_shorten: Vec<bool> = (0..table.columns.len()).map(|c| cells.iter().any(|row| row[c].1)).collect();
    // A column without title and values is left out.
    let bare = |c: &usize| table.columns[*c].title.is_empty() && cells.iter().all(|row| row[*c].0.is_empty());
    let present: Vec<usize> = (0..table.columns.len()).filter(|c| !bare(c)).collect();
    let fit = fit_columns(&table.columns, present.clone(), &widths, &may_shorten, style.width);

    let mut text = comfy_table::Table::new();
    text.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if style.color {
        text.enforce_styling();
    } else {
        text.force_no_tty();
    }
    let titled = table.columns.iter().any(|column| !column.title.is_empty());
    let header = fit.columns.iter().map(|c| {
        let column = &table.columns[*c];
        comfy_table::Cell::new(column.title).set_alignment(alignment(column.align)).add_attribute(Attribute::Bold)
    });
    if titled {
        text.set_header(header.collect::<Vec<_>>());
    }
    for (row, texts) in table.rows.iter().zip(&cells) {
        text.add_row(fit.columns.iter().map(|c| {
            let (content, can_shorten) = &texts[*c];
            let limit = fit.limits[*c];
            let content = match can_shorten {
                true => shorten(content, limit),
                false if content.width() > limit && is_wrappable(&table.columns[*c], may_shorten[*c]) => {
                    wrap(content, Some(limit)).join("\n")
                }
                false => content.clone(),
            };
            let cell = comfy_table::Cell::new(content).set_alignment(alignment(table.columns[*c].align));
            match row[*c].tone {
                Tone::Plain => cell,
                Tone::Faint => cell.add_attribute(Attribute::Dim),
                Tone::Good => cell.fg(Color::DarkGreen),
                Tone::Warning => cell.fg(Color::DarkYellow),
                Tone::Bad => cell.fg(Color::DarkRed),
            }
        }));
    }
    for (position, column) in text.column_iter_mut().enumerate() {
        let last = position + 1 == fit.columns.len();
        column.set_padding((0, if last { 0 } else { BETWEEN_COLUMNS as u16 }));
    }
    for line in text.lines() {
        push_line(out, &line);
    }
    if table.left_out > 0 {
        let note = format!("… and {} more (--limit 0 shows all)", human::count(table.left_out as u64));
        push_line(out, &paint(&note, "2", style));
    }
    if fit.columns.len() < present.len() {
        let hidden = present.iter().filter(|c| !fit.columns.contains(c)).map(|c| {
            let column = &table.columns[*c];
            if column.title.is_empty() { column.key } else { column.title }
        });
        let note = format!("not shown at this width: {}", hidden.collect::<Vec<_>>().join(", "));
        for line in wrap(&note, style.width) {
            push_line(out, &paint(&line, "2", style));
        }
    }
}

fn alignment(align: Align) -> CellAlignment {
    match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names_and_sizes(rows: &[(&str, u64)]) -> Document {
        let mut document = Document::default();
        document.table(Table {
            columns: vec![
                Column::text("table", "table", 0),
                Column::numbers("total_bytes", "total", 0),
                Column::numbers("heap_bytes", "heap", 2),
                Column::text("note", "note", 1),
            ],
            rows: rows
                .iter()
                .map(|(name, size)| {
                    vec![Cell::name(*name), Cell::bytes(*size), Cell::bytes(*size), Cell::text("as it was")]
                })
                .collect(),
            left_out: 0,
        });
        document
    }

    #[test]
    fn terminal_narrow_shortens_then_drops_columns() {
        let long = "a_very_long_table_name_that_nobody_would_type_twice_2026_11";
        let text = render_terminal(
            &names_and_sizes(&[(long, 1 << 30), ("b", 8_192)]),
            Style { color: false, width: Some(36) },
        );
        insta::assert_snapshot!(text, @r"
        table               total  note
        a_very_lo…_2026_11   1 GB  as it was
        b                    8 kB  as it was
        not shown at this width: heap
        ");
    }

    #[test]
    fn terminal_unlimited_is_plain_and_full() {
        let text = render_terminal(&names_and_sizes(&[("x\u{1b}[31m", 0)]), Style { color: false, width: None });
        assert!(text.contains("x\\u{1b}[31m") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn terminal_wraps_long_text() {
        let mut document = Document::default();
        document.table(Table {
            columns: vec![Column::text("term", "term", 0), Column::numbers("bytes", "size", 0)],
            rows: vec![
                vec![Cell::text("WAL of slots a, b and c, if their owners confirm"), Cell::bytes(8_192)],
                vec![Cell::text("pg_wal"), Cell::bytes(1 << 30)],
            ],
            left_out: 0,
        });
        insta::assert_snapshot!(render_terminal(&document, Style { color: false, width: Some(36) }), @r"
        term                         size
        WAL of slots a, b and c, if  8 kB
          their owners confirm
        pg_wal                       1 GB
        ");
    }

    proptest! {
        #[test]
        fn terminal_lines_fit_width(name in "[a-zü🐘_]{1,70}", width in 36_usize..100) {
            let text = render_terminal(&names_and_sizes(&[(&name, 1 << 20)]), Style { color: false, width: Some(width) });
            for line in text.lines() {
                prop_assert!(line.width() <= width, "{} > {width}: {line}", line.width());
            }
        }
    }
}
