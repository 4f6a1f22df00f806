//! Which tables autovacuum does not keep up with.

use super::{
    Answer, Evidence, Judged, Symptom,
    evidence::{of_databases, subject},
    limits::{DAY, MB, Percent, Seconds, limits},
};
use crate::model::{Level, Piece, code_span, qualified, words};

limits! {
    /// So much of a table's rows are dead
    warning: Percent = 40.0;
    /// ... in a table of at least that size
    minimum: Bytes = 100 * MB;
    /// ... that nobody has vacuumed for so long
    age: Seconds = DAY;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let mut answer = Answer::default();
    if evidence.snapshot.server.in_recovery {
        return Err(Answer::not_here("a standby does not vacuum, nor count dead rows"));
    }
    for (contents, tables) in of_databases(evidence.snapshot, |contents| &contents.tables, &mut answer) {
        for table in tables.iter().filter(|table| table.heap.bytes >= limits.minimum.0) {
            let (live, dead) = (table.live_rows.max(0), table.dead_rows.max(0));
            let share = Percent(dead as f64 / (live + dead).max(1) as f64 * 100.0);
            let last = table.last_autovacuum.max(table.last_vacuum);
            let since = Seconds(evidence.seconds_since(last.unwrap_or(evidence.snapshot.server.started_at)));
            if share < limits.warning || since < limits.age {
                continue;
            }
            let name = subject(&contents.database, &table.schema, &table.table);
            let mut message = words![
                Piece::Percent(share.0),
                " of the rows of ",
                &name,
                " are dead (",
                Piece::Count(dead.unsigned_abs()),
                "), and nobody vacuumed it "
            ];
            // How old the table is nobody knows.
            message.append(match last {
                Some(_) => words!["for ", Piece::Seconds(since.0)],
                None => words!["since the statistics began"],
            });
            answer.find(Symptom {
                level: Level::Warning,
                message,
                subject: name,
                measured: Some(share.into()),
                threshold: Some(limits.warning.into()),
                advice: words![
                    code_span(&format!("VACUUM (VERBOSE) {}", qualified(&table.schema, &table.table))),
                    " says how many cannot be removed yet: then `pgtend check --only xmin-horizon` names who holds them; else lower its autovacuum_vacuum_scale_factor"
                ],
            });
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{DAY, ago, ask, found},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn dead_rows_a_size_and_a_day_make_a_lag() {
        let with = |dead: u64, last: i64| {
            ask("autovacuum-lag", |it| {
                let table = &mut it["contents"][0]["tables"]["known"][0];
                table["dead_rows"] = json!(dead);
                table["last_autovacuum"] = json!(ago(last));
            })
        };
        assert_eq!(with(600_000, 2 * DAY).kind(), Kind::Clear);
        assert_eq!(with(900_000, DAY - 1).kind(), Kind::Clear);
        assert_eq!(found(&with(900_000, DAY)), [(Level::Warning, "shop/public.orders")]);
        let standby = ask("autovacuum-lag", |it| it["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), Kind::NotApplicable);
    }
}
