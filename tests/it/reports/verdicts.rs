//! Verdicts on the slots of real servers: what is refused, what is proven, and that the proof's premise holds.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pgtend::sandbox::Cluster;
use serde_json::Value;

use super::nulls::assert_explained;
use super::program::{element, json, list, refusal, run};
use super::stories::story;
use super::zoo::{DATABASE, batch, conninfo, wait_for, zoo};
use crate::clusters::{connect, on_every_installation, on_installations_from, options, private, query_one_text, sql};

fn small_segments() -> pgtend::sandbox::ClusterOptions {
    let mut options = options().set("autovacuum", "off").set("max_prepared_transactions", "5");
    options.initdb.push("--wal-segsize=1".to_owned());
    options
}

async fn write_wal(cluster: &Cluster, megabytes: u32) {
    let filler = format!(
        "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, {megabytes})"
    );
    sql(cluster, "postgres", &filler).await;
}

fn snapshot(cluster: &Cluster) -> Value {
    let answer = run(&["snapshot", "-d", &cluster.conninfo()]);
    assert_eq!(answer.exit, 0, "{answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Writes a look as if it had been so many hours earlier; answers the `--since` for it.
fn aged(folder: &Path, look: &Value, hours: i64) -> String {
    let mut look = look.clone();
    let at: Timestamp = look["collected_at"].as_str().unwrap().parse().unwrap();
    look["collected_at"] = at.checked_sub(SignedDuration::from_hours(hours)).unwrap().to_string().into();
    let file = folder.join(format!("{hours}.json"));
    fs::write(&file, look.to_string()).unwrap();
    format!("--since={}", file.display())
}

fn slots(cluster: &Cluster, since: &[String]) -> Value {
    let conninfo = cluster.conninfo();
    let mut arguments = vec!["slots", "-d", &conninfo];
    arguments.extend(since.iter().map(String::as_str));
    let report = json(&arguments);
    assert_explained("slots", &report);
    report
}

/// The page of a slot, which has the slot as the list has it.
fn page(cluster: &Cluster, name: &str) -> Value {
    let conninfo = cluster.conninfo();
    let report = json(&["slots", "why", name, "-d", &conninfo]);
    assert_explained("slots why", &report);
    assert_eq!(list(&report, "slots").len(), 1);
    for format in ["table", "markdown"] {
        let text = run(&["slots", "why", name, "--format", format, "-d", &conninfo]);
        assert!(text.exit == 0 && text.stderr.is_empty(), "{text:?}");
        for part in ["Why", "Whose", "A drop costs them", "At the next checkpoint"] {
            assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
        }
    }
    report
}

fn verdict<'a>(report: &'a Value, name: &str) -> &'a str {
    element(report, "slots", "slot_name", name)["verdict"].as_str().unwrap()
}

fn reason<'a>(report: &'a Value, name: &str, id: &str) -> Option<&'a Value> {
    list(element(report, "slots", "slot_name", name), "reasons").iter().find(|reason| reason["id"] == id)
}

#[tokio::test]
async fn looks_of_elsewhere_or_later_are_refused() {
    on_every_installation("looks of elsewhere are refused", async |major, _| {
        let folder = tempfile::tempdir().unwrap();
        let (primary, standby) = (&zoo(major).primary, &zoo(major).standby);
        let file = |look: &Value| {
            let number = fs::read_dir(folder.path()).unwrap().count();
            let file = folder.path().join(format!("{number}.json"));
            fs::write(&file, look.to_string()).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let conninfo = conninfo(primary, "postgres", DATABASE);
        let mut later = snapshot(primary);
        later["collected_at"] = "2999-01-01T00:00:00Z".into();
        let mut nameless = snapshot(primary);
        nameless.as_object_mut().unwrap().remove("control");
        for (look, said) in [
            (file(&snapshot(standby)), "a standby"),
            (file(&later), "2999-01-01"),
            (file(&nameless), "system identifier is missing"),
            (story("disaster"), "another cluster"),
            ("/nowhere/x.json".to_owned(), "cannot read"),
        ] {
            let said_instead = refusal(1, &["slots", "--since", &look, "-d", &conninfo]);
            assert!(said_instead.contains(said), "{look}: {said_instead}");
        }
    })
    .await;
}

/// The premise of every proof by one look: whatever moves a slot moves `inactive_since`, and so does whoever only came.
#[tokio::test]
async fn nothing_moves_a_slot_behind_the_back_of_inactive_since() {
    on_installations_from(17, "inactive_since tells of every visit", async |major, installation| {
        let cluster = private(installation, small_segments());
        sql(&cluster, "postgres", "select pg_create_logical_replication_slot('l', 'test_decoding')").await;
        sql(&cluster, "postgres", "select pg_create_physical_replication_slot('p', true)").await;
        for (name, visit) in [
            ("l", "select count(*) from pg_logical_slot_get_changes('l', null, null)"),
            ("l", "select count(*) from pg_logical_slot_peek_changes('l', null, null)"),
            ("l", "select pg_replication_slot_advance('l', pg_current_wal_lsn())"),
            ("p", "select pg_replication_slot_advance('p', pg_current_wal_lsn())"),
        ] {
            write_wal(&cluster, 2).await;
            let since = format!("select inactive_since from pg_replication_slots where slot_name = '{name}'");
            let before = query_one_text(&cluster, "postgres", &since).await.unwrap();
            sql(&cluster, "postgres", visit).await;
            let after = query_one_text(&cluster, "postgres", &since).await.unwrap();
            assert_ne!(before, after, "{visit} on {major}");
        }
        let since = "select inactive_since from pg_replication_slots where slot_name = 'p'";
        let before = query_one_text(&cluster, "postgres", since).await.unwrap();
        write_wal(&cluster, 2).await;
        sql(&cluster, "postgres", "checkpoint").await;
        assert_eq!(query_one_text(&cluster, "postgres", since).await.unwrap(), before, "nobody came");
    })
    .await;
}

#[tokio::test]
async fn forgotten_is_proven_by_looks_and_by_nothing_less() {
    on_every_installation("stale is proven", async |major, installation| {
        let folder = tempfile::tempdir().unwrap();
        let cluster = private(installation, small_segments());
        sql(&cluster, "postgres", "select pg_create_logical_replication_slot('forgotten', 'test_decoding')").await;
        sql(&cluster, "postgres", "select pg_create_logical_replication_slot('polled', 'test_decoding')").await;
        sql(&cluster, "postgres", "select pg_create_physical_replication_slot('standby_away', true)").await;
        let look = snapshot(&cluster);
        write_wal(&cluster, 3).await;
        sql(&cluster, "postgres", "select count(*) from pg_logical_slot_get_changes('polled', null, null)").await;

        let report = slots(&cluster, &[]);
        assert_eq!(verdict(&report, "forgotten"), "inactive");
        let wants = if major < 17 { "needs-looks" } else { "proven-from" };
        assert!(reason(&report, "forgotten", wants).is_some(), "{report}");

        let looks: Vec<String> = (1..=32).map(|n| aged(folder.path(), &look, n * 6)).collect();
        let report = slots(&cluster, &looks);
        assert_eq!(verdict(&report, "forgotten"), "stale", "{report}");
        assert_eq!(reason(&report, "forgotten", "unused").unwrap()["looks"], 33);
        assert_eq!(verdict(&report, "polled"), "healthy", "{report}");
        assert_eq!(verdict(&report, "standby_away"), "inactive", "a standby has 14 days");
        assert_eq!(verdict(&slots(&cluster, &looks[..20]), "forgotten"), "inactive");

        // Somebody was there at one of the looks, and had a segment to read.
        let mut visited = snapshot(&cluster);
        for slot in visited["slots"]["known"].as_array_mut().unwrap() {
            slot["active"] = (slot["slot_name"] == "forgotten").into();
        }
        let crash_loop = [&looks[..], &[aged(folder.path(), &visited, 3)]].concat();
        let report = slots(&cluster, &crash_loop);
        assert_eq!(verdict(&report, "forgotten"), "lagging", "{report}");
        assert!(reason(&report, "forgotten", "visited").is_some(), "{report}");
    })
    .await;
}

#[test]
fn a_page_of_no_slot_or_with_a_lists_flags_is_refused() {
    let file = story("disaster");
    let said = refusal(1, &["slots", "why", "debezium_order_retired", "--from", &file]);
    assert!(said.contains("did you mean \"debezium_orders_retired\"?"), "{said}");
    let said = refusal(1, &["slots", "why", "nothing_like_it", "--from", &file]);
    assert!(said.contains("\"debezium_orders_retired\" and \"old_standby\""), "{said}");
    for flag in ["--limit=3", "--min-size=1MB", "--sort=name"] {
        for arguments in [["slots", "why", "old_standby", flag], ["slots", flag, "why", "old_standby"]] {
            let said = refusal(2, &[&arguments[..], &["--from", &file]].concat());
            assert!(said.contains(flag.split('=').next().unwrap()), "{said}");
        }
    }
    let help = run(&["slots", "why", "--help"]).stdout;
    assert!(!help.contains("--limit") && help.contains("<NAME>"), "{help}");
}

#[test]
fn the_page_of_a_slot_reads_as_it_did() {
    let file = story("disaster");
    for (format, name) in [("table", "debezium_orders_retired"), ("markdown", "old_standby")] {
        let text = run(&["slots", "why", name, "--format", format, "--from", &file]).stdout;
        insta::assert_snapshot!(format!("why_{name}"), text);
    }
}

#[tokio::test]
async fn the_page_of_every_slot_of_every_kind_is_whole() {
    on_every_installation("pages of slots", async |major, _| {
        for (cluster, names) in [
            (&zoo(major).primary, &["standby_1", "reserved", "never_reserved", "decoder"][..]),
            (&zoo(major).standby, &["cascade"]),
        ] {
            for name in names {
                let page = page(cluster, name);
                assert_eq!(page["slots"][0]["slot_name"], *name);
                let stranger = json(&["slots", "why", name, "-d", &conninfo(cluster, "stranger", DATABASE)]);
                assert_explained("slots why, as a stranger", &stranger);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_slot_in_use_tells_who_uses_it_and_what_pins_it() {
    on_every_installation("what pins a slot is named", async |major, installation| {
        let cluster = private(installation, small_segments().set("max_wal_size", "8MB").set("min_wal_size", "2MB"));
        sql(&cluster, "postgres", "create database target").await;
        sql(&cluster, "postgres", "create table t (id int primary key); create publication p for table t").await;
        sql(&cluster, "target", "create table t (id int primary key)").await;
        sql(&cluster, "postgres", "select pg_create_logical_replication_slot('reporting', 'pgoutput')").await;
        let subscribe = format!(
            "create subscription reporting connection '{}' publication p with (create_slot = false, copy_data = false)",
            cluster.conninfo()
        );
        sql(&cluster, "target", &subscribe).await;
        let active = "select active from pg_replication_slots where slot_name = 'reporting'";
        wait_for(&cluster, active).await;
        sql(&cluster, "postgres", "insert into t values (1)").await;
        let report = slots(&cluster, &[]);
        assert_eq!(verdict(&report, "reporting"), "healthy", "{report}");
        assert_eq!(reason(&report, "reporting", "in-use").unwrap()["by"], "reporting");
        let owner = &element(&report, "slots", "slot_name", "reporting")["owner"];
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
            let session = connect(&cluster, "postgres").await;
            batch(&session, begin).await;
            for _ in 0..2 {
                write_wal(&cluster, 8).await;
                sql(&cluster, "postgres", "checkpoint").await;
            }
            wait_for(&cluster, pinned).await;
            let report = slots(&cluster, &[]);
            let why = reason(&report, "reporting", id).unwrap_or_else(|| panic!("no {id} on {major}: {report}"));
            assert_eq!(why[field], value, "{why}");
            assert_eq!(verdict(&report, "reporting"), "lagging", "{report}");
            assert!(!report.to_string().contains("secret word"));
            batch(&session, end).await;
        }
    })
    .await;
}
