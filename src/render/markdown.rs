//! GitHub-flavoured Markdown, for tickets.

use super::{Align, Block, Document, Value, escape::escape_unprintable, human};
use crate::quote::{code_span, code_spans};

/// Renders the document.
pub fn render_markdown(document: &Document) -> String {
    let mut out = String::new();
    for block in &document.blocks {
        match block {
            Block::Gap | Block::Chart(_) | Block::Tiles(_) => {}
            Block::Heading(text) => out.push_str(&format!("## {}\n\n", escape_markup(text))),
            Block::Line(text, _) => out.push_str(&format!("{}\n\n", escape_text(text.trim()))),
            Block::Table(table) => {
                let titles: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
                out.push_str(&format!("| {} |\n|", titles.join(" | ")));
                for column in &table.columns {
                    out.push_str(if column.align == Align::Right { " ---: |" } else { " --- |" });
                }
                out.push('\n');
                for row in &table.rows {
                    let cells: Vec<String> = row.iter().map(|cell| value_text(&cell.value)).collect();
                    out.push_str(&format!("| {} |\n", cells.join(" | ")));
                }
                if table.left_out > 0 {
                    out.push_str(&format!("\n… and {} more\n", human::count(table.left_out as u64)));
                }
                out.push('\n');
            }
            Block::Code(language, commands) => {
                let text: String =
                    commands.iter().map(|command| format!("{}\n", escape_unprintable(command))).collect();
                let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
                let fence = "`".repeat(longest.max(2) + 1);
                out.push_str(&format!("{fence}{}\n{text}{fence}\n\n", language.fence()));
            }
            Block::Commands(commands) => {
                for (command, description) in commands {
                    out.push_str(&format!("- {}: {}\n", inline_code(command), escape_markup(description)));
                }
                out.push('\n');
            }
        }
    }
    out
}

fn value_text(value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Unknown => "?".to_owned(),
        Value::Text(text) => escape_markup(text),
        Value::Name(name) | Value::Excerpt(name) | Value::Index { name, .. } => cell_inline_code(name),
        Value::Relation { schema, name } => cell_inline_code(&format!("{schema}.{name}")),
        Value::Bytes(bytes) => human::bytes(*bytes),
        Value::EstimatedBytes(bytes) => format!("about {}", human::bytes(*bytes)),
        Value::Count(count) => human::count(*count),
        Value::Lsn(lsn) => lsn.to_string(),
        Value::Time(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Value::Duration(seconds) => human::duration(*seconds),
        Value::BytesPerDay(rate) => human::bytes_per_day(*rate),
        Value::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Share(share) => human::percent(*share),
    }
}

/// Escapes all markup.
fn escape_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape_unprintable(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Escapes all markup except code spans.
fn escape_text(text: &str) -> String {
    let text = escape_unprintable(text);
    code_spans(&text)
        .into_iter()
        .map(|(is_code, part)| if is_code { code_span(part) } else { escape_markup(part) })
        .collect()
}

fn inline_code(text: &str) -> String {
    code_span(&escape_unprintable(text))
}

/// Formats a code span in a table, where a vertical bar would end the cell.
fn cell_inline_code(text: &str) -> String {
    code_span(&escape_unprintable(text).replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Cell, Column, Language, Table};

    #[test]
    fn fence_names_the_language() {
        let mut document = Document::default();
        document.code(Language::Shell, vec!["pgtend wal".to_owned()]);
        document.code(Language::Sql, vec!["CHECKPOINT;".to_owned()]);
        assert_eq!(render_markdown(&document), "```sh\npgtend wal\n```\n\n```sql\nCHECKPOINT;\n```\n\n");
    }

    #[test]
    fn markdown_escapes_names() {
        let mut document = Document::default();
        document.heading("Tables <of> *app*").table(Table {
            columns: vec![Column::text("table", "table", 0), Column::numbers("bytes", "bytes", 0)],
            rows: vec![
                vec![Cell::name("a|b"), Cell::bytes(8_192)],
                vec![Cell::name("`x`"), Cell::new(Value::Unknown)],
                vec![Cell::text("<script>|_"), Cell::new(Value::None)],
            ],
            left_out: 2,
        });
        insta::assert_snapshot!(render_markdown(&document), @r"
        ## Tables \<of\> \*app\*

        | table | bytes |
        | --- | ---: |
        | `a\|b` | 8 kB |
        | `` `x` `` | ? |
        | \<script\>\|\_ |  |

        … and 2 more
        ");
    }
}
