//! Whether an index was left invalid by a build that failed.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::{of_databases, subject},
    limits::limits,
};
use crate::model::{IndexFinding, Level, Measure, Piece, Reason, Table, code_span, qualified, words};
use std::collections::HashMap;

limits! {}

fn judge(evidence: &Evidence<'_>, _: &Limits) -> Judged {
    let mut answer = Answer::default();
    of_databases(evidence.snapshot, |contents| &contents.indexes, &mut answer);
    for (contents, judged) in evidence.indexes() {
        let tables: HashMap<u32, &Table> =
            contents.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let verdicts: HashMap<u32, _> = judged.verdicts.iter().map(|one| (one.oid, one)).collect();
        for index in contents.indexes.known().into_iter().flatten() {
            let Some(verdict) = verdicts.get(&index.oid) else { continue };
            let is_built = verdict.reasons.contains(&Reason::BeingBuilt);
            if !verdict.findings.contains(&IndexFinding::InvalidIndex) || is_built || index.is_partitioned {
                continue;
            }
            let schema = tables.get(&index.table_oid).map_or("?", |table| table.schema.as_str());
            let name = subject(&contents.database, schema, &index.index);
            let sql = qualified(schema, &index.index);
            // What REINDEX leaves behind has a number in its name where the first one was taken.
            let left = index.index.trim_end_matches(|c: char| c.is_ascii_digit());
            let advice = if left.ends_with("_ccnew") || left.ends_with("_ccold") {
                words!["a REINDEX left it behind: ", code_span(&format!("DROP INDEX CONCURRENTLY {sql}"))]
            } else {
                words![
                    "where it is wanted, ",
                    code_span(&format!("REINDEX INDEX CONCURRENTLY {sql}")),
                    " (of a unique one find the duplicates first); else ",
                    code_span(&format!("DROP INDEX CONCURRENTLY {sql}"))
                ]
            };
            answer.find(Symptom {
                level: Level::Warning,
                message: words![
                    "index ",
                    &name,
                    " is invalid: it takes ",
                    Piece::Bytes(index.size.bytes),
                    ", costs every write, and no query uses it"
                ],
                subject: name,
                measured: Some(Measure::Bytes(index.size.bytes)),
                threshold: None,
                advice,
            });
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, index},
    };
    use crate::model::Level;
    use serde_json::{Value, json};

    #[test]
    fn an_invalid_index_is_found_unless_it_is_being_built() {
        let with = |builds: Value| {
            ask("invalid-index", |it| {
                let mut one = index(20_002, "half_built", &[2], 1 << 20);
                one["is_valid"] = json!(false);
                it["contents"][0]["indexes"]["known"].as_array_mut().unwrap().push(one);
                it["contents"][0]["index_facts"]["builds"] = json!({"known": builds});
            })
        };
        assert_eq!(with(json!([20_000])).kind(), Kind::Clear);
        assert_eq!(found(&with(json!([]))), [(Level::Warning, "shop/public.half_built")]);
    }
}
