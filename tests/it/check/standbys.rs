//! A primary with a standby that does not replay or does not receive WAL.

use super::{
    check_report::{
        DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, SHIFTED_CLOCK, UNKNOWN, assert_result, run_check,
        run_check_shifted, shifted_snapshot,
    },
    nightly_runs::write_config,
};
use crate::{
    clusters::{cluster_options, execute_sql, on_a_major_and_the_newest, private_cluster, query_one_text},
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
