//! Which indexes are mostly air.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::{of_databases, subject},
    limits::{Bytes, GB, Percent, limits},
};
use crate::model::{Level, Piece, Table, estimate_index, words};
use std::collections::HashMap;

limits! {
    /// So much of an index would be gone if it were built anew
    warning: Percent = 50.0;
    /// ... and at least so much
    minimum: Bytes = GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    let indexes = of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    of_databases(evidence.snapshot, |contents| &contents.index_keys, &mut answer);
    for (contents, indexes) in indexes {
        let (Some(tables), Some(keys)) = (contents.tables.known(), contents.index_keys.known()) else { continue };
        let large = indexes.iter().filter(|index| index.is_valid && index.size.bytes >= limits.minimum.0);
        let large: Vec<_> = large.collect();
        if large.is_empty() {
            continue;
        }
        let tables: HashMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
        for index in large {
            let Some(table) = tables.get(&index.table_oid) else { continue };
            let Ok(Some(bloat)) = estimate_index(index, table, keys.get(&index.oid)) else { continue };
            let share = Percent(bloat.bytes as f64 / index.size.bytes.max(1) as f64 * 100.0);
            if Bytes(bloat.bytes) < limits.minimum || share < limits.warning {
                continue;
            }
            let name = subject(&contents.database, &table.schema, &index.index);
            answer.find(Symptom {
                level: Level::Warning,
                message: words![
                    "index ",
                    &name,
                    " is about ",
                    Piece::Percent(share.0),
                    " air: ",
                    Piece::Bytes(bloat.bytes),
                    " of ",
                    Piece::Bytes(index.size.bytes)
                ],
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: words!["REINDEX INDEX CONCURRENTLY gives it back; it needs as much room meanwhile"],
            });
        }
    }
    Ok(answer)
}
