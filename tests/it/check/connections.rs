//! How many connections a server gets at once: no more than `--jobs` lets one expect, and a role that may have just so many
//! is enough.

use super::nights::configuration;
use crate::{
    clusters::{connect, majors, on_a_major_and_the_newest, options, private, say, sql},
    inspect::looks::{Run, end},
    proxy::{Behaviour, Proxy},
};
use pgtend::sandbox::Cluster;
use std::{collections::BTreeSet, process::Stdio, time::Duration};
use tokio::process::{Child, Command};
use tokio_postgres::{Client, NoTls};

/// A role that monitors, and databases for it to look into.
async fn prepare(cluster: &Cluster, limit: &str, databases: usize) -> Vec<String> {
    let role = format!("create role watcher login password '{}' {limit}", cluster.password());
    sql(cluster, "postgres", &format!("{role}; grant pg_monitor to watcher")).await;
    let names: Vec<String> = (0..databases).map(|number| format!("watched_{number}")).collect();
    for name in &names {
        sql(cluster, "postgres", &format!("create database {name}")).await;
    }
    names
}

fn conninfo(cluster: &Cluster, port: u16, database: &str) -> String {
    let password = cluster.password();
    format!("host=127.0.0.1 port={port} user=watcher password={password} dbname={database} sslmode=disable")
}

fn targets(cluster: &Cluster, port: u16, names: &[String]) -> String {
    let target = |name: &String| format!("[target.{name}]\nconninfo = \"{}\"\n", conninfo(cluster, port, name));
    names.iter().map(target).collect()
}

fn check(config: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command.args(["check", "-w", "--config", config, "--history", "none", "--format", "json"]).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts")
}

/// A session that ends when dropped.
async fn session(conninfo: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
    tokio::spawn(connection);
    client
}

fn refusals(cluster: &Cluster) -> usize {
    cluster.log().matches("too many connections for role").count()
}

/// What a server still counts for a moment after its client has gone is no reason to leave a database out.
#[tokio::test]
async fn a_role_with_a_limit_of_connections_reads_every_database() {
    on_a_major_and_the_newest(13, "a limit of connections", async |major, installation| {
        let cluster = private(installation, options().set("fsync", "off"));
        let names = prepare(&cluster, "connection limit 3", 8).await;
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path(), &targets(&cluster, cluster.port(), &names));
        let one = conninfo(&cluster, cluster.port(), &names[0]);
        for arguments in [&["--jobs", "2", "--all-databases", "-d", &one][..], &["--jobs", "3", "--all-targets"]] {
            // One too many is there, and goes once it was in the way.
            let (lingers, refused) = (session(&one).await, refusals(&cluster));
            let run = tokio::spawn(end(check(&config, arguments)));
            while !run.is_finished() && refusals(&cluster) == refused {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(lingers);
            let run = run.await.expect("no panic");
            let text = run.text();
            assert!(refusals(&cluster) > refused, "{arguments:?} on {major}: nothing was in the way");
            assert!(text.contains("\"findings\""), "{arguments:?} on {major}: {text} {}", run.stderr);
            assert!(!text.contains("too many connections"), "{arguments:?} on {major}: {text}");
        }
    })
    .await;
}

/// Enough relations for three connections each, were they measured alone.
const MANY: [&str; 2] = [
    "do $$ begin for n in 1..900 loop execute format('create table a_%s (n int primary key, m int unique)', n); end loop; end $$",
    "do $$ begin for n in 1..900 loop execute format('create table b_%s (n int primary key, m int unique)', n); end loop; end $$",
];

/// Over a line so slow that each connection is seen.
#[tokio::test]
async fn a_server_gets_no_more_connections_than_the_jobs_and_those_that_wait() {
    let newest = majors().iter().rev().find_map(|(major, it)| it.as_ref().ok().map(|it| (major, it)));
    let (major, installation) = newest.expect("a Postgres");
    let cluster = private(installation, options().set("fsync", "off").set("autovacuum", "off"));
    prepare(&cluster, "superuser", 1).await;
    for batch in MANY {
        sql(&cluster, "watched_0", batch).await;
    }
    for name in ["watched_1", "watched_2"] {
        sql(&cluster, "postgres", &format!("create database {name} template watched_0")).await;
    }
    let names: Vec<String> = (0..3).map(|number| format!("watched_{number}")).collect();
    let half = Duration::from_millis(30);
    let line = Behaviour { to_server: half, to_client: half, stalled: false };
    let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), line);
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &targets(&cluster, proxy.port(), &names));
    let one = conninfo(&cluster, proxy.port(), &names[0]);
    let mut seen = Vec::new();
    for (jobs, whom, most) in [
        // Each target's own, and one to spare.
        (2, &["--all-targets"][..], 3),
        (8, &["--all-targets"], 8),
        // The first look's, which waits, those of the others, and one to spare.
        (2, &["--all-databases", "-d", &one], 4),
        (2, &["--all-targets", "--all-databases"], 4),
    ] {
        let jobs = jobs.to_string();
        let (run, at_once) = watched(&cluster, check(&config, &[&["--exact", "--jobs", &jobs], whom].concat())).await;
        let case = format!("{whom:?} with {jobs} jobs: {at_once} connections at once");
        let is_whole = run.text().contains("\"findings\"") && !run.text().contains("cannot connect");
        assert!(is_whole, "{case}: {} {}", run.text(), run.stderr);
        assert!((2..=most).contains(&at_once), "{case}, and {most} are promised");
        seen.push(format!("{jobs} jobs {at_once} of {most}"));
    }
    say(&format!("connections at once on {major}: {}", seen.join(", ")));
}

/// The run, and how many connections the server had for it at once. What ends just now is not counted: who is there in
/// three looks in a row counts.
async fn watched(cluster: &Cluster, child: Child) -> (Run, usize) {
    let run = tokio::spawn(end(child));
    let client = connect(cluster, "postgres").await;
    let (mut looks, mut most) = ([BTreeSet::new(), BTreeSet::new(), BTreeSet::new()], 0);
    while !run.is_finished() {
        let query = "select pid from pg_stat_activity where usename = 'watcher'";
        let rows = client.query_typed(query, &[]).await.expect("an answer");
        looks.rotate_left(1);
        looks[2] = rows.iter().map(|row| row.get::<_, i32>(0)).collect();
        most = most.max(looks[0].iter().filter(|pid| looks[1].contains(pid) && looks[2].contains(pid)).count());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    (run.await.expect("no panic"), most)
}
