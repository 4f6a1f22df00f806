//! Tables.

use super::{
    Style, break_word,
    columns::{BETWEEN_COLUMNS, ColumnKind, ColumnTexts, fit_columns, shorten},
    escape_code, paint, push_line, wrap,
};
use crate::render::{Align, Cell, Column, Table, Tone, Value, escape::escape_unprintable, human};
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};
use unicode_width::UnicodeWidthStr;

/// Whether names have their schemas.
#[derive(Clone, Copy)]
struct Qualification {
    relations: bool,
    indexes: bool,
}

/// Appends a table. Without a width limit it has all columns, otherwise those that fit and are not empty.
pub(super) fn push_table(out: &mut String, table: &Table, style: Style) {
    let schema = shared_schema(table);
    let is_shared = schema.is_some();
    let is_limited = style.width.is_some();
    let qualification = Qualification { relations: !(is_shared && is_limited), indexes: !is_shared };
    if let Some(schema) = schema.filter(|_| is_limited) {
        push_line(out, &paint(&format!("Schema: {}", escape_unprintable(schema)), FAINT, style));
    }
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(|cell| cell_text(cell, qualification)).collect()).collect();
    let columns = column_texts(table, &cells);
    let (present, empty) = present_columns(table, &cells, is_limited);
    let (shown, limits) = match style.width {
        Some(width) => {
            let fit = fit_columns(&columns, present.clone(), width);
            (fit.shown, fit.limits)
        }
        None => (present.clone(), vec![usize::MAX; columns.len()]),
    };

    let mut text = comfy_table::Table::new();
    text.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if style.color {
        text.enforce_styling();
    } else {
        text.force_no_tty();
    }
    let has_header = table.columns.iter().any(|column| !column.title.is_empty());
    if has_header {
        text.set_header(shown.iter().map(|c| {
            let column = &table.columns[*c];
            comfy_table::Cell::new(column.title).set_alignment(alignment(column.align)).add_attribute(Attribute::Bold)
        }));
    }
    let label = shown.iter().copied().find(|c| columns[*c].kind == ColumnKind::Label);
    let displaced = |row: usize| label.filter(|c| cells[row][*c].width() > limits[*c]);
    let mut heights = Vec::with_capacity(table.rows.len());
    for (row, texts) in cells.iter().enumerate() {
        let contents: Vec<String> = shown
            .iter()
            .map(|c| match (columns[*c].kind, &texts[*c]) {
                (ColumnKind::Label, _) if displaced(row).is_some() => String::new(),
                (ColumnKind::Name | ColumnKind::Excerpt, content) => shorten(content, limits[*c]),
                (ColumnKind::Text, content) if content.width() > limits[*c] => {
                    wrap(content, Some(limits[*c])).join("\n")
                }
                (_, content) => content.clone(),
            })
            .collect();
        heights.push(contents.iter().map(|content| content.lines().count()).max().unwrap_or(0).max(1));
        text.add_row(shown.iter().zip(contents).map(|(c, content)| {
            let cell = comfy_table::Cell::new(content).set_alignment(alignment(table.columns[*c].align));
            match table.rows[row][*c].tone {
                Tone::Plain => cell,
                Tone::Faint => cell.add_attribute(Attribute::Dim),
                Tone::Good => cell.fg(Color::DarkGreen),
                Tone::Warning => cell.fg(Color::DarkYellow),
                Tone::Bad => cell.fg(Color::DarkRed),
            }
        }));
    }
    for (position, _) in shown.iter().enumerate() {
        if let Some(column) = text.column_mut(position) {
            column.set_padding((0, if position + 1 == shown.len() { 0 } else { BETWEEN_COLUMNS as u16 }));
        }
    }
    let mut lines = text.lines();
    lines.by_ref().take(usize::from(has_header)).for_each(|line| push_line(out, &line));
    for (row, height) in heights.into_iter().enumerate() {
        if let Some(c) = displaced(row) {
            for part in break_word(&cells[row][c], style.width.unwrap_or(usize::MAX)) {
                push_line(out, &paint(&part, escape_code(table.rows[row][c].tone), style));
            }
        }
        lines.by_ref().take(height).for_each(|line| push_line(out, &line));
    }
    let too_wide: Vec<usize> = present.iter().copied().filter(|c| !shown.contains(c)).collect();
    push_notes(out, table, &too_wide, &empty, style);
}

const FAINT: &str = "2";

/// Appends what the table leaves out.
fn push_notes(out: &mut String, table: &Table, too_wide: &[usize], empty: &[usize], style: Style) {
    let titles = |columns: &[usize]| {
        let title = |column: &Column| if column.title.is_empty() { column.key } else { column.title };
        columns.iter().map(|c| title(&table.columns[*c])).collect::<Vec<_>>().join(", ")
    };
    let mut notes = Vec::new();
    if table.left_out > 0 {
        notes.push(format!("… and {} more (--limit 0 shows all)", human::count(table.left_out as u64)));
    }
    if !too_wide.is_empty() {
        notes.push(format!("not shown at this width: {}", titles(too_wide)));
    }
    if !empty.is_empty() {
        notes.push(format!("0 or empty in all rows: {}", titles(empty)));
    }
    for line in notes.iter().flat_map(|note| wrap(note, style.width)) {
        push_line(out, &paint(&line, FAINT, style));
    }
}

/// Returns the columns to show, and the optional columns with only zero or empty values.
fn present_columns(table: &Table, cells: &[Vec<String>], is_limited: bool) -> (Vec<usize>, Vec<usize>) {
    // A column without title and values is left out silently.
    let bare = |c: &usize| table.columns[*c].title.is_empty() && cells.iter().all(|row| row[*c].is_empty());
    let says_nothing = |c: &usize| {
        let is_optional = table.columns[*c].rank > 0 || table.columns[*c].is_left_out_when_empty;
        is_optional && !table.rows.is_empty() && table.rows.iter().all(|row| is_zero_or_empty(&row[*c].value))
    };
    let columns = (0..table.columns.len()).filter(|c| !bare(c)).filter(|c| !table.columns[*c].is_for_files);
    let (empty, present) = columns.partition(|c| is_limited && says_nothing(c));
    (present, empty)
}

fn is_zero_or_empty(value: &Value) -> bool {
    match value {
        Value::None => true,
        Value::Text(text) | Value::Name(text) | Value::Excerpt(text) => text.is_empty(),
        Value::Bytes(number) | Value::EstimatedBytes(number) | Value::Count(number) | Value::Duration(number) => {
            *number == 0
        }
        _ => false,
    }
}

/// Returns the schema of all relations and indexes of the table, if it is one.
fn shared_schema(table: &Table) -> Option<&str> {
    let mut schemas = table.rows.iter().flatten().filter_map(|cell| match &cell.value {
        Value::Relation { schema, .. } | Value::Index { schema, .. } => Some(schema.as_str()),
        _ => None,
    });
    let first = schemas.next()?;
    schemas.all(|schema| schema == first).then_some(first)
}

fn column_texts<'a>(table: &'a Table, cells: &'a [Vec<String>]) -> Vec<ColumnTexts<'a>> {
    let mut has_label = false;
    let column_texts = |(c, column): (usize, &'a Column)| {
        let has = |is: fn(&Value) -> bool| table.rows.iter().any(|row| is(&row[c].value));
        let names = has(|value| matches!(value, Value::Name(_) | Value::Relation { .. } | Value::Index { .. }));
        let kind = match names {
            true if !has_label && column.rank == 0 => ColumnKind::Label,
            true => ColumnKind::Name,
            false if has(|value| matches!(value, Value::Excerpt(_))) => ColumnKind::Excerpt,
            false => ColumnKind::without_names(column),
        };
        has_label |= kind == ColumnKind::Label;
        ColumnTexts { column, kind, texts: cells.iter().map(|row| row[c].as_str()).collect() }
    };
    table.columns.iter().enumerate().map(column_texts).collect()
}

fn cell_text(cell: &Cell, qualification: Qualification) -> String {
    let name = |schema: &str, name: &str, is_qualified: bool| match is_qualified {
        true => escape_unprintable(&format!("{schema}.{name}")).into_owned(),
        false => escape_unprintable(name).into_owned(),
    };
    match &cell.value {
        Value::None => "-".to_owned(),
        Value::Unknown => "?".to_owned(),
        Value::Text(text) | Value::Name(text) | Value::Excerpt(text) => escape_unprintable(text).into_owned(),
        Value::Relation { schema, name: relation } => name(schema, relation, qualification.relations),
        Value::Index { schema, name: index } => name(schema, index, qualification.indexes),
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
    }
}

fn alignment(align: Align) -> CellAlignment {
    match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    }
}
