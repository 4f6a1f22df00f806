//! A primary and its standby with every kind of relation, index, database, slot and role, and with hostile names. The
//! tests that share it do not change it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pg_sandbox::{Cluster, StandbyOptions};
use tokio_postgres::Client;

use crate::clusters::{
    cluster_options, connect_superuser, installation, majors, private_cluster, query_one_text, wait_until,
};

/// Names with control characters, names that break tables, and names of the maximum length.
pub const NAMES: [&str; 14] = [
    "plain",
    "MixedCase",
    "with space",
    "a \"quoted\" name",
    "it's",
    "two\nlines\ttab",
    "\u{1b}[2J\u{1b}[31mred\u{7}\u{9b}0m",
    "\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}",
    "<script>alert(1)</script>",
    "pipe | `tick` *star* _under_ [link](x) \\",
    "comma, semicolon; =1+1",
    "left \u{202e}tfel ot thgir\u{2069} \u{200b}",
    "🐘 elephant übung 象",
    "sixty_three_bytes_is_as_long_as_a_name_may_ever_be_in_a_server_",
];

/// The name of the index on the table of that name.
pub fn index_name(name: &str) -> String {
    let mut index = format!("i{name}");
    index.truncate(63);
    index
}

/// The database with the fixture objects.
pub const DATABASE: &str = "shop";

/// The roles of the reports: the superuser, a member of pg_monitor, one without privileges.
pub const ROLES: [&str; 3] = ["postgres", "watcher", "stranger"];

/// One major's pair of servers.
pub struct FixtureServers {
    pub primary: Cluster,
    pub standby: Cluster,
}

/// The fixture server of a major, started when first used.
pub fn fixture_servers(major: u32) -> &'static FixtureServers {
    type LazyServers = LazyLock<FixtureServers, Box<dyn FnOnce() -> FixtureServers + Send>>;
    static SERVERS: LazyLock<BTreeMap<u32, LazyServers>> = LazyLock::new(|| {
        let make = |major| -> Box<dyn FnOnce() -> FixtureServers + Send> {
            // In another thread, because the first caller is already inside a runtime.
            Box::new(move || {
                std::thread::spawn(move || start_fixture_servers(major)).join().expect("the fixture servers start")
            })
        };
        majors().keys().map(|&major| (major, LazyServers::new(make(major)))).collect()
    });
    SERVERS.get(&major).unwrap_or_else(|| panic!("Postgres {major} is not among PGTEND_TEST_MAJORS"))
}

/// A conninfo for a role and a database of a cluster.
pub fn role_conninfo(cluster: &Cluster, role: &str, database: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let (host, port) = (cluster.socket_dir().display(), cluster.port());
    format!("host={host} port={port} user={} dbname={}", quoted(role), quoted(database))
}

/// Quotes any name for SQL.
pub fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[tokio::main(flavor = "current_thread")]
async fn start_fixture_servers(major: u32) -> FixtureServers {
    let mut options = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("checkpoint_timeout", "1h")
        .with_setting("allow_in_place_tablespaces", "on");
    options.initdb.push("--wal-segsize=1".to_owned());
    let mut primary = private_cluster(installation(major), options);
    let client = connect_superuser(&primary, "postgres").await;
    execute_batch(&client, "create role watcher login; grant pg_monitor to watcher; create role stranger login").await;
    for alone in [
        "create tablespace side location ''",
        "create database shop",
        "create database closed allow_connections false",
        "create database private",
        "revoke connect on database private from public",
        "create database aside tablespace side",
        &format!("create database {}", quote_name(NAMES[6])),
        "select pg_create_physical_replication_slot('standby_1')",
        "select pg_create_physical_replication_slot('reserved', true)",
        "select pg_create_physical_replication_slot('never_reserved')",
    ] {
        execute_batch(&client, alone).await;
    }
    let shop = connect_superuser(&primary, DATABASE).await;
    execute_batch(&shop, include_str!("zoo.sql")).await;
    execute_batch(&shop, "select pg_create_logical_replication_slot('decoder', 'pgoutput')").await;
    let failed = shop.simple_query("create unique index concurrently invalid_one on zoo.duplicates (n)").await;
    assert!(failed.is_err(), "a unique index over duplicates");
    for name in NAMES {
        let (name, index) = (quote_name(name), quote_name(&index_name(name)));
        execute_batch(
            &shop,
            &format!(
                "create schema {name}; create table {name}.{name} ({name} int);
                 insert into {name}.{name} select generate_series(1, 300); create index {index} on {name}.{name} ({name})"
            ),
        )
        .await;
    }
    execute_batch(&shop, "analyze; select count(*) from zoo.heap where id = 7").await;
    drop((client, shop));
    let standby = StandbyOptions {
        primary_slot_name: Some("standby_1".to_owned()),
        hot_standby_feedback: true,
        ..StandbyOptions::default()
    };
    let standby = primary.create_standby(&standby).expect("a standby");
    execute_batch(
        &connect_superuser(&standby, "postgres").await,
        "select pg_create_physical_replication_slot('cascade', true)",
    )
    .await;
    let zoo = FixtureServers { primary, standby };
    let streams = "select bool_or(active and xmin is not null) from pg_replication_slots where slot_name = 'standby_1'";
    wait_until_true(&zoo.primary, streams).await;
    zoo
}

/// Runs statements that must succeed.
pub async fn execute_batch(client: &Client, statements: &str) {
    client.batch_execute(statements).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statements}"));
}

/// Waits until a query returns true.
pub async fn wait_until_true(cluster: &Cluster, query: &str) {
    wait_until(query, async || query_one_text(cluster, "postgres", query).await.as_deref() == Some("t")).await;
}

/// Returns the result of a query as a list of objects.
pub async fn query_objects(cluster: &Cluster, database: &str, query: &str) -> Vec<serde_json::Value> {
    let list = format!("select coalesce(json_agg(t), '[]') from ({query}) t");
    let answer = query_one_text(cluster, database, &list).await.expect("a list");
    serde_json::from_str(&answer).expect("JSON")
}
