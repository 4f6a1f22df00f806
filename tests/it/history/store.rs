//! Opening, refusing and concurrent writing.

use super::parse_address;
use super::{
    on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use crate::clusters::{create_database, execute_sql, on_a_major_and_the_newest_shared};
use futures_util::future::join_all;
use pgtend::history::{HistoryError, Store};
use sqlx::{Connection as _, SqliteConnection};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[tokio::test]
async fn store_of_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    open_store(path.to_str().unwrap()).await.close().await;
    // The state after a later version of pgtend: the driver's own table lists the migrations.
    let mut file = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("update _sqlx_migrations set version = 7 where version = 1").execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let error = Store::open(&parse_address(&path)).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, HistoryError::NewerSchema { found: 7, .. }), "{text}");
    assert!(text.contains("history.db") && text.contains("schema version 7"), "{text}");
}

#[tokio::test]
async fn store_in_read_only_folder_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("history.db").display().to_string();
    let error = Store::open(&parse_address(&below)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened") && error.hint().is_some(), "{error}");
    assert!(
        Store::open_to_read(&parse_address(&folder.path().join("none.db")), Duration::from_secs(1))
            .await
            .unwrap()
            .is_none()
    );
    assert!(!folder.path().join("none.db").exists(), "reading created a store");

    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "this is no database, and long enough to be seen as one that is damaged".repeat(20))
        .unwrap();
    let error = Store::open(&parse_address(&garbage)).await.unwrap_err();
    assert!(error.to_string().contains("garbage.db"), "{error}");
}

#[tokio::test]
async fn store_password_is_not_shown() {
    let url = "postgresql://app:s3kr1t-word@127.0.0.1:1/pgtend?sslmode=disable";
    let error = Store::open(&parse_address(url)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3kr1t"), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn store_is_created_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/pgtend/history.db");
    open_store(path.to_str().unwrap()).await.close().await;
    let mode = path.parent().unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn store_concurrent_creation_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("{round}.db")).display().to_string();
        let address = parse_address(&path);
        for opened in join_all((0..8).map(|_| Store::open(&address))).await {
            opened.unwrap_or_else(|error| panic!("round {round}: {error}")).close().await;
        }
    }
}

#[tokio::test]
async fn store_concurrent_writers_lose_nothing() {
    on_both_dialects("concurrent writers", async |url| {
        let address = parse_address(url);
        let (first, second) = tokio::join!(Store::open(&address), Store::open(&address));
        let (first, second) = (first.unwrap(), second.unwrap());
        let world = |identifier: &str| {
            let mut world = SimulatedCluster::new();
            world.system_identifier = identifier.into();
            let table = world.add_table("orders", 10 * MB);
            world.add_index("orders_idx", table, MB);
            world
        };
        // Two clusters from one writer each, and both on a third, where the second writer finds the sample recorded.
        let (mut a, mut b, mut c) = (world("1"), world("2"), world("3"));
        for number in 0..20 {
            for world in [&mut a, &mut b, &mut c] {
                world.advance(24, MB);
                world.add_scans("orders_idx", number);
            }
            let (a, b, c) = (a.snapshot(), b.snapshot(), c.snapshot());
            let left = async { (first.record(&a).await, first.record(&c).await) };
            let right = async { (second.record(&b).await, second.record(&c).await) };
            let ((a, c1), (b, c2)) = tokio::join!(left, right);
            assert!(!a.unwrap().was_known && !b.unwrap().was_known);
            assert_ne!(c1.unwrap().was_known, c2.unwrap().was_known);
        }
        assert_eq!(first.cluster_branches().await.unwrap().len(), 3);
        assert_eq!(first.samples(None).await.unwrap().len(), 60);
        first.close().await;
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn store_refuses_older_snapshots() {
    on_both_dialects("snapshots out of order", async |url| {
        let store = open_store(url).await;
        let mut world = SimulatedCluster::new();
        world.add_table("orders", MB);
        let first = world.snapshot();
        world.advance(24, MB);
        let second = world.snapshot();
        assert!(store.record(&second).await.unwrap().is_first);
        assert!(store.record(&second).await.unwrap().was_known);
        let error = store.record(&first).await.unwrap_err();
        assert!(matches!(error, HistoryError::OutOfOrder { .. }), "{error}");
        assert_eq!(store.samples(None).await.unwrap().len(), 1);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn store_missing_rights_are_named() {
    on_a_major_and_the_newest_shared(13, "store in a prepared schema", async |_, cluster| {
        let name = create_database(cluster).await;
        let role = format!("{name}_owner");
        execute_sql(cluster, &name, &format!("create role {role} login; revoke create on schema public from public"))
            .await;
        let socket = cluster.conninfo().split(' ').find_map(|part| Some(part.strip_prefix("host=")?.to_owned()));
        let port = cluster.conninfo().split(' ').find_map(|part| Some(part.strip_prefix("port=")?.to_owned()));
        let url = format!("postgresql://{role}@{}:{}/{name}", socket.unwrap().replace('/', "%2F"), port.unwrap());
        let error = Store::open(&parse_address(&url)).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("CREATE SCHEMA pgtend")), "{error}");
        execute_sql(cluster, &name, &format!("create schema pgtend authorization {role}")).await;
        let store = open_store(&url).await;
        assert!(store.cluster_branches().await.unwrap().is_empty());
        store.close().await;
        execute_sql(cluster, "postgres", &format!("drop database {name}")).await;
        execute_sql(cluster, "postgres", &format!("drop role {role}")).await;
    })
    .await;
}
