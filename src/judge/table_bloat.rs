//! Which tables are mostly air.

use super::{
    Answer, Evidence, Judged,
    evidence::{of_databases, subject},
    limits::{GB, limits},
    mostly_air::{Much, Relations},
};
use crate::model::{code_span, qualified, words};

limits! {
    /// So much of a table would be gone if it were written anew
    warning: Percent = 50.0;
    /// ... and at least so much
    minimum: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let tables = of_databases(evidence.snapshot, |contents| &contents.tables, &mut answer);
    of_databases(evidence.snapshot, |contents| &contents.table_columns, &mut answer);
    for (contents, tables) in tables {
        let much = Much { share: limits.warning, bytes: limits.minimum };
        let mut all = Relations::of("table", &contents.database, much);
        for table in tables {
            if !all.is_large(table.heap.bytes) {
                continue;
            }
            let name = subject(&contents.database, &table.schema, &table.table);
            let advice = words![
                "if it grows again, leave it: new rows fill it; else pg_repack, or ",
                code_span(&format!("VACUUM (FULL) {}", qualified(&table.schema, &table.table))),
                ", which locks it"
            ];
            answer.found.extend(all.judge(name, table.heap.bytes, contents.table_bloat(table), advice));
        }
        all.note_unestimated(&evidence.snapshot.server.role, &mut answer);
    }
    Ok(answer)
}
