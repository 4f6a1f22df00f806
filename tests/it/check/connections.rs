//! How many connections a server has at once: no more than `--jobs` allows, and within the connection limit of a role.

use super::nightly_runs::write_config;
use crate::{
    clusters::{
        cluster_options, connect_superuser, execute_sql, is_left_out, newest_installation, on_a_major_and_the_newest,
        print_stderr, private_cluster,
    },
    collect::program_runs::{ProgramRun, wait_for_run},
    proxy::{Behaviour, Proxy},
};
use pg_sandbox::Cluster;
use std::{collections::BTreeSet, process::Stdio, time::Duration};
use tokio::process::{Child, Command};
use tokio_postgres::{Client, NoTls};

/// Creates a monitoring role, and databases to check.
async fn create_role_and_databases(cluster: &Cluster, limit: &str, databases: usize) -> Vec<String> {
    let role = format!("create role watcher login password '{}' {limit}", cluster.password());
    execute_sql(cluster, "postgres", &format!("{role}; grant pg_monitor to watcher")).await;
    let names: Vec<String> = (0..databases).map(|number| format!("watched_{number}")).collect();
    for name in &names {
        execute_sql(cluster, "postgres", &format!("create database {name}")).await;
    }
    names
}

fn conninfo(cluster: &Cluster, port: u16, database: &str) -> String {
    let password = cluster.password();
    format!("host=127.0.0.1 port={port} user=watcher password={password} dbname={database} sslmode=disable")
}

fn targets_config(cluster: &Cluster, port: u16, names: &[String]) -> String {
    let target = |name: &String| format!("[target.{name}]\nconninfo = \"{}\"\n", conninfo(cluster, port, name));
    names.iter().map(target).collect()
}

fn start_check(config: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command.args(["check", "-w", "--config", config, "--history", "none", "--format", "json"]).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts")
}

/// A session that ends when dropped.
async fn open_session(conninfo: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
    tokio::spawn(connection);
    client
}

fn count_refusals(cluster: &Cluster) -> usize {
    cluster.log().matches("too many connections for role").count()
}

/// A session that the server still counts shortly after its client disconnected does not make the check skip a
/// database.
#[tokio::test]
async fn check_role_connection_limit_is_enough() {
    on_a_major_and_the_newest(13, "connection limit of a role", async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("fsync", "off"));
        let names = create_role_and_databases(&cluster, "connection limit 3", 8).await;
        let folder = tempfile::tempdir().unwrap();
        let config = write_config(folder.path(), &targets_config(&cluster, cluster.port(), &names));
        let target = conninfo(&cluster, cluster.port(), &names[0]);
        for arguments in [&["--jobs", "2", "--all-databases", "-d", &target][..], &["--jobs", "3", "--all-targets"]] {
            // One session too many exists; it ends after the first refusal.
            let (lingers, refused) = (open_session(&target).await, count_refusals(&cluster));
            let run = tokio::spawn(wait_for_run(start_check(&config, arguments)));
            while !run.is_finished() && count_refusals(&cluster) == refused {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(lingers);
            let run = run.await.expect("no panic");
            let text = run.stdout_text();
            assert!(count_refusals(&cluster) > refused, "{arguments:?} on {major}: no connection was refused");
            assert!(text.contains("\"findings\""), "{arguments:?} on {major}: {text} {}", run.stderr);
            assert!(!text.contains("too many connections"), "{arguments:?} on {major}: {text}");
        }
    })
    .await;
}

/// Enough relations for three connections per target if each were checked alone.
const MANY_RELATIONS: [&str; 2] = [
    "do $$ begin for n in 1..900 loop execute format('create table a_%s (n int primary key, m int unique)', n); end loop; end $$",
    "do $$ begin for n in 1..900 loop execute format('create table b_%s (n int primary key, m int unique)', n); end loop; end $$",
];

/// The connection is so slow that each session is visible in pg_stat_activity.
#[tokio::test]
async fn check_connections_are_bounded_by_jobs() {
    if is_left_out("connections to large databases") {
        return;
    }
    let installation = newest_installation();
    let major = installation.major;
    let cluster =
        private_cluster(installation, cluster_options().with_setting("fsync", "off").with_setting("autovacuum", "off"));
    create_role_and_databases(&cluster, "superuser", 1).await;
    for batch in MANY_RELATIONS {
        execute_sql(&cluster, "watched_0", batch).await;
    }
    for name in ["watched_1", "watched_2"] {
        execute_sql(&cluster, "postgres", &format!("create database {name} template watched_0")).await;
    }
    let names: Vec<String> = (0..3).map(|number| format!("watched_{number}")).collect();
    let half = Duration::from_millis(30);
    let line = Behaviour { to_server: half, to_client: half, stalled: false };
    let proxy = Proxy::new(cluster.host(), cluster.port(), line);
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &targets_config(&cluster, proxy.port(), &names));
    let target = conninfo(&cluster, proxy.port(), &names[0]);
    let mut seen = Vec::new();
    for (jobs, whom, most) in [
        // One for each target, and one in reserve.
        (2, &["--all-targets"][..], 3),
        (8, &["--all-targets"], 8),
        // The waiting first connection, those of the other databases, and one in reserve.
        (2, &["--all-databases", "-d", &target], 4),
        (2, &["--all-targets", "--all-databases"], 4),
    ] {
        let jobs = jobs.to_string();
        let (run, at_once) =
            max_concurrent_connections(&cluster, start_check(&config, &[&["--exact", "--jobs", &jobs], whom].concat()))
                .await;
        let case = format!("{whom:?} with {jobs} jobs: {at_once} connections at once");
        let is_whole = run.stdout_text().contains("\"findings\"") && !run.stdout_text().contains("cannot connect");
        assert!(is_whole, "{case}: {} {}", run.stdout_text(), run.stderr);
        assert!((2..=most).contains(&at_once), "{case}, and {most} are promised");
        seen.push(format!("{jobs} jobs {at_once} of {most}"));
    }
    print_stderr(&format!("connections at once on {major}: {}", seen.join(", ")));
}

/// Waits for the run and returns the largest number of concurrent connections. Only sessions found in three consecutive
/// samples count, because others may be ending.
async fn max_concurrent_connections(cluster: &Cluster, child: Child) -> (ProgramRun, usize) {
    let run = tokio::spawn(wait_for_run(child));
    let client = connect_superuser(cluster, "postgres").await;
    let (mut samples, mut most) = ([BTreeSet::new(), BTreeSet::new(), BTreeSet::new()], 0);
    while !run.is_finished() {
        let query = "select pid from pg_stat_activity where usename = 'watcher'";
        let rows = client.query_typed(query, &[]).await.expect("an answer");
        samples.rotate_left(1);
        samples[2] = rows.iter().map(|row| row.get::<_, i32>(0)).collect();
        most = most.max(samples[0].iter().filter(|pid| samples[1].contains(pid) && samples[2].contains(pid)).count());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    (run.await.expect("no panic"), most)
}
