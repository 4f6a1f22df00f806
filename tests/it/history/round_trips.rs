//! What writing costs where the store's server is far away.

use super::address;
use super::{
    postgres_url,
    world::{MB, World},
};
use crate::{
    clusters::{on_a_major_and_the_newest, say, shared},
    proxy::{Behaviour, Proxy},
    reports::{program::run, zoo::conninfo},
};
use pgtend::{
    history::Store,
    model::{Fact, Snapshot},
    sandbox::Cluster,
};
use std::time::Duration;

/// A store by way of a proxy.
async fn far(major: u32, cluster: &Cluster) -> (Proxy, String) {
    let behaviour = Behaviour { to_client: Duration::from_millis(5), ..Behaviour::default() };
    let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), behaviour);
    let database = postgres_url(major).await.rsplit_once('/').unwrap().1.to_owned();
    let (port, password) = (proxy.port(), cluster.password());
    (proxy, format!("postgresql://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable"))
}

/// A small server: a dozen databases, one of them read, with forty relations; three slots.
fn small() -> World {
    let mut world = World::new();
    for n in 0..20 {
        let table = world.add_table(&format!("table_{n}"), MB);
        world.add_index(&format!("index_{n}"), table, MB);
    }
    for slot in ["one", "two", "three"] {
        world.add_slot(slot);
    }
    world
}

fn look(world: &World) -> Snapshot {
    let mut snapshot = world.snapshot();
    let shop = snapshot.databases.known().unwrap()[0].clone();
    let named = |n: u64| pgtend::model::Database {
        database: format!("d{n}"),
        bytes: Some(world_bytes(world, n)),
        ..shop.clone()
    };
    let others: Vec<_> = (1..12).map(named).collect();
    snapshot.databases = Fact::Known([vec![shop.clone()], others].concat());
    snapshot
}

/// They grow from night to night.
fn world_bytes(world: &World, n: u64) -> u64 {
    n * MB + u64::try_from(world.now.as_second()).unwrap() / 3_600
}

#[tokio::test]
async fn a_record_into_a_store_far_away_is_a_few_round_trips() {
    on_a_major_and_the_newest(13, "round trips of records", async |major, _| {
        let (proxy, url) = far(major, shared(major)).await;
        let mut world = small();
        let mut counted = Vec::new();
        let mut since = (0, 0);
        let mut count = |what: &str| {
            let now = (proxy.round_trips_to_connect(), proxy.round_trips());
            counted.push((what.to_owned(), now.1 - since.1));
            say(&format!("on {major}: {what}: {} to connect, {} round trips", now.0 - since.0, now.1 - since.1));
            since = now;
        };
        let store = Store::open(&address(&url)).await.unwrap();
        count("making the store");
        store.record(&look(&world)).await.unwrap();
        count("the first record");
        store.close().await;
        for _ in 0..2 {
            world.pass(24, MB);
            world.scan("index_3", 9);
            world.scan("index_4", 9);
            world.table("table_3").heap.bytes += MB;
            world.add_table(&format!("new_{}", world.now.as_second()), MB);
            let store = Store::open(&address(&url)).await.unwrap();
            count("opening it");
            store.record(&look(&world)).await.unwrap();
            count("a record");
            store.close().await;
        }
        let of = |what: &str| counted.iter().filter(|(name, _)| name == what).map(|(_, trips)| *trips).max().unwrap();
        // Two for each kind of statement, however many databases, relations and slots there are.
        assert!(of("making the store") <= 20 && of("the first record") <= 45 && of("a record") <= 45, "{counted:?}");
    })
    .await;
}

#[tokio::test]
async fn a_night_at_a_store_far_away_is_a_few_round_trips() {
    on_a_major_and_the_newest(13, "round trips of a night", async |major, _| {
        let cluster = shared(major);
        let (proxy, url) = far(major, cluster).await;
        let server = conninfo(cluster, "postgres", "postgres");
        let mut since = (0, 0);
        for night in ["the first night", "the second night", "the third night"] {
            let checked = run(&["check", "-d", &server, "--history", &url, "--format", "json"]);
            assert!(checked.exit <= 2, "{checked:?}");
            let now = (proxy.round_trips_to_connect(), proxy.round_trips());
            say(&format!("on {major}: {night}: {} to connect, {} round trips", now.0 - since.0, now.1 - since.1));
            assert!(now.1 - since.1 <= 150, "{night}: {}", now.1 - since.1);
            since = now;
        }
    })
    .await;
}
