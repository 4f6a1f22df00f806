//! Servers that stop, freeze, or change while they are read: a report or a clear error, never a panic, and no session
//! is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pg_sandbox::{Cluster, StopMode};
use pgtend::collect::collect_snapshot;
use tokio::process::Child;

use super::program_runs::{
    ProgramRun, collect_from_conninfo, database_conninfo, open_session, pgtend_with_conninfo, relations_scope,
    start_with_conninfo, wait_for_run,
};
use super::round_trips::proxied_conninfo;
use crate::clusters::{
    cluster_options, connect_superuser, create_database, execute_sql, on_a_major_and_the_newest_alone,
    on_a_major_and_the_newest_shared, query_one_text,
};
use crate::proxy::{Behaviour, Proxy};

/// An interrupted run ends at once; on a busy machine, later. Without the interrupt it waits for its lock timeouts.
const SHORT_TIMEOUT: Duration = Duration::from_secs(10);

fn slow_network() -> Behaviour {
    let half = Duration::from_millis(100);
    Behaviour { to_server: half, to_client: half, stalled: false }
}

/// The server's sessions of pgtend.
async fn count_sessions(cluster: &Cluster) -> u32 {
    let query = "select count(*) from pg_stat_activity where application_name = 'pgtend'";
    query_one_text(cluster, "postgres", query).await.expect("a count").parse().expect("a count")
}

async fn wait_until(what: &str, timeout: Duration, done: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !done().await {
        assert!(since.elapsed() < timeout, "not within {timeout:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts the program and waits until its session exists.
async fn start_and_wait_for_session(cluster: &Cluster, conninfo: &str, arguments: &[&str]) -> Child {
    let child = start_with_conninfo(conninfo, arguments);
    wait_until("pgtend connects", Duration::from_secs(10), async || count_sessions(cluster).await > 0).await;
    // The time from a slow server's first message to the middle of the first result.
    tokio::time::sleep(Duration::from_millis(150)).await;
    child
}

async fn assert_no_session_left(cluster: &Cluster) {
    wait_until("end of pgtend's sessions", Duration::from_secs(5), async || count_sessions(cluster).await == 0).await;
}

#[track_caller]
fn assert_connection_lost(run: &ProgramRun) {
    run.assert_failed();
    assert!(run.stderr.contains("lost") || run.stderr.contains("terminat"), "{}", run.stderr);
    assert_eq!(run.stdout_text(), "", "half a report");
}

#[tokio::test]
async fn faults_dying_server_is_an_error() {
    on_a_major_and_the_newest_alone(
        13,
        "server stopped during a report",
        cluster_options().with_setting("autovacuum", "off"),
        async |_, mut cluster| {
            for mode in [StopMode::Immediate, StopMode::Fast] {
                let proxy = Proxy::new(cluster.host(), cluster.port(), slow_network());
                let child = start_and_wait_for_session(
                    &cluster,
                    &proxied_conninfo(&proxy, &cluster, "postgres"),
                    &["snapshot"],
                )
                .await;
                cluster.stop(mode).expect("it stops");
                let run = wait_for_run(child).await;
                assert_connection_lost(&run);
                cluster.start_server().expect("it starts again");
            }
            let run = super::program_runs::run_with_conninfo(&cluster.conninfo(), &["overview"]).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        },
    )
    .await;
}

#[tokio::test]
async fn faults_lost_connection_is_an_error() {
    on_a_major_and_the_newest_alone(
        13,
        "connection lost during a report",
        cluster_options().with_setting("autovacuum", "off"),
        async |_, cluster| {
            let proxy = Proxy::new(cluster.host(), cluster.port(), slow_network());
            let child =
                start_and_wait_for_session(&cluster, &proxied_conninfo(&proxy, &cluster, "postgres"), &["tables"])
                    .await;
            proxy.cut_connections();
            assert_connection_lost(&wait_for_run(child).await);
            assert_no_session_left(&cluster).await;

            let child =
                start_and_wait_for_session(&cluster, &proxied_conninfo(&proxy, &cluster, "postgres"), &["tables"])
                    .await;
            let end_it = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgtend'";
            execute_sql(&cluster, "postgres", end_it).await;
            assert_connection_lost(&wait_for_run(child).await);
            assert_no_session_left(&cluster).await;
        },
    )
    .await;
}

#[tokio::test]
async fn faults_frozen_server_is_waited_for() {
    on_a_major_and_the_newest_alone(
        13,
        "paused server",
        cluster_options().with_setting("autovacuum", "off"),
        async |_, cluster| {
            let proxy = Proxy::new(cluster.host(), cluster.port(), slow_network());
            let child =
                start_and_wait_for_session(&cluster, &proxied_conninfo(&proxy, &cluster, "postgres"), &["overview"])
                    .await;
            cluster.pause().expect("it freezes");
            tokio::time::sleep(Duration::from_millis(500)).await;
            cluster.resume().expect("it goes on");
            let run = wait_for_run(child).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.stderr.is_empty(), "{}", run.stderr);
            assert_no_session_left(&cluster).await;
        },
    )
    .await;
}

#[tokio::test]
async fn faults_interrupted_run_leaves_no_session() {
    on_a_major_and_the_newest_alone(
        13,
        "interrupted report",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            for signal in ["INT", "TERM"] {
                let holder = connect_superuser(&cluster, "postgres").await;
                // Facts that read this catalog wait for their lock timeouts one after the other.
                holder
                    .batch_execute("begin; lock pg_catalog.pg_tablespace in access exclusive mode")
                    .await
                    .expect("a lock");
                let child = start_and_wait_for_session(&cluster, &cluster.conninfo(), &["snapshot"]).await;
                let since = Instant::now();
                send_signal(&child, signal);
                let run = wait_for_run(child).await;
                assert_interrupted(&run, major);
                assert!(since.elapsed() < SHORT_TIMEOUT, "{:?}", since.elapsed());
                assert_no_session_left(&cluster).await;

                holder.batch_execute("rollback").await.expect("a rollback");
                if signal == "TERM" {
                    continue;
                }
                // On a stalled network the cancel request does not arrive either.
                let proxy = Proxy::new(cluster.host(), cluster.port(), slow_network());
                let child = start_and_wait_for_session(
                    &cluster,
                    &proxied_conninfo(&proxy, &cluster, "postgres"),
                    &["snapshot"],
                )
                .await;
                proxy.stall();
                tokio::time::sleep(Duration::from_millis(100)).await;
                let since = Instant::now();
                send_signal(&child, signal);
                let run = wait_for_run(child).await;
                run.assert_failed();
                assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
                assert!(since.elapsed() < SHORT_TIMEOUT, "{:?}", since.elapsed());
                drop(proxy);
                assert_no_session_left(&cluster).await;
            }
        },
    )
    .await;
}

fn send_signal(child: &Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("sh").args(["-c", "kill -s $0 $1", signal, &pid]).status().expect("kill");
    assert!(sent.success());
}

#[track_caller]
fn assert_interrupted(run: &ProgramRun, major: u32) {
    run.assert_failed();
    assert!(run.stderr.contains("interrupted"), "on {major}: {}", run.stderr);
    assert_eq!(run.stdout_text(), "");
}

#[tokio::test]
async fn faults_table_dropped_between_samples() {
    on_a_major_and_the_newest_shared(13, "table dropped during a report", async |_, cluster| {
        let name = create_database(cluster).await;
        let content = "create table gone as select g as id, repeat(md5(g::text), 3) as t from generate_series(1, 20000) g; \
            create index on gone (id); create table stays as table gone";
        execute_sql(cluster, &name, content).await;
        let proxy = Proxy::new(cluster.host(), cluster.port(), slow_network());
        let session = open_session(&proxied_conninfo(&proxy, cluster, &name)).await;
        let scope = pgtend::collect::Scope::everything();
        let (collected, ()) = tokio::join!(collect_snapshot(&session, &scope), async {
            // The table is dropped after the first query was sent and before the second.
            tokio::time::sleep(Duration::from_millis(170)).await;
            execute_sql(cluster, &name, "drop table gone").await;
        });
        let snapshot = collected.expect("a snapshot");
        assert!(snapshot.database_snapshots[0].exact_sizes.known().is_some(), "{:?}", snapshot.database_snapshots[0].exact_sizes);
        assert!(snapshot.database_snapshots[0].definitions.known().is_some(), "{:?}", snapshot.database_snapshots[0].definitions);
    })
    .await;
}

#[tokio::test]
async fn faults_concurrent_table_ddl() {
    on_a_major_and_the_newest_shared(13, "concurrent DDL on tables", async |_, cluster| {
        let name = create_database(cluster).await;
        let over = Arc::new(AtomicBool::new(false));
        let client = connect_superuser(cluster, &name).await;
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
            let snapshot =
                collect_from_conninfo(&database_conninfo(cluster, &name), &pgtend::collect::Scope::everything()).await;
            let database_snapshot = &snapshot.database_snapshots[0];
            for why in [
                database_snapshot.tables.as_result().err(),
                database_snapshot.indexes.as_result().err(),
                database_snapshot.exact_sizes.as_result().err(),
                database_snapshot.definitions.as_result().err(),
                database_snapshot.sequences.as_result().err(),
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
async fn faults_concurrent_database_ddl() {
    on_a_major_and_the_newest_alone(
        13,
        "concurrent DDL on databases",
        cluster_options().with_setting("autovacuum", "off"),
        async |_, cluster| {
            let over = Arc::new(AtomicBool::new(false));
            let client = connect_superuser(&cluster, "postgres").await;
            let until_then = Arc::clone(&over);
            let busy = tokio::spawn(async move {
                while !until_then.load(Ordering::Relaxed) {
                    for batch in ["create database comes", "drop database comes with (force)"] {
                        client.batch_execute(batch).await.expect("a database");
                    }
                }
            });
            for _ in 0..10 {
                let run = super::program_runs::run_with_conninfo(
                    &cluster.conninfo(),
                    &["tables", "--all-databases", "--format", "json"],
                )
                .await;
                match run.code {
                    Some(0) => drop(run.report_json()),
                    _ => run.assert_failed(),
                }
            }
            let session = open_session(&cluster.conninfo()).await;
            for _ in 0..10 {
                let databases = pgtend::collect::Scope {
                    database_selection: pgtend::collect::DatabaseSelection::All,
                    ..relations_scope()
                };
                let snapshot = collect_snapshot(&session, &databases).await.expect("a snapshot");
                assert!(snapshot.databases.known().is_some(), "{:?}", snapshot.databases);
            }
            over.store(true, Ordering::Relaxed);
            busy.await.expect("databases");
        },
    )
    .await;
}

#[tokio::test]
async fn faults_interrupted_demo_leaves_nothing() {
    let newest = crate::clusters::newest_installation();
    let bin = newest.bin.clone();
    let bin = bin.to_str().expect("a path");
    let mut folders = BTreeSet::new();
    for (wait, signal) in [(60, "INT"), (300, "INT"), (1_000, "INT"), (1_000, "TERM")] {
        let child =
            pgtend_with_conninfo("", &["demo", "--offline", "--pg-bin", bin]).spawn().expect("the program starts");
        let demo = child.id().expect("it runs");
        let since = Instant::now();
        let mut mine = BTreeSet::new();
        while since.elapsed() < Duration::from_millis(wait) {
            mine.extend(cluster_folders(demo));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        send_signal(&child, signal);
        let since = Instant::now();
        let run = wait_for_run(child).await;
        // The signal may arrive before the program handles it, and before there is anything to remove.
        let is_too_early = run.code.is_none() && mine.is_empty();
        let is_interrupted = run.code == Some(1) && run.stderr.contains("interrupted");
        assert!(is_too_early || is_interrupted, "after {wait} ms: {:?} {}", run.code, run.stderr);
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
        folders.extend(mine);
    }
    assert!(!folders.is_empty(), "no demo had a folder yet");
    for folder in folders {
        wait_until(&folder, Duration::from_secs(10), async || !Path::new(&folder).exists()).await;
    }
}

/// Folders of clusters that the program's children name or are in.
fn cluster_folders(parent: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = entries.filter(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    });
    let folder = |text: &str| {
        let begin = text.find("/tmp/pgtend-")?;
        text.get(begin..begin + "/tmp/pgtend-".len() + 8).map(str::to_owned)
    };
    children
        .filter_map(|entry| {
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let working_directory = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            folder(&String::from_utf8_lossy(&words)).or_else(|| folder(&working_directory.to_string_lossy()))
        })
        .collect()
}
