//! Bloated indexes.

use crate::analysis::bloat::index_bloat;
use crate::analysis::index::IndexVerdict;
use crate::analysis::index::{BLOAT_BYTES, BLOAT_SHARE, is_worth_rebuilding};
use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::relation_bloat::{BloatCheck, BloatThreshold};
use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence};
use crate::facts::Table;
use crate::message::message;
use crate::quote::{code_span, qualified};
use std::collections::HashMap;

limits! {
    /// Bloat as a share of the index
    warning: Percent = BLOAT_SHARE * 100.0;
    /// Minimum size of the bloat
    minimum: Bytes = BLOAT_BYTES;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.index_keys, &mut outcome);
    for (db, assessment) in evidence.assessed_indexes() {
        let threshold = BloatThreshold { share: limits.warning, bytes: limits.minimum };
        let mut check = BloatCheck::new("index", &db.database, threshold);
        let indexes = db.indexes.known().into_iter().flatten();
        let large: Vec<_> = indexes.filter(|index| check.could_exceed_threshold(index.size.bytes)).collect();
        if large.is_empty() {
            continue;
        }
        let tables: HashMap<u32, &Table> =
            db.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let verdicts: HashMap<u32, &IndexVerdict> =
            assessment.verdicts.iter().map(|index_verdict| (index_verdict.oid, index_verdict)).collect();
        for index in large {
            let (Some(table), Some(verdict)) = (tables.get(&index.table_oid), verdicts.get(&index.oid)) else {
                continue;
            };
            if is_worth_rebuilding(verdict, index) {
                let name = relation_subject(&db.database, &table.schema, &index.index);
                let advice = message![
                    code_span(&format!("REINDEX INDEX CONCURRENTLY {}", qualified(&table.schema, &index.index))),
                    " frees it; the rebuild needs disk space for a second copy"
                ];
                outcome.findings.extend(check.evaluate_relation(
                    name,
                    index.size.bytes,
                    index_bloat(db, index, table, evidence.snapshot.server.version_num),
                    advice,
                ));
            }
        }
        check.note_unestimated(&evidence.snapshot.server.role, &mut outcome);
    }
    Ok(outcome)
}
