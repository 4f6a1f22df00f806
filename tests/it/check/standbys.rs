//! A primary with a standby that does not replay, or does not even receive.

use super::{
    ask::{BLIND, CLEAR, CLOCK, DEFAULT, ELSEWHERE, FOUND, check, check_later, shows, snapshot},
    nights::configuration,
};
use crate::{
    clusters::{on_a_major_and_the_newest, options, private, query_one_text, sql},
    reports::zoo::wait_for,
};
use pgtend::sandbox::{Cluster, StandbyOptions};
use std::process::Command;

#[tokio::test]
async fn a_standby_that_stands_still_is_found_from_both_ends() {
    on_a_major_and_the_newest(13, "a standby that stands still", async |_, installation| {
        let mut primary = private(installation, options().set("max_wal_size", "32MB"));
        sql(&primary, "postgres", "create role stranger login; create table t (n int)").await;
        sql(&primary, "postgres", "select pg_create_physical_replication_slot('s1')").await;
        let follows = StandbyOptions { primary_slot_name: Some("s1".to_owned()), ..StandbyOptions::default() };
        let standby = primary.standby(&follows).expect("a standby");
        sql(&primary, "postgres", "insert into t values (1)").await;
        let current = query_one_text(&primary, "postgres", "select pg_current_wal_lsn()").await.unwrap();
        wait_for(&standby, &format!("select pg_last_wal_replay_lsn() >= '{current}'")).await;
        let (_, report) = check(&primary, "postgres", "postgres", &["--history", "none"]);
        shows(&report, CLEAR, DEFAULT, &["replication-lag", "lagging-slot", "stale-slot"]);
        let (_, report) = check(&primary, "stranger", "postgres", &["--history", "none"]);
        shows(&report, BLIND, DEFAULT, &["replication-lag"]);
        let (_, report) = check(&standby, "postgres", "postgres", &["--history", "none"]);
        shows(&report, CLEAR, DEFAULT, &["replication-lag", "retained-wal"]);
        shows(&report, ELSEWHERE, DEFAULT, &["autovacuum-lag", "subscription-errors"]);

        sql(&standby, "postgres", "select pg_wal_replay_pause()").await;
        sql(&primary, "postgres", "insert into t values (2)").await;
        let current = query_one_text(&primary, "postgres", "select pg_current_wal_flush_lsn()").await.unwrap();
        wait_for(&standby, &format!("select pg_last_wal_receive_lsn() >= '{current}'")).await;
        let (exit, report) = check_later(&standby, 11 * 60, &[]);
        assert_eq!(exit, 1, "{report}");
        shows(&report, FOUND, CLOCK, &["replication-lag"]);
        // On a quiet primary the server's own measure stands still, too: the look before tells.
        let folder = tempfile::tempdir().unwrap();
        let before = snapshot(&primary, "postgres", folder.path(), -2 * 3_600);
        let arguments = ["--history", "none", "--since", before.to_str().unwrap()];
        let (exit, report) = check(&primary, "postgres", "postgres", &arguments);
        assert_eq!(exit, 2, "{report}");
        shows(&report, FOUND, DEFAULT, &["replication-lag"]);

        lags(&primary, &standby).await;
    })
    .await;
}

/// The receiver is stopped: its slot stays in use, and falls behind.
async fn lags(primary: &Cluster, standby: &Cluster) {
    let pid = query_one_text(standby, "postgres", "select pid from pg_stat_wal_receiver").await.expect("a receiver");
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let write = "select pg_logical_emit_message(false, 'x', repeat('x', 1048576)) from generate_series(1, 80)";
    sql(primary, "postgres", write).await;
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "[check.lagging-slot]\nwarning = \"1MB\"\n");
    let (_, report) = check(primary, "postgres", "postgres", &["--history", "none", "--config", &config]);
    signal("-CONT");
    shows(&report, FOUND, "lowered: ten gigabytes of WAL take too long", &["lagging-slot"]);
}
