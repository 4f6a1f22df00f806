//! Statements and processes that write WAL; literals of statements are never shown.

use serde_json::Value;

use super::fixture_servers::{execute_batch, role_conninfo};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, report_json, run_pgtend};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_installation, print_stderr, private_cluster,
    query_one_text,
};

fn find_gap<'a>(report: &'a Value, fact: &str) -> Option<&'a Value> {
    array_field(report, "unavailable").iter().find(|gap| gap["fact"] == fact)
}

#[tokio::test]
async fn writers_statements_hide_literals() {
    on_every_installation("statements that write WAL", async |major, installation| {
        let plain = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        let report = report_json(&["wal", "-d", &plain.conninfo()]);
        assert_eq!(report["wal"]["statements"], Value::Null);
        let missing = find_gap(&report, "wal of statements").unwrap();
        assert!(missing["hint"].as_str().unwrap().contains("shared_preload_libraries"), "{missing}");
        assert_eq!(
            run_pgtend(&["wal", "--strict", "--sample", "50ms", "-d", &plain.conninfo()]).exit,
            0,
            "not in the list"
        );
        let available = "select count(*)::text from pg_available_extensions where name = 'pg_stat_statements'";
        if query_one_text(&plain, "postgres", available).await.as_deref() != Some("1") {
            print_stderr(&format!("statements that write WAL: NOT RUN on {major}: no pg_stat_statements"));
            return;
        }
        drop(plain);
        let cluster = private_cluster(
            installation,
            cluster_options()
                .with_setting("autovacuum", "off")
                .with_setting("shared_preload_libraries", "pg_stat_statements"),
        );
        let report = report_json(&["wal", "-d", &cluster.conninfo()]);
        assert_eq!(find_gap(&report, "wal of statements").unwrap()["hint"], "CREATE EXTENSION pg_stat_statements");

        execute_sql(&cluster, "postgres", "create schema \"odd 'place'\"; create role stranger login").await;
        execute_sql(&cluster, "postgres", "grant usage on schema \"odd 'place'\" to stranger").await;
        execute_sql(&cluster, "postgres", "create extension pg_stat_statements schema \"odd 'place'\"").await;
        execute_sql(&cluster, "postgres", "create table orders (i int, note text)").await;
        let session = connect_superuser(&cluster, "postgres").await;
        execute_batch(
            &session,
            "/* token=hush /* nested hush */ hush */ insert into\n\t orders -- hush\n select n, 'hush' || n
               from generate_series(1, 20000) n /* hush */",
        )
        .await;
        execute_batch(&session, "create role \"r\u{1b}[2J\" password 'hush'").await;
        let report = report_json(&["wal", "-d", &cluster.conninfo()]);
        assert_nulls_explained("wal", &report);
        let statements = &report["wal"]["statements"];
        let most = &array_field(statements, "most")[0];
        assert_eq!(most["query"], "insert into orders select n,", "{statements}");
        assert_eq!(
            (&most["database"], &most["role"], &most["calls"]),
            (&"postgres".into(), &"postgres".into(), &1.into())
        );
        assert!(most["wal_bytes"].as_u64() > Some(1_000_000) && most["share"].as_f64() > Some(0.2), "{most}");
        assert!(most["wal_bytes"].as_u64() <= statements["wal_bytes"].as_u64(), "{statements}");
        assert_eq!(statements["since"].is_string(), major >= 14, "{statements}");
        let everything = run_pgtend(&["wal", "--color", "never", "-d", &cluster.conninfo()]).stdout
            + &run_pgtend(&["snapshot", "-d", &cluster.conninfo()]).stdout
            + &report.to_string();
        assert!(everything.contains("insert into orders select") && !everything.contains("hush"), "{everything}");
        assert!(!everything.contains('\u{1b}'));

        let blind = report_json(&["wal", "-d", &role_conninfo(&cluster, "stranger", "postgres")]);
        assert_nulls_explained("wal, as a stranger", &blind);
        let most = &array_field(&blind["wal"]["statements"], "most")[0];
        assert_eq!((&most["query"], &most["queryid"]), (&Value::Null, &Value::Null), "{most}");
        let hint = find_gap(&blind, "texts of statements").unwrap()["hint"].as_str().unwrap();
        assert_eq!(hint, "GRANT pg_read_all_stats TO stranger");
        execute_sql(&cluster, "postgres", hint).await;
        let seen = report_json(&["wal", "-d", &role_conninfo(&cluster, "stranger", "postgres")]);
        assert_eq!(array_field(&seen["wal"]["statements"], "most")[0]["query"], "insert into orders select n,");
        drop(session);
    })
    .await;
}

#[tokio::test]
async fn writers_processes_and_fpi_match_the_server() {
    on_every_installation("processes that write WAL", async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        let session = connect_superuser(&cluster, "postgres").await;
        execute_batch(
            &session,
            "set application_name = 'loader'; create table t as select generate_series(1, 20000) i",
        )
        .await;
        execute_sql(&cluster, "postgres", "checkpoint").await;
        execute_batch(&session, "update t set i = i + 1 where i % 50 = 0").await;
        if major >= 15 {
            execute_batch(&session, "select pg_stat_force_next_flush()").await;
        }
        let mut report = report_json(&["wal", "-d", &cluster.conninfo()]);
        for _ in 0..50 {
            // Before 15 statistics are delayed by half a second.
            if major < 14 || report["wal"]["full_page_images"]["images"].as_u64() > Some(50) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            execute_batch(&session, "select").await;
            report = report_json(&["wal", "-d", &cluster.conninfo()]);
        }
        assert_nulls_explained("wal", &report);
        let wal = &report["wal"];
        if major >= 18 {
            let loader = array_field(wal, "backends").iter().find(|backend| backend["application_name"] == "loader");
            let loader = loader.unwrap_or_else(|| panic!("{wal}"));
            let pid = session.query_one(
                "select pg_backend_pid(), wal_bytes::int8 from pg_stat_get_backend_wal(pg_backend_pid())",
                &[],
            );
            let own = pid.await.unwrap();
            assert_eq!(loader["pid"].as_i64(), Some(own.get::<_, i32>(0).into()));
            assert_eq!(loader["backend_type"], "client backend");
            assert_eq!(loader["wal_bytes"].as_i64(), Some(own.get(1)), "{loader}");
        } else {
            assert_eq!(wal["backends"], Value::Null);
        }
        if major >= 14 {
            let images = &wal["full_page_images"];
            let share = images["share_at_most"].as_f64().unwrap();
            assert!((0.01..=1.0).contains(&share) && images["images"].as_u64() > Some(50), "{images}");
            assert!(images["bytes_at_most"].as_u64() <= images["wal_bytes"].as_u64(), "{images}");
            assert!(images["checkpoints_requested"].as_u64() >= Some(1), "{images}");
            assert_eq!(images["is_exact"], major >= 19, "{images}");
            if major >= 19 {
                let counted = query_one_text(&cluster, "postgres", "select wal_fpi_bytes::text from pg_stat_wal").await;
                let counted: u64 = counted.expect("a row").parse().expect("a number");
                let found = images["bytes_at_most"].as_u64().expect("a number");
                assert!(found > 0 && found <= counted, "{found} of {counted}: {images}");
            }
        } else {
            assert_eq!(wal["full_page_images"], Value::Null);
        }
    })
    .await;
}
