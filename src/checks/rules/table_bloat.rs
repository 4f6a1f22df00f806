//! Bloated tables.

use crate::analysis::bloat::table_bloat;
use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::relation_bloat::{BloatCheck, BloatThreshold};
use crate::checks::thresholds::{GB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence};
use crate::message::message;
use crate::quote::{code_span, qualified};

limits! {
    /// Bloat as a share of the table
    warning: Percent = 50.0;
    /// Minimum size of the bloat
    minimum: Bytes = GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let tables = collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.table_columns, &mut outcome);
    for (db, tables) in tables {
        let threshold = BloatThreshold { share: limits.warning, bytes: limits.minimum };
        let mut check = BloatCheck::new("table", &db.database, threshold);
        for table in tables {
            if !check.could_exceed_threshold(table.heap.bytes) {
                continue;
            }
            let name = relation_subject(&db.database, &table.schema, &table.table);
            let advice = message![
                "no action if the table grows again: new rows reuse the space; otherwise pg_repack, or ",
                code_span(&format!("VACUUM (FULL) {}", qualified(&table.schema, &table.table))),
                ", which locks the table"
            ];
            outcome.findings.extend(check.evaluate_relation(name, table.heap.bytes, table_bloat(db, table), advice));
        }
        check.note_unestimated(&evidence.snapshot.server.role, &mut outcome);
    }
    Ok(outcome)
}
