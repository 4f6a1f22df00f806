//! Servers that die, freeze, or change under a look: an answer or a clear word, never a panic, nothing left behind.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pgtend::inspect::inspect;
use pgtend::sandbox::{Cluster, StopMode};
use tokio::process::Child;

use super::looks::{Run, command, end, look, of_database, open, relations, start};
use super::round_trips::through;
use crate::clusters::{
    connect, database, on_a_major_and_the_newest_alone, on_a_major_and_the_newest_shared, on_every_major_alone,
    options, query_one_text, sql,
};
use crate::proxy::{Behaviour, Proxy};

const SOON: Duration = Duration::from_secs(3);

fn slow() -> Behaviour {
    let half = Duration::from_millis(100);
    Behaviour { to_server: half, to_client: half, stalled: false }
}

/// The server's sessions of pgtend.
async fn sessions(cluster: &Cluster) -> u32 {
    let query = "select count(*) from pg_stat_activity where application_name = 'pgtend'";
    query_one_text(cluster, "postgres", query).await.expect("a count").parse().expect("a count")
}

async fn until(what: &str, patience: Duration, done: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !done().await {
        assert!(since.elapsed() < patience, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A run of the program whose session is there.
async fn begun(cluster: &Cluster, conninfo: &str, arguments: &[&str]) -> Child {
    let child = start(conninfo, arguments);
    until("pgtend connects", Duration::from_secs(10), async || sessions(cluster).await > 0).await;
    // From a slow server's greeting to the middle of the first answer.
    tokio::time::sleep(Duration::from_millis(150)).await;
    child
}

async fn nothing_is_left(cluster: &Cluster) {
    until("pgtend's sessions are gone", Duration::from_secs(5), async || sessions(cluster).await == 0).await;
}

#[track_caller]
fn assert_lost(run: &Run) {
    run.assert_failed();
    assert!(run.stderr.contains("lost") || run.stderr.contains("terminat"), "{}", run.stderr);
    assert_eq!(run.text(), "", "half a report");
}

#[tokio::test]
async fn a_server_that_dies_is_a_clear_error() {
    on_a_major_and_the_newest_alone(
        13,
        "a server that dies",
        options().set("autovacuum", "off"),
        async |_, mut cluster| {
            for mode in [StopMode::Immediate, StopMode::Fast] {
                let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), slow());
                let child = begun(&cluster, &through(&proxy, &cluster, "postgres"), &["snapshot"]).await;
                cluster.stop(mode).expect("it stops");
                let run = end(child).await;
                assert_lost(&run);
                cluster.start_again().expect("it starts again");
            }
            let run = super::looks::run(&cluster.conninfo(), &["overview"]).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        },
    )
    .await;
}

#[tokio::test]
async fn a_line_that_breaks_and_a_session_that_is_ended() {
    on_a_major_and_the_newest_alone(
        13,
        "a line that breaks",
        options().set("autovacuum", "off"),
        async |_, cluster| {
            let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), slow());
            let child = begun(&cluster, &through(&proxy, &cluster, "postgres"), &["tables"]).await;
            proxy.cut();
            assert_lost(&end(child).await);
            nothing_is_left(&cluster).await;

            let child = begun(&cluster, &through(&proxy, &cluster, "postgres"), &["tables"]).await;
            let end_it = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgtend'";
            sql(&cluster, "postgres", end_it).await;
            assert_lost(&end(child).await);
            nothing_is_left(&cluster).await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_frozen_server_is_waited_for() {
    on_a_major_and_the_newest_alone(
        13,
        "a frozen server is waited for",
        options().set("autovacuum", "off"),
        async |_, cluster| {
            let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), slow());
            let child = begun(&cluster, &through(&proxy, &cluster, "postgres"), &["overview"]).await;
            cluster.pause().expect("it freezes");
            tokio::time::sleep(Duration::from_millis(500)).await;
            cluster.resume().expect("it goes on");
            let run = end(child).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.stderr.is_empty(), "{}", run.stderr);
            nothing_is_left(&cluster).await;
        },
    )
    .await;
}

#[tokio::test]
async fn an_interrupted_look_leaves_nothing() {
    on_every_major_alone("an interrupted look", options().set("autovacuum", "off"), async |major, cluster| {
        for signal in ["INT", "TERM"] {
            let holder = connect(&cluster, "postgres").await;
            // Facts that read this catalog wait for their lock timeout one after the other.
            holder
                .batch_execute("begin; lock pg_catalog.pg_tablespace in access exclusive mode")
                .await
                .expect("a lock");
            let child = begun(&cluster, &cluster.conninfo(), &["snapshot"]).await;
            let since = Instant::now();
            signal_to(&child, signal);
            let run = end(child).await;
            assert_interrupted(&run, major);
            assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
            nothing_is_left(&cluster).await;

            holder.batch_execute("rollback").await.expect("a rollback");
            if signal == "TERM" {
                continue;
            }
            // A line that stalls: the request to cancel does not arrive either.
            let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), slow());
            let child = begun(&cluster, &through(&proxy, &cluster, "postgres"), &["snapshot"]).await;
            proxy.stall();
            tokio::time::sleep(Duration::from_millis(100)).await;
            let since = Instant::now();
            signal_to(&child, signal);
            let run = end(child).await;
            run.assert_failed();
            assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
            assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
            drop(proxy);
            nothing_is_left(&cluster).await;
        }
    })
    .await;
}

fn signal_to(child: &Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("sh").args(["-c", "kill -s $0 $1", signal, &pid]).status().expect("kill");
    assert!(sent.success());
}

#[track_caller]
fn assert_interrupted(run: &Run, major: u32) {
    run.assert_failed();
    assert!(run.stderr.contains("interrupted"), "on {major}: {}", run.stderr);
    assert_eq!(run.text(), "");
}

#[tokio::test]
async fn a_table_dropped_between_two_looks_is_no_error() {
    on_a_major_and_the_newest_shared(13, "a table dropped between two looks", async |_, cluster| {
        let name = database(cluster).await;
        let content = "create table gone as select g as id, repeat(md5(g::text), 3) as t from generate_series(1, 20000) g; \
            create index on gone (id); create table stays as table gone";
        sql(cluster, &name, content).await;
        let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), slow());
        let session = open(&through(&proxy, cluster, &name)).await;
        let scope = pgtend::inspect::Scope::everything();
        let (looked, ()) = tokio::join!(inspect(&session, &scope), async {
            // The first answer is under way when the table goes, the second question comes after it.
            tokio::time::sleep(Duration::from_millis(170)).await;
            sql(cluster, &name, "drop table gone").await;
        });
        let snapshot = looked.expect("a look");
        assert!(snapshot.contents[0].exact_sizes.known().is_some(), "{:?}", snapshot.contents[0].exact_sizes);
        assert!(snapshot.contents[0].definitions.known().is_some(), "{:?}", snapshot.contents[0].definitions);
    })
    .await;
}

#[tokio::test]
async fn tables_that_come_and_go_disturb_no_look() {
    on_a_major_and_the_newest_shared(13, "tables that come and go", async |_, cluster| {
        let name = database(cluster).await;
        let over = Arc::new(AtomicBool::new(false));
        let client = connect(cluster, &name).await;
        let until_then = Arc::clone(&over);
        let busy = tokio::spawn(async move {
            let mut number = 0_u32;
            while !until_then.load(Ordering::Relaxed) {
                let batch = "create table t (id int primary key, t text); create index on t (t); \
                             insert into t values (1, 'a'); create sequence s; drop sequence s; drop table t";
                client.batch_execute(batch).await.expect("tables");
                let one_by_one = "create table u (id int primary key) partition by range (id)";
                client.batch_execute(one_by_one).await.expect("a table");
                client
                    .batch_execute("create table u_1 partition of u for values from (0) to (9)")
                    .await
                    .expect("a part");
                client.batch_execute("drop table u").await.expect("a drop");
                number += 1;
            }
            number
        });
        for _ in 0..20 {
            let snapshot = look(&of_database(cluster, &name), &pgtend::inspect::Scope::everything()).await;
            let contents = &snapshot.contents[0];
            for why in [
                contents.tables.as_result().err(),
                contents.indexes.as_result().err(),
                contents.exact_sizes.as_result().err(),
                contents.definitions.as_result().err(),
                contents.sequences.as_result().err(),
            ] {
                assert!(why.is_none(), "{why:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(busy.await.expect("tables") > 10);
    })
    .await;
}

#[tokio::test]
async fn databases_that_come_and_go_are_skipped_at_worst() {
    on_a_major_and_the_newest_alone(
        13,
        "databases that come and go",
        options().set("autovacuum", "off"),
        async |_, cluster| {
            let over = Arc::new(AtomicBool::new(false));
            let client = connect(&cluster, "postgres").await;
            let until_then = Arc::clone(&over);
            let busy = tokio::spawn(async move {
                while !until_then.load(Ordering::Relaxed) {
                    for batch in ["create database comes", "drop database comes with (force)"] {
                        client.batch_execute(batch).await.expect("a database");
                    }
                }
            });
            for _ in 0..10 {
                let run =
                    super::looks::run(&cluster.conninfo(), &["tables", "--all-databases", "--format", "json"]).await;
                match run.code {
                    Some(0) => drop(run.json()),
                    _ => run.assert_failed(),
                }
            }
            let session = open(&cluster.conninfo()).await;
            for _ in 0..10 {
                let databases =
                    pgtend::inspect::Scope { databases: true, reach: pgtend::inspect::Reach::All, ..relations() };
                let snapshot = inspect(&session, &databases).await.expect("a look");
                assert!(snapshot.databases.known().is_some(), "{:?}", snapshot.databases);
            }
            over.store(true, Ordering::Relaxed);
            busy.await.expect("databases");
        },
    )
    .await;
}

#[tokio::test]
async fn an_interrupted_demo_leaves_no_server_and_no_folder() {
    let newest = crate::clusters::majors().values().rev().find_map(|it| it.as_ref().ok()).expect("a server");
    let bin = newest.bin.clone();
    let bin = bin.to_str().expect("a path");
    let mut folders = BTreeSet::new();
    for (wait, signal) in [(60, "INT"), (300, "INT"), (1_000, "INT"), (1_000, "TERM")] {
        let child = command("", &["demo", "--offline", "--pg-bin", bin]).spawn().expect("the program starts");
        let demo = child.id().expect("it runs");
        let since = Instant::now();
        let mut mine = BTreeSet::new();
        while since.elapsed() < Duration::from_millis(wait) {
            mine.extend(folders_of(demo));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        signal_to(&child, signal);
        let since = Instant::now();
        let run = end(child).await;
        assert_eq!(run.code, Some(1), "after {wait} ms: {}", run.stderr);
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        folders.extend(mine);
    }
    assert!(!folders.is_empty(), "no demo had a folder yet");
    for folder in folders {
        until(&folder, Duration::from_secs(10), async || !Path::new(&folder).exists()).await;
    }
}

/// Folders of clusters that the program's children name or are in.
fn folders_of(parent: u32) -> Vec<String> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = all.filter(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    });
    let folder = |text: &str| {
        let at = text.find("/tmp/pgtend-")?;
        text.get(at..at + "/tmp/pgtend-".len() + 8).map(str::to_owned)
    };
    children
        .filter_map(|entry| {
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let place = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            folder(&String::from_utf8_lossy(&words)).or_else(|| folder(&place.to_string_lossy()))
        })
        .collect()
}
