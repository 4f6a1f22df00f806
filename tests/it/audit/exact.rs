//! `audit --exact`: what pgstattuple counts, held against a real copy where the server has it.

use crate::clusters::{database, on_every_installation, options, private, query_one_text, say, sql};
use crate::reports::{program::json, program::list, zoo::conninfo};

use super::copies::{can_dump, dump_and_restore, script, sizes};

/// Of pages counted whole.
const EACH: f64 = 0.10;
const WHOLE: f64 = 0.05;

#[tokio::test]
async fn counted_pages_are_held_against_a_copy() {
    let what = "exact prediction";
    on_every_installation(what, async |major, installation| {
        let cluster = private(installation, options().set("autovacuum", "off"));
        let offered = "select count(*) from pg_available_extensions where name = 'pgstattuple'";
        let has_it = query_one_text(&cluster, "postgres", offered).await.as_deref() == Some("1");
        if !has_it || !can_dump(major) {
            return say(&format!("{what}: NOT RUN on {major}, it has no pgstattuple or no pg_dump is here"));
        }
        let db = database(&cluster).await;
        script(&cluster, &db, include_str!("sets/shop.sql")).await;
        // Rows that went since ANALYZE looked.
        sql(&cluster, &db, "delete from order_items where ctid in (select ctid from order_items limit 90000)").await;
        sql(&cluster, &db, "vacuum").await;
        let before = sizes(&cluster, &db, "public").await;
        sql(&cluster, &db, "create extension pgstattuple").await;
        let place = conninfo(&cluster, "postgres", &db);
        let ask = |more: &[&str]| json(&[&["audit", "-w", "-d", &place, "--growth", "0"], more].concat());
        let (exact, estimated) = (ask(&["--exact"]), ask(&[]));
        sql(&cluster, &db, "drop extension pgstattuple").await;
        let (after, _) = dump_and_restore(&cluster, &db).await;
        let mut rows: Vec<(String, u64, u64, u64, String)> = Vec::new();
        for one in
            list(&exact["audit"], "relations").iter().filter(|it| it["database"] == *db && it["schema"] == "public")
        {
            let table = one["table"].as_str().expect("a name");
            let name = match (one["kind"].as_str(), one["index"].as_str()) {
                (Some("index"), Some(index)) => index.to_owned(),
                (Some("toast"), _) => format!("toast of {table}"),
                _ => table.to_owned(),
            };
            let size = |report: &serde_json::Value| {
                let same = |it: &&serde_json::Value| {
                    it["database"] == *db
                        && it["table"] == one["table"]
                        && it["index"] == one["index"]
                        && it["kind"] == one["kind"]
                };
                list(&report["audit"], "relations")
                    .iter()
                    .find(same)
                    .and_then(|it| it["after_logical_copy_bytes"].as_u64())
            };
            let basis = one["basis"].as_str().expect("a basis").to_owned();
            rows.push((
                name.clone(),
                size(&exact).expect("a size"),
                size(&estimated).unwrap_or(0),
                after[&name],
                basis,
            ));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.3));
        say(&format!("{major} exact: relation, now, counted, by statistics, true, off (basis)"));
        let off = |told: u64, truth: u64| told as f64 / truth as f64 - 1.0;
        let mut wrong = Vec::new();
        for (name, counted, by_statistics, truth, basis) in rows.iter().take(20) {
            say(&format!(
                "  {name:<28} {:>7} kB {:>7} kB {:>7} kB {:>7} kB {:>+6.1} % ({basis})",
                before[name] / 1024,
                counted / 1024,
                by_statistics / 1024,
                truth / 1024,
                off(*counted, *truth) * 100.0
            ));
            if basis == "measured" && off(*counted, *truth).abs() > EACH {
                wrong.push(format!("{name} {:+.1} %", off(*counted, *truth) * 100.0));
            }
        }
        let sum = |at: fn(&(String, u64, u64, u64, String)) -> u64| rows.iter().map(at).sum::<u64>();
        let (counted, by_statistics, truth) = (sum(|it| it.1), sum(|it| it.2), sum(|it| it.3));
        say(&format!(
            "  together {:+.1} % counted, {:+.1} % by statistics",
            off(counted, truth) * 100.0,
            off(by_statistics, truth) * 100.0
        ));
        assert!(rows.iter().any(|it| it.4 == "measured"), "nothing was counted: {rows:?}");
        assert!(wrong.is_empty() && off(counted, truth).abs() <= WHOLE, "{wrong:?}");
    })
    .await;
}
