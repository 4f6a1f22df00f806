//! Tables that autovacuum does not keep up with.

use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::{DAY, MB, Percent, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::Level;
use crate::message::{Fragment, message};
use crate::quote::{code_span, qualified};

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
        for table in tables.iter().filter(|table| table.heap.bytes >= limits.minimum.0) {
            let (live, dead) = (table.live_rows.max(0), table.dead_rows.max(0));
            let share = Percent(dead as f64 / (live + dead).max(1) as f64 * 100.0);
            let last = table.last_autovacuum.max(table.last_vacuum);
            let since = Seconds(evidence.seconds_since(last.unwrap_or(evidence.snapshot.server.started_at)));
            if share < limits.warning || since < limits.age {
                continue;
            }
            let name = relation_subject(&db.database, &table.schema, &table.table);
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

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{DAY, ago, evaluate_check, found_subjects};
    use crate::facts::Level;
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
        let standby = evaluate_check("autovacuum-lag", |value| value["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), CheckOutcomeKind::NotApplicable);
    }
}
