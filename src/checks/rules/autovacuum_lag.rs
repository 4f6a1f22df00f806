//! Tables that autovacuum does not keep up with.

use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::{DAY, MB, Percent, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::{DatabaseSnapshot, Level, Table, Unavailable};
use crate::message::{Fragment, message};
use crate::quote::{code_span, qualified};
use std::collections::HashMap;

limits! {
    /// Share of a table's rows that are dead
    warning: Percent = 40.0;
    /// Minimum size of the table
    minimum: Bytes = 100 * MB;
    /// Minimum time since its last vacuum
    age: Seconds = DAY;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    if evidence.snapshot.server.in_recovery {
        return Err(CheckOutcome::not_supported("a standby runs no VACUUM and does not count dead rows"));
    }
    for (db, tables) in collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome) {
        let switched_off = switched_off_tables(evidence, db, &mut outcome);
        for table in tables.iter().filter(|table| table.heap.bytes >= limits.minimum.0) {
            let (live, dead) = (table.live_rows.max(0), table.dead_rows.max(0));
            let share = Percent(dead as f64 / (live + dead).max(1) as f64 * 100.0);
            let last = table.last_autovacuum.max(table.last_vacuum);
            let since = Seconds(evidence.seconds_since(last.unwrap_or(evidence.snapshot.server.started_at)));
            if since < limits.age {
                continue;
            }
            let name = relation_subject(&db.database, &table.schema, &table.table);
            if let Some(score) = switched_off.get(&table.oid) {
                outcome.add_finding(switched_off_finding(name, table, *score));
                continue;
            }
            if share < limits.warning {
                continue;
            }
            let mut message = message![
                "table ",
                &name,
                ": ",
                Fragment::Percent(share.0),
                " of the rows are dead (",
                Fragment::Count(dead.unsigned_abs()),
                "), last vacuum "
            ];
            // The age of the table is unknown.
            message.append(match last {
                Some(_) => message![Fragment::Seconds(since.0), " ago"],
                None => message!["before the last statistics reset, or never"],
            });
            outcome.add_finding(RuleFinding {
                level: Level::Warning,
                message,
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: message![
                    code_span(&format!("VACUUM (VERBOSE) {}", qualified(&table.schema, &table.table))),
                    " reports how many dead rows cannot be removed yet; if there are many, see `pgtend check --only xmin-horizon`, otherwise lower its autovacuum_vacuum_scale_factor"
                ],
            });
        }
    }
    Ok(outcome)
}

/// Returns the scores of the tables of which autovacuum is switched off. If it is off for the whole server,
/// `unsafe-settings` reports that. Before 19, the server has no scores, and the share of dead rows decides.
fn switched_off_tables(
    evidence: &Evidence<'_>,
    db: &DatabaseSnapshot,
    outcome: &mut CheckOutcome,
) -> HashMap<u32, f64> {
    let mut unknown = |why: &Unavailable| {
        let reason = format!("in database {}: {}", db.database, why.reason);
        outcome.add_unavailable(&Unavailable { reason, ..why.clone() });
        HashMap::new()
    };
    let scores = match db.autovacuum_scores.as_result() {
        Ok(scores) if !scores.is_empty() => scores,
        Err(why) if evidence.snapshot.server.version_num >= 190_000 => return unknown(why),
        _ => return HashMap::new(),
    };
    match evidence.setting("autovacuum") {
        Ok(setting) if setting.setting == "on" => scores.iter().map(|table| (table.table_oid, table.score)).collect(),
        Ok(_) => HashMap::new(),
        Err(why) => unknown(&why),
    }
}

fn switched_off_finding(name: String, table: &Table, score: f64) -> RuleFinding {
    RuleFinding {
        level: Level::Warning,
        message: message![
            "autovacuum is switched off for table ",
            &name,
            ", which is due for VACUUM: its changes are ",
            Fragment::Percent(score * 100.0),
            " of the threshold"
        ],
        subject: name,
        measured: Some(Percent(score * 100.0).into()),
        threshold: Some(Percent(100.0).into()),
        advice: message![
            code_span(&format!("ALTER TABLE {} RESET (autovacuum_enabled)", qualified(&table.schema, &table.table))),
            ", or run VACUUM on it regularly"
        ],
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{DAY, ago, evaluate_check, found_subjects, set_setting};
    use crate::facts::{Level, Measure};
    use serde_json::json;

    #[test]
    fn autovacuum_lag_needs_share_size_and_age() {
        let with = |dead: u64, last: i64| {
            evaluate_check("autovacuum-lag", |value| {
                let table = &mut value["database_snapshots"][0]["tables"]["known"][0];
                table["dead_rows"] = json!(dead);
                table["last_autovacuum"] = json!(ago(last));
            })
        };
        assert_eq!(with(600_000, 2 * DAY).kind(), CheckOutcomeKind::Passed);
        assert_eq!(with(900_000, DAY - 1).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(900_000, DAY)), [(Level::Warning, "shop/public.orders")]);
        let switched_off = evaluate_check("autovacuum-lag", |value| {
            value["server"]["version_num"] = json!(190_000);
            let database = &mut value["database_snapshots"][0];
            database["tables"]["known"][0]["last_autovacuum"] = json!(ago(2 * DAY));
            database["autovacuum_scores"] = json!({"known": [{"table_oid": 20_000, "score": 4.99}]});
        });
        assert_eq!(found_subjects(&switched_off), [(Level::Warning, "shop/public.orders")]);
        assert_eq!(switched_off.findings[0].measured.map(Measure::value), Some(499.0));
        let server_wide = evaluate_check("autovacuum-lag", |value| {
            set_setting(value, "autovacuum", "off");
            value["database_snapshots"][0]["autovacuum_scores"] =
                json!({"known": [{"table_oid": 20_000, "score": 4.99}]});
        });
        assert_eq!(server_wide.kind(), CheckOutcomeKind::Passed);
        let standby = evaluate_check("autovacuum-lag", |value| value["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), CheckOutcomeKind::NotApplicable);
    }
}
