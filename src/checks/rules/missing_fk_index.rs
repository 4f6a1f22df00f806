//! Foreign keys without an index on the referencing columns, so that a delete of referenced rows scans the table.

use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::{MB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::{ForeignKey, Index, Level, Measure, Table, TableKind};
use crate::message::{Fragment, message};
use crate::quote::{code_span, qualified};
use std::collections::HashMap;

limits! {
    /// Minimum size of the referencing table
    minimum: Bytes = 100 * MB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let keys = collect_database_facts(evidence.snapshot, |contents| &contents.index_facts.foreign_keys, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    for (db, keys) in keys {
        let (Some(tables), Some(indexes)) = (db.tables.known(), db.indexes.known()) else { continue };
        let by_oid: HashMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
        let indexes_by_oid: HashMap<u32, &Index> = indexes.iter().map(|index| (index.oid, index)).collect();
        let mut of_table: HashMap<u32, Vec<&Index>> = HashMap::new();
        for index in indexes {
            of_table.entry(index.table_oid).or_default().push(index);
        }
        for key in keys.iter().filter(|key| key.is_enforced) {
            let Some(table) = by_oid.get(&key.table_oid).filter(|table| table.kind == TableKind::Table) else {
                continue;
            };
            let is_supported = of_table
                .get(&table.oid)
                .is_some_and(|indexes| indexes.iter().any(|index| supports_foreign_key(index, key)));
            if table.heap.bytes < limits.minimum.0
                || is_supported
                || is_referenced_table_static(key, &by_oid, &indexes_by_oid)
            {
                continue;
            }
            let name = relation_subject(&db.database, &table.schema, &table.table);
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                subject: format!("{name}.{}", key.constraint_name),
                measured: Some(Measure::Bytes(table.heap.bytes)),
                threshold: Some(limits.minimum.into()),
                message: message![
                    "foreign key ",
                    &key.constraint_name,
                    " of ",
                    &name,
                    " has no supporting index: each delete of a referenced row scans ",
                    Fragment::Bytes(table.heap.bytes)
                ],
                advice: message![
                    code_span(&format!("CREATE INDEX CONCURRENTLY ON {}", qualified(&table.schema, &table.table))),
                    " with the foreign key columns first"
                ],
            });
        }
    }
    Ok(outcome)
}

/// Returns whether the columns lead the index, in any order, and it has all rows
/// (docs/reference/index-usage.md#foreign-keys).
fn supports_foreign_key(index: &Index, key: &ForeignKey) -> bool {
    let wanted = &key.column_numbers;
    let leading = index.column_numbers.get(..wanted.len()).unwrap_or_default();
    index.is_valid
        && !index.is_partial
        && wanted.len() <= index.key_columns_count as usize
        && matches!(&*index.method, "btree" | "hash" | "gin" | "gist")
        && !leading.is_empty()
        && wanted.iter().all(|column| leading.contains(column))
}

/// Returns whether the referenced table had no delete or update since the statistics began, so that the missing index
/// costs nothing.
fn is_referenced_table_static(key: &ForeignKey, tables: &HashMap<u32, &Table>, indexes: &HashMap<u32, &Index>) -> bool {
    let target = indexes.get(&key.target_index_oid).and_then(|index| tables.get(&index.table_oid));
    target.is_some_and(|table| table.rows_deleted == 0 && table.rows_updated == 0)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn missing_fk_index_reports_only_costly_keys() {
        let with = |columns: Value, table: Value| {
            evaluate_check("missing-fk-index", |value| {
                let db = &mut value["database_snapshots"][0];
                db["index_facts"]["foreign_keys"] = json!({"known": [{"constraint_name": "fk",
                    "table_oid": 20_000, "column_numbers": columns, "target_index_oid": 20_001}]});
                db["tables"]["known"][0].as_object_mut().unwrap().extend(table.as_object().unwrap().clone());
            })
        };
        assert_eq!(with(json!([1]), json!({})).kind(), CheckOutcomeKind::Passed, "the index of column 1 leads");
        assert_eq!(
            with(json!([2]), json!({"rows_deleted": 0, "rows_updated": 0})).kind(),
            CheckOutcomeKind::Passed,
            "the referenced table is static"
        );
        let small = json!({"heap": {"bytes": 99 << 20, "source": "exact"}});
        assert_eq!(with(json!([2]), small).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(json!([2]), json!({}))), [(Level::Warning, "shop/public.orders.fk")]);
        assert_eq!(found_subjects(&with(json!([1, 2]), json!({}))), [(Level::Warning, "shop/public.orders.fk")]);
        let unenforced = evaluate_check("missing-fk-index", |value| {
            value["database_snapshots"][0]["index_facts"]["foreign_keys"] = json!({"known": [{"constraint_name": "fk",
                "table_oid": 20_000, "column_numbers": [2], "target_index_oid": 20_001, "is_enforced": false}]});
        });
        assert_eq!(unenforced.kind(), CheckOutcomeKind::Passed, "not enforced");
    }
}
