//! Which tables carry more indexes than data.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::{of_databases, subject},
    limits::{Bytes, GB, Percent, limits},
};
use crate::model::{Level, Piece, PrintedConnection, ShellCommand, TableKind, code_span, words};
use std::collections::HashMap;

limits! {
    /// The indexes of a table take so much of the table itself, TOAST included
    warning: Percent = 300.0;
    /// ... and at least so much
    minimum: Bytes = 10 * GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let tables = of_databases(evidence.snapshot, |contents| &contents.tables, &mut answer);
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    for (contents, tables) in tables {
        let mut of_table: HashMap<u32, (u64, u64)> = HashMap::new();
        for index in contents.indexes.known().into_iter().flatten() {
            let (count, bytes) = of_table.entry(index.table_oid).or_default();
            (*count, *bytes) = (*count + 1, *bytes + index.size.bytes);
        }
        for table in tables.iter().filter(|table| table.kind == TableKind::Table && !table.is_catalog()) {
            let Some(&(count, bytes)) = of_table.get(&table.oid) else { continue };
            let share = Percent(bytes as f64 / (table.heap.bytes + table.toast.bytes).max(1) as f64 * 100.0);
            if Bytes(bytes) < limits.minimum || share < limits.warning {
                continue;
            }
            let name = subject(&contents.database, &table.schema, &table.table);
            answer.find(Symptom {
                level: Level::Warning,
                message: words![
                    "the ",
                    Piece::Count(count),
                    " indexes of ",
                    &name,
                    " take ",
                    Piece::Bytes(bytes),
                    ", ",
                    Piece::Percent(share.0),
                    " of the table"
                ],
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: words![
                    code_span(&indexes_of(&evidence.snapshot.connection, &contents.database, &table.table).to_string()),
                    " says which may go, and which are bloated"
                ],
            });
        }
    }
    Ok(answer)
}

/// The report of one table's indexes; `--table` takes a pattern.
fn indexes_of(connection: &PrintedConnection, database: &str, table: &str) -> ShellCommand {
    connection
        .add_to_for(ShellCommand::new("pgtend indexes"), database)
        .option("--table", &glob::Pattern::escape(table))
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, index},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn the_ratio_and_the_size_must_both_be_passed() {
        let with = |bytes: u64| {
            ask("index-heavy-table", |it| {
                it["contents"][0]["indexes"]["known"] = json!([index(20_001, "wide", &[1, 2, 3], bytes)]);
            })
        };
        assert_eq!(with((10 << 30) - 1).kind(), Kind::Clear, "51 times, but small");
        assert_eq!(found(&with(10 << 30)), [(Level::Warning, "shop/public.orders")]);
        let balanced = ask("index-heavy-table", |it| {
            it["contents"][0]["tables"]["known"][0]["heap"]["bytes"] = json!(4_u64 << 30);
            it["contents"][0]["indexes"]["known"] = json!([index(20_001, "wide", &[1, 2, 3], 11 << 30)]);
        });
        assert_eq!(balanced.kind(), Kind::Clear);
    }
}
