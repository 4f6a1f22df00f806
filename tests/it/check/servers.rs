//! The checks on real servers: what a calm one answers, and each thing found at its default limits where a test can
//! reach them.

use super::{
    ask::{BLIND, CLEAR, DEFAULT, ELSEWHERE, FOUND, check, found, names, set, shows},
    nights::configuration,
};
use crate::{
    clusters::{connect, on_a_major_and_the_newest_alone, on_every_major_alone, options, query_one_text, say, sql},
    reports::{
        program::{answer, pgtend},
        zoo::{conninfo, wait_for},
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, process::Command};

fn is_calm(what: &str, major: u32, exit: i32, report: &Value) {
    // A major that gets no fixes any more is told, calm or not.
    let mut warned = found(report, "warning");
    warned.remove("version");
    assert!(exit == 0 && warned.is_empty(), "{what} on {major}: {report}");
    assert_eq!(found(report, "unknown"), BTreeSet::new(), "{what} on {major}");
    shows(
        report,
        CLEAR,
        DEFAULT,
        &[
            "stale-slot",
            "lagging-slot",
            "lost-slot",
            "slot-limit",
            "retained-wal",
            "xid-wraparound",
            "multixact",
            "xmin-horizon",
            "prepared-transactions",
            "connections",
            "idle-in-transaction",
            "replication-lag",
            "subscription-errors",
            "sequence-exhaustion",
            "invalid-index",
            "unused-index",
            "duplicate-index",
            "index-heavy-table",
            "table-bloat",
            "index-bloat",
            "missing-fk-index",
            "autovacuum-lag",
            "unsafe-settings",
            "pending-restart",
        ],
    );
    shows(report, ELSEWHERE, DEFAULT, &["disk-forecast", "failed-archiving", "temp-files", "stats-lost"]);
    if major < 18 {
        shows(report, ELSEWHERE, DEFAULT, &["checksum-failures"]);
    } else {
        shows(report, CLEAR, DEFAULT, &["checksum-failures"]);
    }
    // The newest 15 that pgtend knows is what Debian has; of others a test's server may be an older minor.
    let version = names(report, "clear").contains("version") || names(report, "notes").contains("version");
    assert!(version || found(report, "warning").contains("version"), "{report}");
}

fn safe() -> pgtend::sandbox::ClusterOptions {
    options().set("fsync", "on").set("full_page_writes", "on").set("autovacuum", "on").set("wal_level", "logical")
}

#[tokio::test]
async fn fresh_loaded_and_idle_servers_are_calm_for_the_documented_role() {
    on_every_major_alone("calm servers", safe(), async |major, cluster| {
        sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        let (exit, report) = check(&cluster, "watcher", "postgres", &["--history", "none"]);
        is_calm("fresh", major, exit, &report);
        let pgbench = ["/usr/lib/postgresql/15/bin/pgbench"].into_iter().find(|path| Path::new(path).exists());
        let Some(pgbench) = pgbench else {
            say(&format!("calm servers: pgbench NOT RUN on {major}, it is not installed"));
            return;
        };
        sql(&cluster, "postgres", "create database bench").await;
        let bench = |arguments: &[&str]| {
            let port = cluster.port().to_string();
            let output = Command::new(pgbench)
                .arg("-h")
                .arg(cluster.socket_dir())
                .args(["-p", &port, "-U", "postgres"])
                .args(arguments)
                .arg("bench")
                .output()
                .expect("pgbench runs");
            assert!(output.status.success(), "{output:?}");
        };
        bench(&["-i", "-q", "-s", "3", "--foreign-keys"]);
        bench(&["-n", "-c", "4", "-T", "5"]);
        let (exit, report) = check(&cluster, "watcher", "bench", &["--history", "none"]);
        is_calm("loaded", major, exit, &report);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_found_at_the_default_limits() {
    let options = options()
        .set("wal_level", "logical")
        .set("archive_mode", "on")
        .set("archive_command", "false")
        .set("max_connections", "15")
        .set("max_wal_senders", "2")
        .set("max_replication_slots", "2")
        .set("max_slot_wal_keep_size", "1MB")
        .set("max_prepared_transactions", "5")
        .set("autovacuum", "off");
    on_every_major_alone("each thing found", options, async |major, cluster| {
        for one in [
            "create role watcher login; grant pg_monitor to watcher; create role stranger login",
            "select pg_create_physical_replication_slot('gone', true)",
            "select pg_create_physical_replication_slot('never_reserved')",
            "create table t (id serial, n int); insert into t (n) values (1), (1); grant select on all sequences in schema public to watcher",
            "select setval('t_id_seq', 2000000000)",
            "insert into pg_replication_origin values (77, 'pg_4711'); select pg_replication_origin_create('own_tool')",
            "create subscription idle connection 'dbname=none' publication p with (connect = false)",
            "select pg_switch_wal(); create table w (); select pg_switch_wal(); create table x (); checkpoint",
            "begin; create table prepared (); prepare transaction 'forgotten'",
            "alter system set max_connections = 16; select pg_reload_conf()",
        ] {
            let client = connect(&cluster, "postgres").await;
            // Statements that may not share a transaction with others come alone.
            for statement in if one.starts_with("begin") { vec![one] } else { one.split("; ").collect() } {
                client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}: {statement}"));
            }
        }
        let broken = connect(&cluster, "postgres").await;
        assert!(broken.simple_query("create unique index concurrently broken on t (n)").await.is_err());
        wait_for(&cluster, "select failed_count > 0 from pg_stat_archiver").await;
        wait_for(&cluster, "select pending_restart from pg_settings where name = 'max_connections'").await;
        wait_for(&cluster, "select wal_status = 'lost' from pg_replication_slots where slot_name = 'gone'").await;
        let mut crowd = Vec::new();
        for _ in 0..10 {
            crowd.push(connect(&cluster, "postgres").await);
        }
        crowd[0].batch_execute("begin; lock table t in access share mode").await.unwrap();
        let (exit, report) = check(&cluster, "watcher", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "{report}");
        shows(&report, FOUND, DEFAULT, &["lost-slot", "slot-limit", "failed-archiving", "sequence-exhaustion"]);
        shows(&report, FOUND, DEFAULT, &["invalid-index", "subscription-errors", "connections", "unsafe-settings"]);
        shows(&report, FOUND, DEFAULT, &["pending-restart"]);
        if major < 15 {
            shows(&report, FOUND, DEFAULT, &["version"]);
        }
        let origins = "replication origins";
        let all = report["findings"].as_array().unwrap();
        assert!(all.iter().any(|one| one["subject"] == origins && one["measured"] == 1), "on {major}: {report}");
        assert_eq!(found(&report, "unknown"), BTreeSet::new(), "{report}");

        // What a test cannot wait for is found at limits of its own.
        let folder = tempfile::tempdir().unwrap();
        let lowered = "[check.xid-wraparound]\nwarning = 1\n[check.xmin-horizon]\nwarning = 1\n";
        let config = configuration(folder.path(), lowered);
        let arguments = ["--history", "none", "--config", &config, "--only", "xid-wraparound,xmin-horizon"];
        let (exit, report) = check(&cluster, "watcher", "postgres", &arguments);
        assert_eq!((exit, found(&report, "warning").len()), (1, 2), "on {major}: {report}");

        // Who may see nothing is told so, and nothing hidden is called clear.
        let (exit, report) = check(&cluster, "stranger", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "the lost slot is seen by all: {report}");
        shows(&report, BLIND, DEFAULT, &["retained-wal", "connections", "idle-in-transaction", "xmin-horizon"]);
        shows(&report, ELSEWHERE, DEFAULT, &["sequence-exhaustion"]);
        drop(crowd);

        // Counters that begin anew are told once.
        let history = folder.path().join("h.db");
        let arguments = ["--history", history.to_str().unwrap(), "--only", "stats-lost"];
        check(&cluster, "postgres", "postgres", &arguments);
        // Before 15 the collector is told, and nobody waits for it.
        let since = "select coalesce(stats_reset, '-infinity')::text from pg_stat_database where datname = 'postgres'";
        let before = query_one_text(&cluster, "postgres", since).await.expect("a row");
        query_one_text(&cluster, "postgres", "select pg_stat_reset()::text").await;
        wait_for(&cluster, &format!("select ({since}) <> '{before}'")).await;
        let (exit, report) = check(&cluster, "postgres", "postgres", &[&arguments[..], &["--hygiene"]].concat());
        assert_eq!((exit, found(&report, "warning")), (1, set(&["stats-lost"])), "on {major}: {report}");
        shows(&report, FOUND, DEFAULT, &["stats-lost"]);
        let (exit, report) = check(&cluster, "postgres", "postgres", &[&arguments[..], &["--hygiene"]].concat());
        assert_eq!(exit, 0, "on {major}: {report}");
        shows(&report, CLEAR, DEFAULT, &["stats-lost"]);
    })
    .await;
}

#[tokio::test]
async fn databases_that_may_not_be_looked_into_are_no_clear_ones() {
    on_a_major_and_the_newest_alone(13, "closed databases", options(), async |_, cluster| {
        sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        for name in ["closed", "shut"] {
            sql(&cluster, "postgres", &format!("create database {name}")).await;
            sql(&cluster, "postgres", &format!("revoke connect on database {name} from public")).await;
        }
        let arguments = ["--history", "none", "--all-databases"];
        let (exit, report) = check(&cluster, "watcher", "postgres", &arguments);
        assert_eq!(exit, 3, "{report}");
        shows(&report, BLIND, DEFAULT, &["sequence-exhaustion", "invalid-index", "unused-index", "duplicate-index"]);
        shows(&report, BLIND, DEFAULT, &["index-heavy-table", "table-bloat", "index-bloat", "missing-fk-index"]);
        shows(&report, BLIND, DEFAULT, &["autovacuum-lag"]);
        let findings = report["findings"].as_array().unwrap();
        let ids: BTreeSet<&str> = findings.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), findings.len(), "each name once: {report}");
        let one = findings.iter().find(|one| one["check"] == "table-bloat").unwrap()["message"].as_str().unwrap();
        assert!(one.contains("closed") && one.contains("shut"), "{one}");
        let conninfo = conninfo(&cluster, "watcher", "postgres");
        let metrics =
            answer(&mut pgtend(&[&["check", "-d", &conninfo, "--format", "prometheus"], &arguments[..]].concat()));
        super::outputs::are_metrics(&metrics.stdout);
    })
    .await;
}
