//! Who writes WAL, and that no statement gives its secrets away.

use serde_json::Value;

use super::nulls::assert_explained;
use super::program::{json, list, run};
use super::zoo::{batch, conninfo};
use crate::clusters::{connect, on_every_installation, options, private, query_one_text, say, sql};

fn gap<'a>(report: &'a Value, fact: &str) -> Option<&'a Value> {
    list(report, "unavailable").iter().find(|gap| gap["fact"] == fact)
}

#[tokio::test]
async fn statements_are_named_by_their_first_words_and_never_by_their_literals() {
    on_every_installation("statements that write WAL", async |major, installation| {
        let plain = private(installation, options().set("autovacuum", "off"));
        let report = json(&["wal", "-d", &plain.conninfo()]);
        assert_eq!(report["wal"]["statements"], Value::Null);
        let missing = gap(&report, "wal of statements").unwrap();
        assert!(missing["hint"].as_str().unwrap().contains("shared_preload_libraries"), "{missing}");
        assert_eq!(run(&["wal", "--strict", "--sample", "50ms", "-d", &plain.conninfo()]).exit, 0, "it is no gap");
        let available = "select count(*)::text from pg_available_extensions where name = 'pg_stat_statements'";
        if query_one_text(&plain, "postgres", available).await.as_deref() != Some("1") {
            say(&format!("statements that write WAL: NOT RUN on {major}: no pg_stat_statements"));
            return;
        }
        drop(plain);
        let cluster = private(
            installation,
            options().set("autovacuum", "off").set("shared_preload_libraries", "pg_stat_statements"),
        );
        let report = json(&["wal", "-d", &cluster.conninfo()]);
        assert_eq!(gap(&report, "wal of statements").unwrap()["hint"], "CREATE EXTENSION pg_stat_statements");

        sql(&cluster, "postgres", "create schema \"odd 'place'\"; create role stranger login").await;
        sql(&cluster, "postgres", "grant usage on schema \"odd 'place'\" to stranger").await;
        sql(&cluster, "postgres", "create extension pg_stat_statements schema \"odd 'place'\"").await;
        sql(&cluster, "postgres", "create table orders (i int, note text)").await;
        let session = connect(&cluster, "postgres").await;
        batch(
            &session,
            "/* token=hush /* nested hush */ hush */ insert into\n\t orders -- hush\n select n, 'hush' || n
               from generate_series(1, 20000) n /* hush */",
        )
        .await;
        batch(&session, "create role \"r\u{1b}[2J\" password 'hush'").await;
        let report = json(&["wal", "-d", &cluster.conninfo()]);
        assert_explained("wal", &report);
        let statements = &report["wal"]["statements"];
        let most = &list(statements, "most")[0];
        assert_eq!(most["query"], "insert into orders select n,", "{statements}");
        assert_eq!(
            (&most["database"], &most["role"], &most["calls"]),
            (&"postgres".into(), &"postgres".into(), &1.into())
        );
        assert!(most["wal_bytes"].as_u64() > Some(1_000_000) && most["share"].as_f64() > Some(0.2), "{most}");
        assert!(most["wal_bytes"].as_u64() <= statements["wal_bytes"].as_u64(), "{statements}");
        assert_eq!(statements["since"].is_string(), major >= 14, "{statements}");
        let everything = run(&["wal", "--color", "never", "-d", &cluster.conninfo()]).stdout
            + &run(&["snapshot", "-d", &cluster.conninfo()]).stdout
            + &report.to_string();
        assert!(everything.contains("insert into orders select") && !everything.contains("hush"), "{everything}");
        assert!(!everything.contains('\u{1b}'));

        let blind = json(&["wal", "-d", &conninfo(&cluster, "stranger", "postgres")]);
        assert_explained("wal, as a stranger", &blind);
        let most = &list(&blind["wal"]["statements"], "most")[0];
        assert_eq!((&most["query"], &most["queryid"]), (&Value::Null, &Value::Null), "{most}");
        let hint = gap(&blind, "texts of statements").unwrap()["hint"].as_str().unwrap();
        assert_eq!(hint, "GRANT pg_read_all_stats TO stranger");
        sql(&cluster, "postgres", hint).await;
        let seen = json(&["wal", "-d", &conninfo(&cluster, "stranger", "postgres")]);
        assert_eq!(list(&seen["wal"]["statements"], "most")[0]["query"], "insert into orders select n,");
        drop(session);
    })
    .await;
}

#[tokio::test]
async fn processes_and_full_page_images_are_the_servers_own() {
    on_every_installation("processes that write WAL", async |major, installation| {
        let cluster = private(installation, options().set("autovacuum", "off"));
        let session = connect(&cluster, "postgres").await;
        batch(&session, "set application_name = 'loader'; create table t as select generate_series(1, 20000) i").await;
        sql(&cluster, "postgres", "checkpoint").await;
        batch(&session, "update t set i = i + 1 where i % 50 = 0").await;
        if major >= 15 {
            batch(&session, "select pg_stat_force_next_flush()").await;
        }
        let mut report = json(&["wal", "-d", &cluster.conninfo()]);
        for _ in 0..50 {
            // Before 15 statistics are on their way for half a second.
            if major < 14 || report["wal"]["full_page_images"]["images"].as_u64() > Some(50) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            batch(&session, "select").await;
            report = json(&["wal", "-d", &cluster.conninfo()]);
        }
        assert_explained("wal", &report);
        let wal = &report["wal"];
        if major >= 18 {
            let loader = list(wal, "backends").iter().find(|one| one["application_name"] == "loader");
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
        } else {
            assert_eq!(wal["full_page_images"], Value::Null);
        }
    })
    .await;
}
