//! Invalid indexes, left behind by a failed build or drop.

use crate::analysis::index::is_left_invalid;
use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::{Level, Measure, Table};
use crate::message::{Fragment, message};
use crate::quote::{code_span, qualified};
use std::collections::HashMap;

limits! {}

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome);
    for db in &evidence.snapshot.database_snapshots {
        let mut invalid =
            db.indexes.known().into_iter().flatten().filter(|index| is_left_invalid(index, db)).peekable();
        if invalid.peek().is_none() {
            continue;
        }
        let tables: HashMap<u32, &Table> =
            db.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        for index in invalid {
            // Without the schema, the name and the commands would be wrong.
            let Some(table) = tables.get(&index.table_oid) else { continue };
            let schema = table.schema.as_str();
            let name = relation_subject(&db.database, schema, &index.index);
            let sql = qualified(schema, &index.index);
            // REINDEX appends a number when the name of its copy is taken.
            let base_name = index.index.trim_end_matches(|c: char| c.is_ascii_digit());
            let advice = if base_name.ends_with("_ccnew") || base_name.ends_with("_ccold") {
                message!["left by a failed REINDEX: ", code_span(&format!("DROP INDEX CONCURRENTLY {sql}"))]
            } else {
                message![
                    "if it is needed, ",
                    code_span(&format!("REINDEX INDEX CONCURRENTLY {sql}")),
                    if index.is_unique { " (first remove duplicate rows)" } else { "" },
                    ", otherwise ",
                    code_span(&format!("DROP INDEX CONCURRENTLY {sql}"))
                ]
            };
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                message: message![
                    "index ",
                    &name,
                    " is invalid (failed build or drop): it takes ",
                    Fragment::Bytes(index.size.bytes),
                    if index.is_ready && index.is_live {
                        ", every write updates it, and no query uses it"
                    } else {
                        ", and no query uses it"
                    },
                ],
                subject: name,
                measured: Some(Measure::Bytes(index.size.bytes)),
                threshold: None,
                advice,
            });
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, index};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn invalid_index_ignores_running_build() {
        let with = |builds: Value| {
            evaluate_check("invalid-index", |value| {
                let mut half_built = index(20_002, "half_built", &[2], 1 << 20);
                half_built["is_valid"] = json!(false);
                value["database_snapshots"][0]["indexes"]["known"].as_array_mut().unwrap().push(half_built);
                value["database_snapshots"][0]["index_facts"]["builds"] = json!({"known": builds});
            })
        };
        assert_eq!(with(json!([20_000])).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(json!([]))), [(Level::Warning, "shop/public.half_built")]);
    }

    #[test]
    fn invalid_index_costs_writes_only_when_ready() {
        let message = |is_ready: bool| {
            let outcome = evaluate_check("invalid-index", |value| {
                let mut left = index(20_002, "left", &[2], 1 << 20);
                left["is_valid"] = json!(false);
                left["is_ready"] = json!(is_ready);
                value["database_snapshots"][0]["indexes"]["known"].as_array_mut().unwrap().push(left);
            });
            format!("{:?}", outcome.findings[0].message)
        };
        assert!(message(true).contains("every write updates it"));
        assert!(!message(false).contains("every write updates it"));
    }
}
