//! Which tables are mostly air.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::{of_databases, subject},
    limits::{Bytes, GB, Percent, limits},
};
use crate::model::{Level, Piece, estimate_table, words};

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
        let Some(columns) = contents.table_columns.known() else { continue };
        // What cannot be bloated by the minimum needs no statistics.
        for table in tables.iter().filter(|table| table.heap.bytes >= limits.minimum.0) {
            // Without statistics there is no estimate, and nothing is said: ANALYZE is autovacuum's affair.
            let Ok(Some(bloat)) = estimate_table(table, columns.get(&table.oid)) else { continue };
            let share = Percent(bloat.bytes as f64 / table.heap.bytes.max(1) as f64 * 100.0);
            if Bytes(bloat.bytes) < limits.minimum || share < limits.warning {
                continue;
            }
            let name = subject(&contents.database, &table.schema, &table.table);
            answer.find(Symptom {
                level: Level::Warning,
                message: words![
                    "table ",
                    &name,
                    " is about ",
                    Piece::Percent(share.0),
                    " air: ",
                    Piece::Bytes(bloat.bytes),
                    " of ",
                    Piece::Bytes(table.heap.bytes)
                ],
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: words!["new rows will fill it; to give it back, pg_repack or VACUUM FULL (which locks it)"],
            });
        }
    }
    Ok(answer)
}
