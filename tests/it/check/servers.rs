//! The checks on real servers: the results on a server without problems, and each problem that a test can cause at the
//! default limits.

use super::{
    check_report::{
        DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, SHIFTED_CLOCK, UNKNOWN, assert_result, check_names,
        checks_with_status, name_set, run_check, run_check_shifted,
    },
    nightly_runs::write_config,
};
use crate::{
    clusters::{
        cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_major_alone,
        print_stderr, query_one_text,
    },
    reports::{
        fixture_servers::{role_conninfo, wait_until_true},
        program::{pgtend_command, run_command},
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, process::Command};

fn assert_calm(what: &str, major: u32, exit: i32, report: &Value) {
    // A major without support is reported on any server.
    let mut warned = checks_with_status(report, "warning");
    warned.remove("version");
    assert!(exit == 0 && warned.is_empty(), "{what} on {major}: {report}");
    assert_eq!(checks_with_status(report, "unknown"), BTreeSet::new(), "{what} on {major}");
    assert_result(
        report,
        PASSED,
        DEFAULT_LIMITS,
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
            "lock-waits",
            "replication-lag",
            "subscription-errors",
            "sequence-exhaustion",
            "invalid-index",
            "unused-index",
            "duplicate-index",
            "index-heavy-table",
            "table-bloat",
            "index-bloat",
            "deduplicated-char-index",
            "missing-fk-index",
            "autovacuum-lag",
            "unsafe-settings",
            "pending-restart",
        ],
    );
    assert_result(
        report,
        NOT_APPLICABLE,
        DEFAULT_LIMITS,
        &["disk-forecast", "failed-archiving", "temp-files", "stats-lost"],
    );
    if major < 18 {
        assert_result(report, NOT_APPLICABLE, DEFAULT_LIMITS, &["checksum-failures"]);
    } else {
        assert_result(report, PASSED, DEFAULT_LIMITS, &["checksum-failures"]);
    }
    // Debian has the newest 15 that pgtend knows; the installations of other majors may be older minors.
    let version = check_names(report, "passed").contains("version") || check_names(report, "notes").contains("version");
    assert!(version || checks_with_status(report, "warning").contains("version"), "{report}");
}

fn safe_options() -> pg_sandbox::ClusterOptions {
    cluster_options()
        .with_setting("fsync", "on")
        .with_setting("full_page_writes", "on")
        .with_setting("autovacuum", "on")
        .with_setting("wal_level", "logical")
}

#[tokio::test]
async fn servers_without_problems_are_calm() {
    on_every_major_alone("servers without problems", safe_options(), async |major, cluster| {
        execute_sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        let (exit, report) = run_check(&cluster, "watcher", "postgres", &["--history", "none"]);
        assert_calm("fresh", major, exit, &report);
        let pgbench = ["/usr/lib/postgresql/15/bin/pgbench"].into_iter().find(|path| Path::new(path).exists());
        let Some(pgbench) = pgbench else {
            print_stderr(&format!("servers without problems: pgbench NOT RUN on {major}, it is not installed"));
            return;
        };
        execute_sql(&cluster, "postgres", "create database bench").await;
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
        let (exit, report) = run_check(&cluster, "watcher", "bench", &["--history", "none"]);
        assert_calm("loaded", major, exit, &report);
    })
    .await;
}

#[tokio::test]
async fn servers_problems_are_found_by_default() {
    let options = cluster_options()
        .with_setting("wal_level", "logical")
        .with_setting("archive_mode", "on")
        .with_setting("archive_command", "false")
        .with_setting("max_connections", "15")
        .with_setting("max_wal_senders", "2")
        .with_setting("max_replication_slots", "2")
        .with_setting("max_slot_wal_keep_size", "1MB")
        .with_setting("max_prepared_transactions", "5")
        .with_setting("autovacuum", "off");
    on_every_major_alone("problems at default limits", options, async |major, cluster| {
        for statements in [
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
            let client = connect_superuser(&cluster, "postgres").await;
            // Statements that cannot share a transaction with others are executed alone.
            let is_transaction = statements.starts_with("begin");
            for statement in if is_transaction { vec![statements] } else { statements.split("; ").collect() } {
                client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}: {statement}"));
            }
        }
        let broken = connect_superuser(&cluster, "postgres").await;
        assert!(broken.simple_query("create unique index concurrently broken on t (n)").await.is_err());
        wait_until_true(&cluster, "select failed_count > 0 from pg_stat_archiver").await;
        wait_until_true(&cluster, "select pending_restart from pg_settings where name = 'max_connections'").await;
        wait_until_true(&cluster, "select wal_status = 'lost' from pg_replication_slots where slot_name = 'gone'").await;
        let mut crowd = Vec::new();
        for _ in 0..10 {
            crowd.push(connect_superuser(&cluster, "postgres").await);
        }
        crowd[0].batch_execute("begin; lock table t in access share mode").await.unwrap();
        let (exit, report) = run_check(&cluster, "watcher", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "{report}");
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["lost-slot", "slot-limit", "failed-archiving", "sequence-exhaustion"]);
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["invalid-index", "subscription-errors", "connections", "unsafe-settings"]);
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["pending-restart"]);
        if major < 15 {
            assert_result(&report, FOUND, DEFAULT_LIMITS, &["version"]);
        }
        let origins = "replication origins";
        let findings = report["findings"].as_array().unwrap();
        let has_origins = findings.iter().any(|finding| finding["subject"] == origins && finding["measured"] == 1);
        assert!(has_origins, "on {major}: {report}");
        assert_eq!(checks_with_status(&report, "unknown"), BTreeSet::new(), "{report}");

        // Problems that take too long to cause are found at lowered limits.
        let folder = tempfile::tempdir().unwrap();
        let lowered = "[check.xid-wraparound]\nwarning = 1\n[check.xmin-horizon]\nwarning = 1\n";
        let config = write_config(folder.path(), lowered);
        let arguments = ["--history", "none", "--config", &config, "--only", "xid-wraparound,xmin-horizon"];
        let (exit, report) = run_check(&cluster, "watcher", "postgres", &arguments);
        assert_eq!((exit, checks_with_status(&report, "warning").len()), (1, 2), "on {major}: {report}");

        // A role without privileges gets unknown results: nothing unreadable passes.
        let (exit, report) = run_check(&cluster, "stranger", "postgres", &["--history", "none"]);
        assert!(exit == 1 || exit == 2, "the lost slot is seen by all: {report}");
        assert_result(&report, UNKNOWN, DEFAULT_LIMITS, &["retained-wal", "connections", "idle-in-transaction", "lock-waits", "xmin-horizon"]);
        assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["sequence-exhaustion"]);
        drop(crowd);

        // A reset of the counters is reported once.
        let history = folder.path().join("h.db");
        let arguments = ["--history", history.to_str().unwrap(), "--only", "stats-lost"];
        run_check(&cluster, "postgres", "postgres", &arguments);
        // Before 15 the statistics collector resets them asynchronously.
        let since = "select coalesce(stats_reset, '-infinity')::text from pg_stat_database where datname = 'postgres'";
        let before = query_one_text(&cluster, "postgres", since).await.expect("a row");
        query_one_text(&cluster, "postgres", "select pg_stat_reset()::text").await;
        wait_until_true(&cluster, &format!("select ({since}) <> '{before}'")).await;
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &[&arguments[..], &["--hygiene"]].concat());
        assert_eq!((exit, checks_with_status(&report, "warning")), (1, name_set(&["stats-lost"])), "on {major}: {report}");
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["stats-lost"]);
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &[&arguments[..], &["--hygiene"]].concat());
        assert_eq!(exit, 0, "on {major}: {report}");
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["stats-lost"]);
    })
    .await;
}

#[tokio::test]
async fn servers_unreadable_databases_do_not_pass() {
    on_a_major_and_the_newest_alone(13, "closed databases", cluster_options(), async |_, cluster| {
        execute_sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        for name in ["closed", "shut"] {
            execute_sql(&cluster, "postgres", &format!("create database {name}")).await;
            execute_sql(&cluster, "postgres", &format!("revoke connect on database {name} from public")).await;
        }
        let arguments = ["--history", "none", "--all-databases"];
        let (exit, report) = run_check(&cluster, "watcher", "postgres", &arguments);
        assert_eq!(exit, 3, "{report}");
        assert_result(
            &report,
            UNKNOWN,
            DEFAULT_LIMITS,
            &["sequence-exhaustion", "invalid-index", "unused-index", "duplicate-index"],
        );
        assert_result(
            &report,
            UNKNOWN,
            DEFAULT_LIMITS,
            &["index-heavy-table", "table-bloat", "index-bloat", "missing-fk-index"],
        );
        assert_result(
            &report,
            UNKNOWN,
            DEFAULT_LIMITS,
            &["autovacuum-lag", "deduplicated-char-index", "post-update-tasks"],
        );
        let findings = report["findings"].as_array().unwrap();
        let ids: BTreeSet<&str> = findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), findings.len(), "each name once: {report}");
        let message =
            findings.iter().find(|finding| finding["check"] == "table-bloat").unwrap()["message"].as_str().unwrap();
        assert!(message.contains("closed") && message.contains("shut"), "{message}");
        let conninfo = role_conninfo(&cluster, "watcher", "postgres");
        let metrics = run_command(&mut pgtend_command(
            &[&["check", "-d", &conninfo, "--format", "prometheus"], &arguments[..]].concat(),
        ));
        super::outputs::assert_valid_metrics(&metrics.stdout);
    })
    .await;
}

#[tokio::test]
async fn servers_lock_waits_name_the_root() {
    on_a_major_and_the_newest_alone(13, "lock waits", cluster_options(), async |major, cluster| {
        execute_sql(
            &cluster,
            "postgres",
            "create table t (n int); create role watcher login; grant pg_monitor to watcher",
        )
        .await;
        let holder = connect_superuser(&cluster, "postgres").await;
        holder.batch_execute("set application_name = 'forgetful'; begin; lock table t").await.unwrap();
        let mut tasks = Vec::new();
        for (count, statement) in ["lock table t", "select * from t"].into_iter().enumerate() {
            let client = connect_superuser(&cluster, "postgres").await;
            let statement = format!("begin; {statement}");
            tasks.push(tokio::spawn(async move { client.batch_execute(&statement).await }));
            let waits = format!("select count(*) = {} from pg_stat_activity where wait_event_type = 'Lock'", count + 1);
            wait_until_true(&cluster, &waits).await;
        }
        let (exit, report) = run_check_shifted(&cluster, 90, &["--only", "lock-waits"]);
        assert_eq!(exit, 1, "on {major}: {report}");
        assert_result(&report, FOUND, SHIFTED_CLOCK, &["lock-waits"]);
        let found = report["findings"].as_array().unwrap();
        let [blocker] = &found[..] else { panic!("one blocker on {major}: {report}") };
        let (subject, message) = (blocker["subject"].as_str().unwrap(), blocker["message"].as_str().unwrap());
        assert!(subject.contains("role postgres, application forgetful"), "{blocker}");
        assert!(message.starts_with("2 sessions wait") && message.contains("idle in transaction"), "{blocker}");
        assert_eq!(message.contains("at most"), major < 14, "{blocker}");
        assert_eq!(run_check_shifted(&cluster, 400, &["--only", "lock-waits"]).0, 2);
        // Through a connection, as a member of pg_monitor: too young for a finding.
        let (exit, report) = run_check(&cluster, "watcher", "postgres", &["--history", "none", "--only", "lock-waits"]);
        assert_eq!(exit, 0, "{report}");
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    })
    .await;
}
