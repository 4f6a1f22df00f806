//! Problems that take a day or a week to develop: a real server's snapshot, evaluated with a later time.

use super::{
    check_report::{
        DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, SHIFTED_CLOCK, UNKNOWN, assert_result, check_names, name_set,
        run_check, run_check_shifted, shifted_snapshot,
    },
    nightly_runs::write_config,
};
use crate::{
    clusters::{
        cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_major_alone,
    },
    reports::fixture_servers::wait_until_true,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Writes so many MB of WAL.
async fn write_wal(cluster: &pg_sandbox::Cluster, megabytes: u32) {
    let statement = "pg_logical_emit_message(false, 'x', repeat('x', 1048576))";
    execute_sql(cluster, "postgres", &format!("select {statement} from generate_series(1, {megabytes})")).await;
}

#[tokio::test]
async fn aged_inactive_slot_is_found() {
    let options = cluster_options()
        .with_setting("wal_level", "logical")
        .with_setting("max_slot_wal_keep_size", "90MB")
        .with_setting("max_wal_size", "32MB");
    on_every_major_alone("inactive slot", options, async |major, cluster| {
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('gone', 'test_decoding')").await;
        let (_, report) = run_check_shifted(&cluster, 30 * DAY, &[]);
        assert_result(&report, PASSED, SHIFTED_CLOCK, &["stale-slot"]);
        write_wal(&cluster, 72).await;
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["slot-limit"]);
        if major < 17 {
            assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["stale-slot"]);
        } else {
            let (exit, report) = run_check_shifted(&cluster, DAY + HOUR, &[]);
            assert_eq!(exit, 1, "{report}");
            assert_result(&report, FOUND, SHIFTED_CLOCK, &["stale-slot"]);
            let (_, report) = run_check_shifted(&cluster, 8 * DAY, &[]);
            let stale =
                report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "stale-slot").unwrap();
            assert!(stale["message"].as_str().unwrap().contains("is stale"), "{stale}");
        }
        let folder = tempfile::tempdir().unwrap();
        let lowered = "[check.stale-slot]\nat_once = \"1MB\"\n[check.retained-wal]\nwarning = \"1MB\"\n";
        let config = write_config(folder.path(), lowered);
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none", "--config", &config]);
        assert_result(&report, FOUND, "lowered: ten gigabytes of WAL take too long", &["stale-slot", "retained-wal"]);
    })
    .await;
}

#[tokio::test]
async fn aged_open_transactions_are_found() {
    let options = cluster_options().with_setting("max_prepared_transactions", "5");
    on_a_major_and_the_newest_alone(13, "open transactions", options, async |_, cluster| {
        execute_sql(&cluster, "postgres", "begin; create table prepared (); prepare transaction 'it''s \"forgotten\"'")
            .await;
        let idler = connect_superuser(&cluster, "postgres").await;
        idler.batch_execute("begin; lock pg_class in access share mode").await.unwrap();
        for (after, status) in [(11 * MINUTE, "warning"), (61 * MINUTE, "critical")] {
            let (_, report) = run_check_shifted(&cluster, after, &[]);
            assert_result(&report, FOUND, SHIFTED_CLOCK, &["prepared-transactions", "idle-in-transaction"]);
            let checks = super::check_report::checks_with_status(&report, status);
            assert!(checks.is_superset(&name_set(&["prepared-transactions", "idle-in-transaction"])), "{report}");
        }
        let (_, report) = run_check_shifted(&cluster, 2 * MINUTE, &[]);
        assert_result(&report, PASSED, SHIFTED_CLOCK, &["prepared-transactions", "idle-in-transaction"]);
    })
    .await;
}

#[tokio::test]
async fn aged_single_archive_failure_is_ignored() {
    let options = cluster_options().with_setting("archive_mode", "on").with_setting("archive_command", "false");
    on_a_major_and_the_newest_alone(13, "single failure of the archiver", options, async |_, cluster| {
        execute_sql(&cluster, "postgres", "create table t (); select pg_switch_wal()").await;
        wait_until_true(&cluster, "select failed_count > 0 from pg_stat_archiver").await;
        let (_, report) = run_check_shifted(&cluster, 2 * HOUR, &[]);
        assert_result(&report, FOUND, SHIFTED_CLOCK, &["failed-archiving"]);
        execute_sql(&cluster, "postgres", "alter system set archive_command = 'true'").await;
        execute_sql(&cluster, "postgres", "select pg_reload_conf()").await;
        wait_until_true(&cluster, "select last_archived_time > last_failed_time from pg_stat_archiver").await;
        let (_, report) = run_check_shifted(&cluster, 30 * DAY, &[]);
        assert_result(&report, PASSED, SHIFTED_CLOCK, &["failed-archiving", "retained-wal"]);
        execute_sql(&cluster, "postgres", "create role stranger login").await;
        let (_, report) = run_check(&cluster, "stranger", "postgres", &["--history", "none"]);
        assert_result(&report, UNKNOWN, DEFAULT_LIMITS, &["failed-archiving"]);
    })
    .await;
}

#[tokio::test]
async fn aged_temp_files_count_between_samples() {
    on_a_major_and_the_newest_alone(13, "temporary files", cluster_options(), async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let before = shifted_snapshot(&cluster, "postgres", folder.path(), -12 * HOUR);
        let since = before.to_str().unwrap();
        let sort = "set work_mem = '64kB'; select count(*) from (select g from generate_series(1, 300000) g order by -g offset 1) s";
        execute_sql(&cluster, "postgres", sort).await;
        wait_until_true(&cluster, "select temp_bytes > 1000000 from pg_stat_database where datname = 'postgres'").await;
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none", "--since", since]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["temp-files"]);
        let config = write_config(folder.path(), "[check.temp-files]\nwarning = \"1MB\"\n");
        let arguments = ["--history", "none", "--since", since, "--config", &config];
        let (_, report) = run_check(&cluster, "postgres", "postgres", &arguments);
        assert_result(&report, FOUND, "lowered: a hundred gigabytes take too long", &["temp-files"]);
        assert!(!check_names(&report, "passed").contains("temp-files"));
    })
    .await;
}
