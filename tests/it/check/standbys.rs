//! A primary with a standby that does not replay or does not receive WAL.

use super::{
    check_report::{
        DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, SHIFTED_CLOCK, UNKNOWN, assert_result, run_check,
        run_check_shifted, shifted_snapshot,
    },
    nightly_runs::write_config,
};
use crate::{
    clusters::{
        cluster_options, execute_sql, on_a_major_and_the_newest, on_installations_from, private_cluster, query_one_text,
    },
    reports::fixture_servers::wait_until_true,
};
use pg_sandbox::{Cluster, StandbyOptions};
use std::process::Command;

#[tokio::test]
async fn standbys_lag_is_found_on_both_ends() {
    on_a_major_and_the_newest(13, "standby without replay", async |_, installation| {
        let mut primary = private_cluster(installation, cluster_options().with_setting("max_wal_size", "32MB"));
        execute_sql(&primary, "postgres", "create role stranger login; create table t (n int)").await;
        execute_sql(&primary, "postgres", "select pg_create_physical_replication_slot('s1')").await;
        let follows = StandbyOptions { primary_slot_name: Some("s1".to_owned()), ..StandbyOptions::default() };
        let standby = primary.create_standby(&follows).expect("a standby");
        execute_sql(&primary, "postgres", "insert into t values (1)").await;
        let current = query_one_text(&primary, "postgres", "select pg_current_wal_lsn()").await.unwrap();
        wait_until_true(&standby, &format!("select pg_last_wal_replay_lsn() >= '{current}'")).await;
        let (_, report) = run_check(&primary, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["replication-lag", "lagging-slot", "stale-slot"]);
        let (_, report) = run_check(&primary, "stranger", "postgres", &["--history", "none"]);
        assert_result(&report, UNKNOWN, DEFAULT_LIMITS, &["replication-lag"]);
        let (_, report) = run_check(&standby, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["replication-lag", "retained-wal"]);
        assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["autovacuum-lag", "subscription-errors"]);

        execute_sql(&standby, "postgres", "select pg_wal_replay_pause()").await;
        execute_sql(&primary, "postgres", "insert into t values (2)").await;
        let current = query_one_text(&primary, "postgres", "select pg_current_wal_flush_lsn()").await.unwrap();
        wait_until_true(&standby, &format!("select pg_last_wal_receive_lsn() >= '{current}'")).await;
        let (exit, report) = run_check_shifted(&standby, 11 * 60, &[]);
        assert_eq!(exit, 1, "{report}");
        assert_result(&report, FOUND, SHIFTED_CLOCK, &["replication-lag"]);
        // On an idle primary the server's own measured lag does not change; the previous sample shows it.
        let folder = tempfile::tempdir().unwrap();
        let before = shifted_snapshot(&primary, "postgres", folder.path(), -2 * 3_600);
        let arguments = ["--history", "none", "--since", before.to_str().unwrap()];
        let (exit, report) = run_check(&primary, "postgres", "postgres", &arguments);
        assert_eq!(exit, 2, "{report}");
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["replication-lag"]);

        assert_lag_is_found(&primary, &standby).await;
    })
    .await;
}

/// The receiver is stopped: its slot stays active and falls behind.
async fn assert_lag_is_found(primary: &Cluster, standby: &Cluster) {
    let pid = query_one_text(standby, "postgres", "select pid from pg_stat_wal_receiver").await.expect("a receiver");
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let write = "select pg_logical_emit_message(false, 'x', repeat('x', 1048576)) from generate_series(1, 80)";
    execute_sql(primary, "postgres", write).await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), "[check.lagging-slot]\nwarning = \"1MB\"\n");
    let (_, report) = run_check(primary, "postgres", "postgres", &["--history", "none", "--config", &config]);
    signal("-CONT");
    assert_result(&report, FOUND, "lowered: ten gigabytes of WAL take too long", &["lagging-slot"]);
}

/// From 19 on, a WAL receiver that cannot connect has a row in pg_stat_wal_receiver.
#[tokio::test]
async fn standbys_that_cannot_connect_do_not_stream() {
    on_installations_from(18, "a standby that cannot reach its primary", async |major, installation| {
        let mut primary = private_cluster(installation, cluster_options());
        execute_sql(&primary, "postgres", "create role stranger login; create table t (n int)").await;
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        execute_sql(&primary, "postgres", "insert into t values (1)").await;
        let current = query_one_text(&primary, "postgres", "select pg_current_wal_lsn()").await.unwrap();
        wait_until_true(&standby, &format!("select pg_last_wal_replay_lsn() >= '{current}'")).await;
        // It accepts connections and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let elsewhere = format!("alter system set primary_conninfo = 'host=127.0.0.1 port={port} user=postgres'");
        execute_sql(&standby, "postgres", &elsewhere).await;
        execute_sql(&standby, "postgres", "select pg_reload_conf()").await;
        let state = if major >= 19 { "status = 'connecting'" } else { "status = 'streaming'" };
        let is_reached = format!("select exists (select from pg_stat_wal_receiver where {state}) = {}", major >= 19);
        wait_until_true(&standby, &is_reached).await;
        let (_, report) = run_check_shifted(&standby, 11 * 60, &[]);
        assert_result(&report, NOT_APPLICABLE, SHIFTED_CLOCK, &["replication-lag"]);
        assert!(report.to_string().contains("does not stream WAL from its primary"), "{report}");
        if major >= 19 {
            let folder = tempfile::tempdir().unwrap();
            let snapshot = shifted_snapshot(&standby, "stranger", folder.path(), 11 * 60);
            let text = std::fs::read_to_string(snapshot).unwrap();
            let snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(snapshot["standby_replay"]["known"]["is_streaming"], serde_json::Value::Null, "hidden");
        }
    })
    .await;
}

#[tokio::test]
async fn standbys_copies_of_failover_slots_are_checked() {
    on_installations_from(17, "synchronization of failover slots", async |_, installation| {
        let mut primary = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        execute_sql(&primary, "postgres", "select pg_create_physical_replication_slot('s1', true)").await;
        let follows = StandbyOptions {
            primary_slot_name: Some("s1".to_owned()),
            hot_standby_feedback: true,
            ..StandbyOptions::default()
        };
        let standby = primary.create_standby(&follows).expect("a standby");
        wait_until_true(&primary, "select active from pg_replication_slots where slot_name = 's1'").await;
        // Created while the standby streams: the standby has all that the copy needs, and no consumer has to advance the slot.
        let create = "select pg_create_logical_replication_slot('orders', 'test_decoding', false, false, true)";
        execute_sql(&primary, "postgres", create).await;
        let (_, report) = run_check(&primary, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["failover-slot-sync"]);
        let config = tempfile::tempdir().unwrap();
        let file = config.path().join("pgtend.toml");
        let target =
            format!("[target.main]\nconninfo = \"{}\"\nreplicas = [\"{}\"]\n", primary.conninfo(), standby.conninfo());
        std::fs::write(&file, target).unwrap();
        let check_pair = || {
            let arguments = [
                "check",
                "--target",
                "main",
                "--config",
                file.to_str().unwrap(),
                "--history",
                "none",
                "--format",
                "json",
            ];
            let output = crate::reports::program::run_pgtend(&arguments);
            serde_json::from_str::<serde_json::Value>(&output.stdout)
                .unwrap_or_else(|error| panic!("{error}: {output:?}"))
        };
        let missing = check_pair().to_string();
        assert!(missing.contains("has no copy of failover slot orders"), "{missing}");

        let copied = "select count(*) = 1 from pg_replication_slots where synced and not temporary";
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while query_one_text(&standby, "postgres", copied).await.as_deref() != Some("t") {
            assert!(std::time::Instant::now() < deadline, "never copied\n{}", standby.log());
            execute_sql(&primary, "postgres", "select pg_log_standby_snapshot()").await;
            // The standby has no state that tells when it has replayed the record for the slot.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            execute_sql(&standby, "postgres", "select pg_sync_replication_slots()").await;
        }
        let (_, report) = run_check(&standby, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["failover-slot-sync"]);
        let (_, report) = run_check_shifted(&standby, 11 * 60, &[]);
        assert_result(&report, FOUND, SHIFTED_CLOCK, &["failover-slot-sync"]);
        let both = check_pair().to_string();
        assert!(!both.contains("copy of failover slot"), "{both}");
    })
    .await;
}
