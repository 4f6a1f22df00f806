//! `audit --exact`: the results of pgstattuple, compared with a real copy where the server has the extension.

use crate::clusters::{
    bulk_load_options, create_database, execute_sql, on_installations, print_stderr, private_cluster, query_one_text,
};
use crate::reports::{fixture_servers::role_conninfo, program::array_field, program::report_json};

use super::copies::{can_dump, dump_and_restore, relation_sizes, run_script};

/// For relations whose pages were all counted.
const RELATION_TOLERANCE: f64 = 0.10;
const TOTAL_TOLERANCE: f64 = 0.05;

#[tokio::test]
async fn audit_exact_matches_a_copy() {
    let what = "exact prediction";
    on_installations(what, can_dump, async |major, installation| {
        let cluster = private_cluster(installation, bulk_load_options());
        let offered = "select count(*) from pg_available_extensions where name = 'pgstattuple'";
        let has_it = query_one_text(&cluster, "postgres", offered).await.as_deref() == Some("1");
        if !has_it {
            return print_stderr(&format!("{what}: NOT RUN on {major}, it has no pgstattuple"));
        }
        let db = create_database(&cluster).await;
        run_script(&cluster, &db, include_str!("sets/shop.sql")).await;
        // Rows deleted after ANALYZE.
        execute_sql(&cluster, &db, "delete from order_items where ctid in (select ctid from order_items limit 90000)")
            .await;
        execute_sql(&cluster, &db, "vacuum").await;
        let before = relation_sizes(&cluster, &db, "public").await;
        execute_sql(&cluster, &db, "create extension pgstattuple").await;
        let place = role_conninfo(&cluster, "postgres", &db);
        let run_audit = |more: &[&str]| report_json(&[&["audit", "-w", "-d", &place, "--growth", "0"], more].concat());
        let (exact, estimated) = (run_audit(&["--exact"]), run_audit(&[]));
        execute_sql(&cluster, &db, "drop extension pgstattuple").await;
        let (after, _) = dump_and_restore(&cluster, &db).await;
        let mut rows: Vec<(String, u64, u64, u64, String)> = Vec::new();
        for relation in array_field(&exact["audit"], "relations")
            .iter()
            .filter(|relation| relation["database"] == *db && relation["schema"] == "public")
        {
            let table = relation["table"].as_str().expect("a name");
            let name = match (relation["kind"].as_str(), relation["index"].as_str()) {
                (Some("index"), Some(index)) => index.to_owned(),
                (Some("toast"), _) => format!("toast of {table}"),
                _ => table.to_owned(),
            };
            let size = |report: &serde_json::Value| {
                let same = |candidate: &&serde_json::Value| {
                    candidate["database"] == *db
                        && candidate["table"] == relation["table"]
                        && candidate["index"] == relation["index"]
                        && candidate["kind"] == relation["kind"]
                };
                array_field(&report["audit"], "relations")
                    .iter()
                    .find(same)
                    .and_then(|found| found["after_logical_copy_bytes"].as_u64())
            };
            let basis = relation["basis"].as_str().expect("a basis").to_owned();
            rows.push((
                name.clone(),
                size(&exact).expect("a size"),
                size(&estimated).unwrap_or(0),
                after[&name],
                basis,
            ));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.3));
        print_stderr(&format!("{major} exact: relation, now, counted, by statistics, true, off (basis)"));
        let off = |predicted: u64, truth: u64| predicted as f64 / truth as f64 - 1.0;
        let mut wrong = Vec::new();
        for (name, counted, by_statistics, truth, basis) in rows.iter().take(20) {
            print_stderr(&format!(
                "  {name:<28} {:>7} kB {:>7} kB {:>7} kB {:>7} kB {:>+6.1} % ({basis})",
                before[name] / 1024,
                counted / 1024,
                by_statistics / 1024,
                truth / 1024,
                off(*counted, *truth) * 100.0
            ));
            if basis == "measured" && off(*counted, *truth).abs() > RELATION_TOLERANCE {
                wrong.push(format!("{name} {:+.1} %", off(*counted, *truth) * 100.0));
            }
        }
        let sum = |column: fn(&(String, u64, u64, u64, String)) -> u64| rows.iter().map(column).sum::<u64>();
        let (counted, by_statistics, truth) = (sum(|row| row.1), sum(|row| row.2), sum(|row| row.3));
        print_stderr(&format!(
            "  together {:+.1} % counted, {:+.1} % by statistics",
            off(counted, truth) * 100.0,
            off(by_statistics, truth) * 100.0
        ));
        assert!(rows.iter().any(|row| row.4 == "measured"), "nothing was counted: {rows:?}");
        assert!(wrong.is_empty() && off(counted, truth).abs() <= TOTAL_TOLERANCE, "{wrong:?}");
    })
    .await;
}
