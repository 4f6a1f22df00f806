//! Which indexes are mostly air.

use super::{
    Answer, Evidence, Judged,
    evidence::{of_databases, subject},
    index::is_worth_rebuilding,
    limits::{GB, limits},
    mostly_air::{Much, Relations},
};
use crate::model::{IndexVerdict, Table, code_span, qualified, words};
use std::collections::HashMap;

limits! {
    /// So much of an index would be gone if it were built anew
    warning: Percent = 50.0;
    /// ... and at least so much
    minimum: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    of_databases(evidence.snapshot, |contents| &contents.index_keys, &mut answer);
    for (contents, judged) in evidence.indexes() {
        let much = Much { share: limits.warning, bytes: limits.minimum };
        let mut all = Relations::of("index", &contents.database, much);
        let indexes = contents.indexes.known().into_iter().flatten();
        let large: Vec<_> = indexes.filter(|index| all.is_large(index.size.bytes)).collect();
        if large.is_empty() {
            continue;
        }
        let tables: HashMap<u32, &Table> =
            contents.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let verdicts: HashMap<u32, &IndexVerdict> = judged.verdicts.iter().map(|one| (one.oid, one)).collect();
        for index in large {
            let (Some(table), Some(verdict)) = (tables.get(&index.table_oid), verdicts.get(&index.oid)) else {
                continue;
            };
            if is_worth_rebuilding(verdict, index) {
                let name = subject(&contents.database, &table.schema, &index.index);
                let advice = words![
                    code_span(&format!("REINDEX INDEX CONCURRENTLY {}", qualified(&table.schema, &index.index))),
                    " gives it back; it needs room for the new one meanwhile"
                ];
                answer.found.extend(all.judge(name, index.size.bytes, contents.index_bloat(index, table), advice));
            }
        }
        all.note_unestimated(&evidence.snapshot.server.role, &mut answer);
    }
    Ok(answer)
}
