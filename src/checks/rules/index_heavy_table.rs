//! Tables with much more index data than table data.

use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::{Bytes, GB, Percent, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::{Level, TableKind};
use crate::message::{Fragment, message};
use crate::quote::{PrintedConnection, ShellCommand, code_span};
use std::collections::HashMap;

limits! {
    /// Size of a table's indexes, relative to the table with TOAST
    warning: Percent = 300.0;
    /// Minimum size of the indexes
    minimum: Bytes = 10 * GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let tables = collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    for (db, tables) in tables {
        let mut of_table: HashMap<u32, (u64, u64)> = HashMap::new();
        for index in db.indexes.known().into_iter().flatten() {
            let (count, bytes) = of_table.entry(index.table_oid).or_default();
            (*count, *bytes) = (*count + 1, *bytes + index.size.bytes);
        }
        for table in tables.iter().filter(|table| table.kind == TableKind::Table && !table.is_catalog()) {
            let Some(&(count, bytes)) = of_table.get(&table.oid) else { continue };
            let share = Percent(bytes as f64 / (table.heap.bytes + table.toast.bytes).max(1) as f64 * 100.0);
            if Bytes(bytes) < limits.minimum || share < limits.warning {
                continue;
            }
            let name = relation_subject(&db.database, &table.schema, &table.table);
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                message: message![
                    Fragment::Count(count),
                    if count == 1 { " index of " } else { " indexes of " },
                    &name,
                    if count == 1 { " takes " } else { " take " },
                    Fragment::Bytes(bytes),
                    ", ",
                    Fragment::Percent(share.0),
                    " of the size of the table"
                ],
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: message![
                    code_span(&indexes_command(&evidence.snapshot.connection, &db.database, &table.table).to_string()),
                    " shows which indexes can be dropped and which are bloated"
                ],
            });
        }
    }
    Ok(outcome)
}

/// Returns the command for the index report of one table; `--table` takes a pattern.
fn indexes_command(connection: &PrintedConnection, database: &str, table: &str) -> ShellCommand {
    connection
        .add_to_for(ShellCommand::new("pgtend indexes"), database)
        .option("--table", &glob::Pattern::escape(table))
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, index};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn index_heavy_table_needs_ratio_and_size() {
        let with = |bytes: u64| {
            evaluate_check("index-heavy-table", |value| {
                value["database_snapshots"][0]["indexes"]["known"] = json!([index(20_001, "wide", &[1, 2, 3], bytes)]);
            })
        };
        assert_eq!(with((10 << 30) - 1).kind(), CheckOutcomeKind::Passed, "51 times the table, but small");
        assert_eq!(found_subjects(&with(10 << 30)), [(Level::Warning, "shop/public.orders")]);
        let balanced = evaluate_check("index-heavy-table", |value| {
            value["database_snapshots"][0]["tables"]["known"][0]["heap"]["bytes"] = json!(4_u64 << 30);
            value["database_snapshots"][0]["indexes"]["known"] = json!([index(20_001, "wide", &[1, 2, 3], 11 << 30)]);
        });
        assert_eq!(balanced.kind(), CheckOutcomeKind::Passed);
    }
}
