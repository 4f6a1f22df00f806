//! The checks on real servers: what a calm one answers, and each thing found at its default limits where a test can
//! reach them.

use super::nights::configuration;
use crate::{
    clusters::{connect, on_every_major_alone, options, query_one_text, say, sql},
    reports::{
        program::{answer, pgtend},
        zoo::{conninfo, wait_for},
    },
};
use pgtend::sandbox::Cluster;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, process::Command};

/// The report of one run; `more` are its arguments.
fn check(cluster: &Cluster, role: &str, database: &str, more: &[&str]) -> (i32, Value) {
    let conninfo = conninfo(cluster, role, database);
    let arguments = [&["check", "-d", &conninfo, "--format", "json"], more].concat();
    let answer = answer(&mut pgtend(&arguments));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.exit, report)
}

/// The checks with a finding of that status.
fn found(report: &Value, status: &str) -> BTreeSet<String> {
    let all = report["findings"].as_array().unwrap().iter().filter(|one| one["status"] == status);
    all.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn names(report: &Value, key: &str) -> BTreeSet<String> {
    let all = report[key].as_array().unwrap().iter();
    all.map(|one| one.as_str().or(one["check"].as_str()).unwrap().to_owned()).collect()
}

/// What every server here is: of the release tests run on, without an archive, without checksums before 18.
fn expected_elsewhere(major: u32) -> BTreeSet<String> {
    let mut quiet = set(&["disk-forecast", "failed-archiving", "temp-files", "stats-lost"]);
    if major < 18 {
        quiet.insert("checksum-failures".to_owned());
    }
    quiet
}

fn is_calm(what: &str, major: u32, exit: i32, report: &Value) {
    // A major that gets no fixes any more is told, calm or not.
    let mut warned = found(report, "warning");
    warned.remove("version");
    assert!(exit == 0 && warned.is_empty(), "{what} on {major}: {report}");
    assert_eq!(found(report, "unknown"), BTreeSet::new(), "{what} on {major}");
    let (clear, notes) = (names(report, "clear"), names(report, "notes"));
    for name in [
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
    ] {
        assert!(clear.contains(name), "{what} on {major}: {name} is not clear: {report}");
    }
    for name in expected_elsewhere(major).difference(&clear) {
        assert!(notes.contains(name), "{what} on {major}: {name} says nothing: {report}");
    }
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
        bench(&["-n", "-c", "4", "-t", "200"]);
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
            "create subscription idle connection 'dbname=none' publication p with (connect = false)",
            "select pg_switch_wal(); create table w (); select pg_switch_wal(); create table x (); checkpoint",
            "begin; create table prepared (); prepare transaction 'forgotten'",
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
        wait_for(&cluster, "select wal_status = 'lost' from pg_replication_slots where slot_name = 'gone'").await;
        let mut crowd = Vec::new();
        for _ in 0..10 {
            crowd.push(connect(&cluster, "postgres").await);
        }
        crowd[0].batch_execute("begin; lock table t in access share mode").await.unwrap();
        let (exit, report) = check(&cluster, "watcher", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "{report}");
        let all: BTreeSet<String> = found(&report, "warning").union(&found(&report, "critical")).cloned().collect();
        for name in [
            "lost-slot", "slot-limit", "failed-archiving", "sequence-exhaustion", "invalid-index", "subscription-errors",
            "connections", "unsafe-settings",
        ] {
            assert!(all.contains(name), "{name} was not found on {major}: {report}");
        }
        assert_eq!(found(&report, "unknown"), BTreeSet::new(), "{report}");

        // What a test cannot wait for is found at limits of its own.
        let folder = tempfile::tempdir().unwrap();
        let lowered = "[check.prepared-transactions]\nwarning = \"0s\"\n[check.idle-in-transaction]\nwarning = \"0s\"\n\
                       [check.xid-wraparound]\nwarning = 1\n[check.multixact]\nwarning = 0\n\
                       [check.xmin-horizon]\nwarning = 1\n[check.retained-wal]\nwarning = \"1MB\"\n";
        let config = configuration(folder.path(), lowered);
        let only = "prepared-transactions,idle-in-transaction,xmin-horizon";
        let arguments = ["--history", "none", "--config", &config, "--only", only];
        let (exit, report) = check(&cluster, "watcher", "postgres", &arguments);
        assert_eq!((exit, found(&report, "warning").len()), (1, 3), "on {major}: {report}");

        // Who may see nothing is told so, and nothing hidden is called clear.
        let (exit, report) = check(&cluster, "stranger", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "the lost slot is seen by all: {report}");
        let blind = found(&report, "unknown");
        for name in ["retained-wal", "connections", "idle-in-transaction", "xmin-horizon"] {
            assert!(blind.contains(name), "{name} is not unknown on {major}: {report}");
            assert!(!names(&report, "clear").contains(name));
        }
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
        let (exit, report) = check(&cluster, "postgres", "postgres", &[&arguments[..], &["--hygiene"]].concat());
        assert_eq!(exit, 0, "on {major}: {report}");
    })
    .await;
}
