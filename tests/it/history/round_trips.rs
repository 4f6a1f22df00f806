//! Round trips of writing to a store on a remote server.

use super::parse_address;
use super::{
    create_postgres_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use crate::{
    clusters::{on_a_major_and_the_newest, print_stderr, shared_cluster},
    proxy::{Behaviour, Proxy},
    reports::{fixture_servers::role_conninfo, program::run_pgtend},
};
use pg_sandbox::Cluster;
use pgtend::facts::{Fact, Snapshot};
use pgtend::history::Store;
use std::time::Duration;

/// Creates a store behind a proxy.
async fn store_behind_proxy(major: u32, cluster: &Cluster) -> (Proxy, String) {
    let behaviour = Behaviour { to_client: Duration::from_millis(5), ..Behaviour::default() };
    let proxy = Proxy::new(cluster.host(), cluster.port(), behaviour);
    let database = create_postgres_store(major).await.rsplit_once('/').unwrap().1.to_owned();
    let (port, password) = (proxy.port(), cluster.password());
    (proxy, format!("postgresql://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable"))
}

/// A small server: a dozen databases, one of them read, with forty relations; three slots.
fn small_cluster() -> SimulatedCluster {
    let mut cluster = SimulatedCluster::new();
    for n in 0..20 {
        let table = cluster.add_table(&format!("table_{n}"), MB);
        cluster.add_index(&format!("index_{n}"), table, MB);
    }
    for slot in ["one", "two", "three"] {
        cluster.add_slot(slot);
    }
    cluster
}

fn grown_snapshot(cluster: &SimulatedCluster) -> Snapshot {
    let mut snapshot = cluster.snapshot();
    let shop = snapshot.databases.known().unwrap()[0].clone();
    let named = |n: u64| pgtend::facts::Database {
        database: format!("d{n}"),
        bytes: Some(growing_bytes(cluster, n)),
        ..shop.clone()
    };
    let other_databases: Vec<_> = (1..12).map(named).collect();
    snapshot.databases = Fact::Known([vec![shop.clone()], other_databases].concat());
    snapshot
}

/// Sizes that grow from sample to sample.
fn growing_bytes(cluster: &SimulatedCluster, n: u64) -> u64 {
    n * MB + u64::try_from(cluster.now.as_second()).unwrap() / 3_600
}

#[tokio::test]
async fn store_record_needs_few_round_trips() {
    on_a_major_and_the_newest(13, "round trips of history record", async |major, _| {
        let (proxy, url) = store_behind_proxy(major, shared_cluster(major)).await;
        let mut cluster = small_cluster();
        let mut counted = Vec::new();
        let mut since = (0, 0);
        let mut count = |what: &str| {
            let now = (proxy.round_trips_to_connect(), proxy.round_trips());
            counted.push((what.to_owned(), now.1 - since.1));
            print_stderr(&format!(
                "on {major}: {what}: {} to connect, {} round trips",
                now.0 - since.0,
                now.1 - since.1
            ));
            since = now;
        };
        let store = Store::open(&parse_address(&url)).await.unwrap();
        count("making the store");
        store.record(&grown_snapshot(&cluster)).await.unwrap();
        count("the first record");
        store.close().await;
        for _ in 0..2 {
            cluster.advance(24, MB);
            cluster.add_scans("index_3", 9);
            cluster.add_scans("index_4", 9);
            cluster.table("table_3").heap.bytes += MB;
            cluster.add_table(&format!("new_{}", cluster.now.as_second()), MB);
            let store = Store::open(&parse_address(&url)).await.unwrap();
            count("opening it");
            store.record(&grown_snapshot(&cluster)).await.unwrap();
            count("a record");
            store.close().await;
        }
        let max_trips =
            |what: &str| counted.iter().filter(|(name, _)| name == what).map(|(_, trips)| *trips).max().unwrap();
        // Two for each kind of statement, independent of the number of databases, relations and slots.
        assert!(
            max_trips("making the store") <= 20 && max_trips("the first record") <= 45 && max_trips("a record") <= 45,
            "{counted:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn store_check_needs_few_round_trips() {
    on_a_major_and_the_newest(13, "round trips of check", async |major, _| {
        let cluster = shared_cluster(major);
        let (proxy, url) = store_behind_proxy(major, cluster).await;
        let server = role_conninfo(cluster, "postgres", "postgres");
        let mut since = (0, 0);
        for run in ["the first run", "the second run", "the third run"] {
            let checked = run_pgtend(&["check", "-d", &server, "--history", &url, "--format", "json"]);
            assert!(checked.exit <= 2, "{checked:?}");
            let now = (proxy.round_trips_to_connect(), proxy.round_trips());
            print_stderr(&format!(
                "on {major}: {run}: {} to connect, {} round trips",
                now.0 - since.0,
                now.1 - since.1
            ));
            assert!(now.1 - since.1 <= 150, "{run}: {}", now.1 - since.1);
            since = now;
        }
    })
    .await;
}
