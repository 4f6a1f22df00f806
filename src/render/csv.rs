//! CSV (RFC 4180): the first table of a report with all columns and plain numbers.

use super::{Document, Value, escape::escape_unprintable};
use std::io::{self, Write};

/// Writes bytes, counts and seconds as integers and times as RFC 3339. Unknown and absent values are empty.
pub fn write_csv(document: &Document, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Some(table) = document.first_table() else { return Ok(()) };
    let mut writer = csv::Writer::from_writer(out);
    let columns: Vec<usize> = (0..table.columns.len()).filter(|c| !table.columns[*c].is_picture).collect();
    writer.write_record(columns.iter().map(|c| table.columns[*c].key))?;
    for row in &table.rows {
        writer.write_record(columns.iter().map(|c| bare_value(&row[*c].value)))?;
    }
    writer.flush()
}

/// A spreadsheet executes a cell that begins like a formula. After an apostrophe it is text in all of them.
fn escape_formula(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

fn bare_value(value: &Value) -> String {
    match value {
        Value::None | Value::Unknown => String::new(),
        Value::Text(text) | Value::Name(text) | Value::Excerpt(text) | Value::Index { name: text, .. } => {
            escape_formula(escape_unprintable(text).into_owned())
        }
        Value::Relation { schema, name } => {
            escape_formula(escape_unprintable(&format!("{schema}.{name}")).into_owned())
        }
        Value::Bytes(number) | Value::EstimatedBytes(number) | Value::Count(number) | Value::Duration(number) => {
            number.to_string()
        }
        Value::Lsn(lsn) => lsn.to_string(),
        Value::Time(time) => time.to_string(),
        Value::BytesPerDay(rate) => format!("{rate:.0}"),
        Value::Flag(flag) => flag.to_string(),
        Value::Share(share) => format!("{share:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn csv_escapes_formulas_only(name in "[=+@'a-z-][ -~]{0,8}") {
            let cell = bare_value(&Value::Name(name.clone()));
            prop_assert!(!cell.starts_with(['=', '+', '-', '@']));
            let is_plain = name.starts_with(|first: char| first == '\'' || first.is_ascii_lowercase());
            let expected = if is_plain { name } else { format!("'{name}") };
            prop_assert_eq!(cell, expected);
        }
    }
}
