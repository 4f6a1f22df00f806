//! Verdicts on slots of real servers: what is refused, what is proven, and the server behaviour on which the proof
//! relies.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pg_sandbox::Cluster;
use serde_json::Value;

use super::fixture_servers::{DATABASE, execute_batch, fixture_servers, role_conninfo, wait_until_true};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, expect_failure, find_element, report_json, run_pgtend};
use super::scenarios::scenario_file;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, on_every_installation,
    on_installations_from, private_cluster, query_one_text,
};

fn small_segments() -> pg_sandbox::ClusterOptions {
    let mut options =
        cluster_options().with_setting("autovacuum", "off").with_setting("max_prepared_transactions", "5");
    options.initdb.push("--wal-segsize=1".to_owned());
    options
}

async fn write_wal(cluster: &Cluster, megabytes: u32) {
    let filler = format!(
        "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, {megabytes})"
    );
    execute_sql(cluster, "postgres", &filler).await;
}

fn snapshot_json(cluster: &Cluster) -> Value {
    let answer = run_pgtend(&["snapshot", "-d", &cluster.conninfo()]);
    assert_eq!(answer.exit, 0, "{answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Writes a snapshot as if it had been taken `hours` earlier. Returns its `--since` argument.
fn write_aged_snapshot(folder: &Path, snapshot: &Value, hours: i64) -> String {
    let mut snapshot = snapshot.clone();
    let collected_at: Timestamp = snapshot["collected_at"].as_str().unwrap().parse().unwrap();
    snapshot["collected_at"] = collected_at.checked_sub(SignedDuration::from_hours(hours)).unwrap().to_string().into();
    let file = folder.join(format!("{hours}.json"));
    fs::write(&file, snapshot.to_string()).unwrap();
    format!("--since={}", file.display())
}

fn slots_report(cluster: &Cluster, since: &[String]) -> Value {
    let conninfo = cluster.conninfo();
    let mut arguments = vec!["slots", "-d", &conninfo];
    arguments.extend(since.iter().map(String::as_str));
    let report = report_json(&arguments);
    assert_nulls_explained("slots", &report);
    report
}

/// Returns the page of a slot, after comparing it with the list.
fn slot_page(cluster: &Cluster, name: &str) -> Value {
    let conninfo = cluster.conninfo();
    let report = report_json(&["slots", "why", name, "-d", &conninfo]);
    assert_nulls_explained("slots why", &report);
    assert_eq!(array_field(&report, "slots").len(), 1);
    for format in ["table", "markdown"] {
        let text = run_pgtend(&["slots", "why", name, "--format", format, "-d", &conninfo]);
        assert!(text.exit == 0 && text.stderr.is_empty(), "{text:?}");
        for part in ["Reasons", "Owner", "Consequence of a drop", "At the next checkpoint"] {
            assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
        }
    }
    report
}

fn slot_verdict<'a>(report: &'a Value, name: &str) -> &'a str {
    find_element(report, "slots", "slot_name", name)["verdict"].as_str().unwrap()
}

fn find_reason<'a>(report: &'a Value, name: &str, id: &str) -> Option<&'a Value> {
    array_field(find_element(report, "slots", "slot_name", name), "reasons").iter().find(|reason| reason["id"] == id)
}

#[tokio::test]
async fn verdicts_refuse_foreign_or_newer_snapshots() {
    on_a_major_and_the_newest(13, "snapshots of another server", async |major, _| {
        let folder = tempfile::tempdir().unwrap();
        let (primary, standby) = (&fixture_servers(major).primary, &fixture_servers(major).standby);
        let file = |snapshot: &Value| {
            let number = fs::read_dir(folder.path()).unwrap().count();
            let file = folder.path().join(format!("{number}.json"));
            fs::write(&file, snapshot.to_string()).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let conninfo = role_conninfo(primary, "postgres", DATABASE);
        let mut later = snapshot_json(primary);
        later["collected_at"] = "2999-01-01T00:00:00Z".into();
        let mut nameless = snapshot_json(primary);
        nameless.as_object_mut().unwrap().remove("control");
        for (other_snapshot, expected) in [
            (file(&snapshot_json(standby)), "a standby"),
            (file(&later), "2999-01-01"),
            (file(&nameless), "system identifier is missing"),
            (scenario_file("disaster"), "another cluster"),
            ("/nowhere/x.json".to_owned(), "cannot read"),
        ] {
            let said_instead = expect_failure(1, &["slots", "--since", &other_snapshot, "-d", &conninfo]);
            assert!(said_instead.contains(expected), "{other_snapshot}: {said_instead}");
        }
    })
    .await;
}

/// A proof by one snapshot relies on this: every activity on a slot changes `inactive_since`.
#[tokio::test]
async fn verdicts_activity_updates_inactive_since() {
    on_installations_from(17, "updates of inactive_since", async |major, installation| {
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('l', 'test_decoding')").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('p', true)").await;
        for (name, visit) in [
            ("l", "select count(*) from pg_logical_slot_get_changes('l', null, null)"),
            ("l", "select count(*) from pg_logical_slot_peek_changes('l', null, null)"),
            ("l", "select pg_replication_slot_advance('l', pg_current_wal_lsn())"),
            ("p", "select pg_replication_slot_advance('p', pg_current_wal_lsn())"),
        ] {
            write_wal(&cluster, 2).await;
            let since = format!("select inactive_since from pg_replication_slots where slot_name = '{name}'");
            let before = query_one_text(&cluster, "postgres", &since).await.unwrap();
            execute_sql(&cluster, "postgres", visit).await;
            let after = query_one_text(&cluster, "postgres", &since).await.unwrap();
            assert_ne!(before, after, "{visit} on {major}");
        }
        let since = "select inactive_since from pg_replication_slots where slot_name = 'p'";
        let before = query_one_text(&cluster, "postgres", since).await.unwrap();
        write_wal(&cluster, 2).await;
        execute_sql(&cluster, "postgres", "checkpoint").await;
        assert_eq!(query_one_text(&cluster, "postgres", since).await.unwrap(), before, "changed without activity");
    })
    .await;
}

#[tokio::test]
async fn verdicts_stale_needs_enough_samples() {
    on_every_installation("proof of a stale slot", async |major, installation| {
        let folder = tempfile::tempdir().unwrap();
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('forgotten', 'test_decoding')")
            .await;
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('polled', 'test_decoding')").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('standby_away', true)").await;
        let base_snapshot = snapshot_json(&cluster);
        write_wal(&cluster, 3).await;
        execute_sql(&cluster, "postgres", "select count(*) from pg_logical_slot_get_changes('polled', null, null)")
            .await;

        let report = slots_report(&cluster, &[]);
        assert_eq!(slot_verdict(&report, "forgotten"), "inactive");
        let wants = if major < 17 { "needs-samples" } else { "proven-from" };
        assert!(find_reason(&report, "forgotten", wants).is_some(), "{report}");

        let samples: Vec<String> =
            (1..=32).map(|n| write_aged_snapshot(folder.path(), &base_snapshot, n * 6)).collect();
        let report = slots_report(&cluster, &samples);
        assert_eq!(slot_verdict(&report, "forgotten"), "stale", "{report}");
        assert_eq!(find_reason(&report, "forgotten", "unused").unwrap()["samples"], 33);
        assert_eq!(slot_verdict(&report, "polled"), "healthy", "{report}");
        assert_eq!(slot_verdict(&report, "standby_away"), "inactive", "a standby has 14 days");
        assert_eq!(slot_verdict(&slots_report(&cluster, &samples[..20]), "forgotten"), "inactive");

        // A consumer was connected in one of the samples and had a segment to read.
        let mut visited = snapshot_json(&cluster);
        for slot in visited["slots"]["known"].as_array_mut().unwrap() {
            slot["active"] = (slot["slot_name"] == "forgotten").into();
        }
        let crash_loop = [&samples[..], &[write_aged_snapshot(folder.path(), &visited, 3)]].concat();
        let report = slots_report(&cluster, &crash_loop);
        assert_eq!(slot_verdict(&report, "forgotten"), "lagging", "{report}");
        assert!(find_reason(&report, "forgotten", "connected-without-progress").is_some(), "{report}");
    })
    .await;
}

#[test]
fn verdicts_why_refuses_unknown_slots() {
    let file = scenario_file("disaster");
    let message = expect_failure(1, &["slots", "why", "debezium_order_retired", "--from", &file]);
    assert!(message.contains("did you mean \"debezium_orders_retired\"?"), "{message}");
    let message = expect_failure(1, &["slots", "why", "nothing_like_it", "--from", &file]);
    assert!(message.contains("\"debezium_orders_retired\" and \"old_standby\""), "{message}");
    for flag in ["--limit=3", "--min-size=1MB", "--sort=name"] {
        for arguments in [["slots", "why", "old_standby", flag], ["slots", flag, "why", "old_standby"]] {
            let message = expect_failure(2, &[&arguments[..], &["--from", &file]].concat());
            assert!(message.contains(flag.split('=').next().unwrap()), "{message}");
        }
    }
    let help = run_pgtend(&["slots", "why", "--help"]).stdout;
    assert!(!help.contains("--limit") && help.contains("<NAME>"), "{help}");
}

#[test]
fn verdicts_why_matches_snapshots() {
    let file = scenario_file("disaster");
    for (format, name) in [("table", "debezium_orders_retired"), ("markdown", "old_standby")] {
        let text = run_pgtend(&["slots", "why", name, "--format", format, "--from", &file]).stdout;
        insta::assert_snapshot!(format!("why_{name}"), text);
    }
}

#[tokio::test]
async fn verdicts_why_is_complete_for_every_slot() {
    on_every_installation("slots why", async |major, _| {
        for (cluster, names) in [
            (&fixture_servers(major).primary, &["standby_1", "reserved", "never_reserved", "decoder"][..]),
            (&fixture_servers(major).standby, &["cascade"]),
        ] {
            for name in names {
                let page = slot_page(cluster, name);
                assert_eq!(page["slots"][0]["slot_name"], *name);
                let stranger =
                    report_json(&["slots", "why", name, "-d", &role_conninfo(cluster, "stranger", DATABASE)]);
                assert_nulls_explained("slots why, as a stranger", &stranger);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn verdicts_active_slot_names_its_consumer() {
    on_every_installation("consumers and pinning transactions", async |major, installation| {
        let cluster = private_cluster(
            installation,
            small_segments().with_setting("max_wal_size", "8MB").with_setting("min_wal_size", "2MB"),
        );
        execute_sql(&cluster, "postgres", "create database target").await;
        execute_sql(&cluster, "postgres", "create table t (id int primary key); create publication p for table t")
            .await;
        execute_sql(&cluster, "target", "create table t (id int primary key)").await;
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('reporting', 'pgoutput')").await;
        let subscribe = format!(
            "create subscription reporting connection '{}' publication p with (create_slot = false, copy_data = false)",
            cluster.conninfo()
        );
        execute_sql(&cluster, "target", &subscribe).await;
        let active = "select active from pg_replication_slots where slot_name = 'reporting'";
        wait_until_true(&cluster, active).await;
        execute_sql(&cluster, "postgres", "insert into t values (1)").await;
        let report = slots_report(&cluster, &[]);
        assert_eq!(slot_verdict(&report, "reporting"), "healthy", "{report}");
        assert_eq!(find_reason(&report, "reporting", "in-use").unwrap()["by"], "reporting");
        let owner = &find_element(&report, "slots", "slot_name", "reporting")["owner"];
        assert_eq!(owner["name"], "subscription reporting in database target", "{owner}");

        let pinned = "select confirmed_flush_lsn - restart_lsn > 10000000 from pg_replication_slots
                       where slot_name = 'reporting'";
        for (begin, end, id, field, value) in [
            (
                "begin; insert into t values (2); prepare transaction 'left behind'",
                "rollback prepared 'left behind'",
                "pinned-by-prepared",
                "gid",
                "left behind",
            ),
            (
                "begin; update t set id = id + 0 where 'secret word' <> ''",
                "rollback",
                "pinned-by-transaction",
                "query",
                "begin; update t set id = id +",
            ),
        ] {
            let session = connect_superuser(&cluster, "postgres").await;
            execute_batch(&session, begin).await;
            for _ in 0..2 {
                write_wal(&cluster, 8).await;
                execute_sql(&cluster, "postgres", "checkpoint").await;
            }
            wait_until_true(&cluster, pinned).await;
            let report = slots_report(&cluster, &[]);
            let why = find_reason(&report, "reporting", id).unwrap_or_else(|| panic!("no {id} on {major}: {report}"));
            assert_eq!(why[field], value, "{why}");
            assert_eq!(slot_verdict(&report, "reporting"), "lagging", "{report}");
            assert!(!report.to_string().contains("secret word"));
            execute_batch(&session, end).await;
        }
    })
    .await;
}
