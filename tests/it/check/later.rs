//! What takes a day or a week to go wrong: a real server's snapshot, judged as of later.

use super::{
    ask::{BLIND, CLEAR, CLOCK, DEFAULT, ELSEWHERE, FOUND, check, check_later, names, set, shows, snapshot},
    nights::configuration,
};
use crate::{
    clusters::{connect, on_a_major_and_the_newest_alone, on_every_major_alone, options, sql},
    reports::zoo::wait_for,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// So many MB of WAL that nobody needs.
async fn write_wal(cluster: &pgtend::sandbox::Cluster, megabytes: u32) {
    let one = "pg_logical_emit_message(false, 'x', repeat('x', 1048576))";
    sql(cluster, "postgres", &format!("select {one} from generate_series(1, {megabytes})")).await;
}

#[tokio::test]
async fn a_slot_that_nobody_uses_is_found_by_its_age_and_by_its_wal() {
    let options =
        options().set("wal_level", "logical").set("max_slot_wal_keep_size", "90MB").set("max_wal_size", "32MB");
    on_every_major_alone("a forgotten slot", options, async |major, cluster| {
        sql(&cluster, "postgres", "select pg_create_logical_replication_slot('gone', 'test_decoding')").await;
        let (_, report) = check_later(&cluster, 30 * DAY, &[]);
        shows(&report, CLEAR, CLOCK, &["stale-slot"]);
        write_wal(&cluster, 72).await;
        let (_, report) = check(&cluster, "postgres", "postgres", &["--history", "none"]);
        shows(&report, FOUND, DEFAULT, &["slot-limit"]);
        if major < 17 {
            shows(&report, ELSEWHERE, DEFAULT, &["stale-slot"]);
        } else {
            let (exit, report) = check_later(&cluster, DAY + HOUR, &[]);
            assert_eq!(exit, 1, "{report}");
            shows(&report, FOUND, CLOCK, &["stale-slot"]);
            let (_, report) = check_later(&cluster, 8 * DAY, &[]);
            let stale = report["findings"].as_array().unwrap().iter().find(|one| one["check"] == "stale-slot").unwrap();
            assert!(stale["message"].as_str().unwrap().contains("is forgotten"), "{stale}");
        }
        let folder = tempfile::tempdir().unwrap();
        let lowered = "[check.stale-slot]\nat_once = \"1MB\"\n[check.retained-wal]\nwarning = \"1MB\"\n";
        let config = configuration(folder.path(), lowered);
        let (_, report) = check(&cluster, "postgres", "postgres", &["--history", "none", "--config", &config]);
        shows(&report, FOUND, "lowered: ten gigabytes of WAL take too long", &["stale-slot", "retained-wal"]);
    })
    .await;
}

#[tokio::test]
async fn transactions_that_are_left_open_are_found_by_their_age() {
    let options = options().set("max_prepared_transactions", "5");
    on_a_major_and_the_newest_alone(13, "forgotten transactions", options, async |_, cluster| {
        sql(&cluster, "postgres", "begin; create table prepared (); prepare transaction 'it''s \"forgotten\"'").await;
        let idler = connect(&cluster, "postgres").await;
        idler.batch_execute("begin; lock pg_class in access share mode").await.unwrap();
        for (after, status) in [(11 * MINUTE, "warning"), (61 * MINUTE, "critical")] {
            let (_, report) = check_later(&cluster, after, &[]);
            shows(&report, FOUND, CLOCK, &["prepared-transactions", "idle-in-transaction"]);
            let all = super::ask::found(&report, status);
            assert!(all.is_superset(&set(&["prepared-transactions", "idle-in-transaction"])), "{report}");
        }
        let (_, report) = check_later(&cluster, 2 * MINUTE, &[]);
        shows(&report, CLEAR, CLOCK, &["prepared-transactions", "idle-in-transaction"]);
    })
    .await;
}

#[tokio::test]
async fn an_archive_that_failed_once_is_no_alarm_on_a_server_that_rests() {
    let options = options().set("archive_mode", "on").set("archive_command", "false");
    on_a_major_and_the_newest_alone(13, "an idle archiver", options, async |_, cluster| {
        sql(&cluster, "postgres", "create table t (); select pg_switch_wal()").await;
        wait_for(&cluster, "select failed_count > 0 from pg_stat_archiver").await;
        let (_, report) = check_later(&cluster, 2 * HOUR, &[]);
        shows(&report, FOUND, CLOCK, &["failed-archiving"]);
        sql(&cluster, "postgres", "alter system set archive_command = 'true'").await;
        sql(&cluster, "postgres", "select pg_reload_conf()").await;
        wait_for(&cluster, "select last_archived_time > last_failed_time from pg_stat_archiver").await;
        let (_, report) = check_later(&cluster, 30 * DAY, &[]);
        shows(&report, CLEAR, CLOCK, &["failed-archiving", "retained-wal"]);
        sql(&cluster, "postgres", "create role stranger login").await;
        let (_, report) = check(&cluster, "stranger", "postgres", &["--history", "none"]);
        shows(&report, BLIND, DEFAULT, &["failed-archiving"]);
    })
    .await;
}

#[tokio::test]
async fn temporary_files_are_counted_between_two_looks() {
    on_a_major_and_the_newest_alone(13, "temporary files", options(), async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let before = snapshot(&cluster, "postgres", folder.path(), -12 * HOUR);
        let since = before.to_str().unwrap();
        let sort = "set work_mem = '64kB'; select count(*) from (select g from generate_series(1, 300000) g order by -g offset 1) s";
        sql(&cluster, "postgres", sort).await;
        wait_for(&cluster, "select temp_bytes > 1000000 from pg_stat_database where datname = 'postgres'").await;
        let (_, report) = check(&cluster, "postgres", "postgres", &["--history", "none", "--since", since]);
        shows(&report, CLEAR, DEFAULT, &["temp-files"]);
        let config = configuration(folder.path(), "[check.temp-files]\nwarning = \"1MB\"\n");
        let arguments = ["--history", "none", "--since", since, "--config", &config];
        let (_, report) = check(&cluster, "postgres", "postgres", &arguments);
        shows(&report, FOUND, "lowered: a hundred gigabytes take too long", &["temp-files"]);
        assert!(!names(&report, "clear").contains("temp-files"));
    })
    .await;
}
