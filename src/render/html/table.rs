//! Tables.

use crate::render::{Align, Cell, Table, Tone, Value, escape::escape_unprintable, human};
use maud::{Markup, html};

pub fn table_markup(table: &Table) -> Markup {
    let number = |align: Align| if align == Align::Right { "n" } else { "" };
    // Columns with sentences get more space on narrow screens.
    let is_long = |position: usize| {
        table
            .rows
            .iter()
            .any(|row| matches!(&row[position].value, Value::Text(text) if text.chars().count() > LONG_TEXT))
    };
    let long: Vec<&str> =
        (0..table.columns.len()).map(|position| if is_long(position) { "long " } else { "" }).collect();
    html! {
        div.scroll {
            table {
                thead { tr { @for column in &table.columns { th scope="col" class=(number(column.align)) { (column.title) } } } }
                tbody {
                    @for row in &table.rows {
                        tr { @for ((cell, column), long) in row.iter().zip(&table.columns).zip(&long) {
                            td class={ (number(column.align)) " " (long) (if column.is_picture { "picture " } else { "" }) (super::tone_class(cell.tone)) } { (value_markup(cell)) }
                        } }
                    }
                }
            }
        }
        @if table.left_out > 0 { p.faint { "… and " (human::count(table.left_out as u64)) " more" } }
    }
}

/// Number of letters from which text counts as a sentence.
const LONG_TEXT: usize = 36;

/// Renders a name, which may break only after the characters that join its parts.
fn name_markup(text: &str) -> Markup {
    let text = escape_unprintable(text);
    html! { code { @for part in text.split_inclusive(['.', '_', ' ']) { (part) wbr; } } }
}

pub fn value_markup(cell: &Cell) -> Markup {
    match &cell.value {
        Value::None => html! {},
        Value::Unknown => html! { span.faint title="unknown" { "?" } },
        Value::Text(text) => html! { (escape_unprintable(text)) },
        Value::Name(name) | Value::Excerpt(name) | Value::Index { name, .. } => self::name_markup(name),
        Value::Relation { schema, name } => self::name_markup(&format!("{schema}.{name}")),
        Value::Bytes(bytes) => html! { span title={ (bytes) " bytes" } { (human::bytes(*bytes)) } },
        Value::EstimatedBytes(bytes) => {
            html! { span title={ "about " (bytes) " bytes" } { "~" (human::bytes(*bytes)) } }
        }
        Value::Count(count) => html! { (human::count(*count)) },
        Value::Lsn(lsn) => html! { (lsn.to_string()) },
        Value::Time(time) => html! { (time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()) },
        Value::Duration(seconds) => html! { (human::duration(*seconds)) },
        Value::BytesPerDay(rate) => html! { (human::bytes_per_day(*rate)) },
        Value::Flag(flag) => html! { (if *flag { "yes" } else { "no" }) },
        Value::Share(share) => html! { (human::percent(*share)) },
    }
}

/// Returns the table of names and figures that accompanies a chart.
pub fn figures_table(rows: impl Iterator<Item = (String, Vec<String>)>, titles: &[&str]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th scope="col" { "" } @for title in titles { th.n scope="col" { (title) } } } }
            tbody { @for (name, values) in rows { tr {
                td class=(super::tone_class(Tone::Plain)) { (escape_unprintable(&name)) }
                @for value in values { td.n { (value) } }
            } } }
        } }
    }
}
