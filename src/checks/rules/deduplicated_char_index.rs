//! B-tree indexes with char(n) keys that an earlier release built with shared tuples.

use crate::analysis::bloat::rebuilt_index_bytes;
use crate::analysis::pages::deduplication::{first_withdrawn_release, may_predate_withdrawal, min_unshared_bytes};
use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::limits;
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::{DatabaseSnapshot, Index, Level, Measure, Table, WithdrawnType};
use crate::message::{Fragment, Message, message};
use crate::quote::{code_span, qualified, quote_literal};
use std::collections::HashMap;

limits! {}

/// Maximum number of names in a note.
const MAX_NAMES: usize = 3;

fn evaluate(evidence: &Evidence<'_>, _: &Limits) -> Evaluation {
    let server = &evidence.snapshot.server;
    let release = first_withdrawn_release(WithdrawnType::Bpchar, server.major())
        .map(|minor| if minor > 0 { format!("{}.{minor}", server.major()) } else { "19".to_owned() });
    let mut outcome = CheckOutcome::default();
    for (db, indexes) in collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome) {
        let candidates: Vec<&Index> = indexes
            .iter()
            .filter(|index| index.withdrawn_type == Some(WithdrawnType::Bpchar))
            .filter(|index| !index.is_partitioned && index.is_valid && index.is_ready && index.is_live)
            .collect();
        if candidates.is_empty() {
            continue;
        }
        if let Err(why) = db.tables.as_result() {
            outcome.add_unavailable(why);
            continue;
        }
        let tables: HashMap<u32, &Table> =
            db.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let mut undecided = Vec::new();
        let mut later = Vec::new();
        for index in candidates {
            let Some(table) = tables.get(&index.table_oid) else { continue };
            let Some(release) = release.as_deref().filter(|_| may_predate_withdrawal(index, server.version_num)) else {
                later.push(qualified(&table.schema, &index.index));
                continue;
            };
            match is_older(index, table, db) {
                true => outcome.add_finding(finding(index, table, db, release, server.version_num)),
                false => undecided.push(qualified(&table.schema, &index.index)),
            }
        }
        if let Some(first) = undecided.first() {
            let mut note = message!["whether "];
            note.append(names_of(&db.database, &undecided));
            let release = release.as_deref().unwrap_or_default();
            note.append(message![" was built before PostgreSQL ", release, " is unknown: the size does not show it. "]);
            note.append(message![
                "amcheck does: ",
                code_span(&format!("SELECT bt_index_check({})", quote_literal(first)))
            ]);
            outcome.not_applicable.push(NotApplicable::NotSupported(note));
        }
        if !later.is_empty() {
            let release = release.as_deref().unwrap_or("14 and later (minor releases since 2026-11-12)");
            let mut note = message![
                "PostgreSQL ",
                server.version_text(),
                " still deduplicates char(n) keys. PostgreSQL ",
                release,
                " does not: after the update, rebuild "
            ];
            note.append(names_of(&db.database, &later));
            outcome.not_applicable.push(NotApplicable::NotSupported(note));
        }
    }
    Ok(outcome)
}

/// Returns whether the index is smaller than any that this server builds.
fn is_older(index: &Index, table: &Table, db: &DatabaseSnapshot) -> bool {
    let key = db.index_keys.known().and_then(|keys| keys.get(&index.oid));
    min_unshared_bytes(index, table, key).is_some_and(|least| index.size.bytes < least)
}

fn finding(index: &Index, table: &Table, db: &DatabaseSnapshot, release: &str, version_num: u32) -> RuleFinding {
    let name = relation_subject(&db.database, &table.schema, &index.index);
    let mut message = message![
        "index ",
        &name,
        " (",
        Fragment::Bytes(index.size.bytes),
        ") was built before PostgreSQL ",
        release,
        " and stores equal char(n) keys once: an index-only scan can return other trailing spaces than the table has"
    ];
    let mut advice =
        message![code_span(&format!("REINDEX INDEX CONCURRENTLY {}", qualified(&table.schema, &index.index)))];
    let rebuilt =
        rebuilt_index_bytes(index, table, db.index_keys.known().and_then(|keys| keys.get(&index.oid)), version_num);
    match rebuilt {
        Ok(Some(bytes)) => {
            message.append(message!["; a rebuild makes it larger: about ", Fragment::Bytes(bytes)]);
            advice.append(message!["; it needs about ", Fragment::Bytes(bytes), " of free disk space"]);
        }
        _ => message.append(message!["; a rebuild makes it larger, by an unknown amount"]),
    }
    RuleFinding {
        level: Level::Warning,
        subject: name,
        measured: Some(Measure::Bytes(index.size.bytes)),
        threshold: None,
        message,
        advice,
    }
}

/// Returns the names of the first indexes, the number of the others, and the database.
fn names_of(database: &str, names: &[String]) -> Message {
    let mut message = message![names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ")];
    if let more @ 1.. = names.len().saturating_sub(MAX_NAMES) {
        message.append(message![" and ", Fragment::Count(more as u64), " more"]);
    }
    message.append(message![" of database ", database]);
    message
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{evaluate_check, found_subjects, index};
    use crate::checks::{CheckOutcome, CheckOutcomeKind};
    use crate::facts::Level;
    use serde_json::{Value, json};

    /// Case C: codes of two characters of 1,500,000 rows take 10.4 MB with shared tuples and 33.8 MB after REINDEX on 15.20.
    fn evaluate(version: u32, bytes: u64, change: impl FnOnce(&mut Value)) -> CheckOutcome {
        evaluate_check("deduplicated-char-index", |value| {
            value["server"]["version_num"] = json!(version);
            let database = &mut value["database_snapshots"][0];
            database["tables"]["known"][0]["reltuples"] = json!(1.5e6);
            let mut codes = index(20_002, "codes", &[2], bytes);
            codes["reltuples"] = json!(1.5e6);
            codes["withdrawn_type"] = json!("bpchar");
            database["indexes"]["known"].as_array_mut().unwrap().push(codes);
            database["index_keys"]["known"]["20002"] = json!({
                "fillfactor": 90, "deduplicates": true, "visibility": "visible",
                "columns": [[{"attlen": -1, "attalign": 4}, {"null_frac": 0.0, "avg_width": 3, "n_distinct": 4.0}]]});
            change(value);
        })
    }

    #[test]
    fn deduplicated_char_index_needs_a_proving_size() {
        let rebuilt = evaluate(150_020, 33_800_000, |_| ());
        assert_eq!(rebuilt.kind(), CheckOutcomeKind::NotApplicable, "{rebuilt:?}");
        assert!(format!("{rebuilt:?}").contains("bt_index_check('public.codes')"), "{rebuilt:?}");
        // Rows without a tuple of their own: 26 MB at least.
        assert_eq!(evaluate(150_020, 27 << 20, |_| ()).kind(), CheckOutcomeKind::NotApplicable);
        let never_analyzed = |value: &mut Value| {
            value["database_snapshots"][0]["tables"]["known"][0]["reltuples"] = json!(-1.0);
            value["database_snapshots"][0]["tables"]["known"][0]["relpages"] = json!(0);
        };
        assert_eq!(evaluate(150_020, 10_400_000, never_analyzed).kind(), CheckOutcomeKind::NotApplicable);
    }

    #[test]
    fn deduplicated_char_index_states_the_larger_size() {
        for version in [150_020, 190_000] {
            let outcome = evaluate(version, 10_400_000, |_| ());
            assert_eq!(found_subjects(&outcome), [(Level::Warning, "shop/public.codes")]);
            let text = format!("{:?}", outcome.findings[0]);
            assert!(text.contains("REINDEX INDEX CONCURRENTLY public.codes"), "{text}");
            // Measured: 33.8 MB.
            let larger = outcome.findings[0].message.0.iter().rev().find_map(|fragment| match fragment {
                crate::message::Fragment::Bytes(bytes) => Some(*bytes),
                _ => None,
            });
            assert!(larger.is_some_and(|bytes| bytes.abs_diff(33_800_000) < 500_000), "{larger:?}");
        }
        let unread = evaluate(150_020, 10_400_000, |value| {
            value["database_snapshots"][0]["index_keys"] = json!({"unavailable": {"fact": "x", "reason": "denied"}});
        });
        assert_eq!(found_subjects(&unread), [(Level::Warning, "shop/public.codes")]);
        assert!(format!("{unread:?}").contains("by an unknown amount"), "{unread:?}");
    }

    #[test]
    fn deduplicated_char_index_waits_for_the_update() {
        for (version, release) in [(150_019, "15.20"), (180_006, "18.7"), (130_023, "14 and later")] {
            let outcome = evaluate(version, 10_400_000, |_| ());
            assert_eq!(outcome.kind(), CheckOutcomeKind::NotApplicable, "{version}");
            assert!(format!("{outcome:?}").contains(release), "{outcome:?}");
        }
        assert_eq!(evaluate_check("deduplicated-char-index", |_| ()).kind(), CheckOutcomeKind::Passed);
    }
}
