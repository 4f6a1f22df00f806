//! Opening, refusing, writing from several sides at once.

use super::address;
use super::{
    on_both_dialects, open,
    world::{MB, World},
};
use crate::clusters::{database, on_every_major, sql};
use futures_util::future::join_all;
use pgtend::history::{HistoryError, Store};
use sqlx::{Connection as _, SqliteConnection};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    open(path.to_str().unwrap()).await.close().await;
    // As a later pgtend would leave it: the driver's own table says which migrations ran.
    let mut file = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("update _sqlx_migrations set version = 7 where version = 1").execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let error = Store::open(&address(&path)).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, HistoryError::Newer { found: 7, .. }), "{text}");
    assert!(text.contains("history.db") && text.contains("schema version 7"), "{text}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("history.db").display().to_string();
    let error = Store::open(&address(&below)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened") && error.hint().is_some(), "{error}");
    assert!(
        Store::open_to_read(&address(&folder.path().join("none.db")), Duration::from_secs(1)).await.unwrap().is_none()
    );
    assert!(!folder.path().join("none.db").exists(), "looking makes nothing");

    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "this is no database, and long enough to be seen as one that is damaged".repeat(20))
        .unwrap();
    let error = Store::open(&address(&garbage)).await.unwrap_err();
    assert!(error.to_string().contains("garbage.db"), "{error}");
}

#[tokio::test]
async fn the_password_of_a_store_does_not_show() {
    let url = "postgresql://app:s3kr1t-word@127.0.0.1:1/pgtend?sslmode=disable";
    let error = Store::open(&address(url)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3kr1t"), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_store_made_for_its_owner_alone_and_in_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/pgtend/history.db");
    open(path.to_str().unwrap()).await.close().await;
    let mode = path.parent().unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn of_many_that_come_first_at_once_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("{round}.db")).display().to_string();
        let address = address(&path);
        for opened in join_all((0..8).map(|_| Store::open(&address))).await {
            opened.unwrap_or_else(|error| panic!("round {round}: {error}")).close().await;
        }
    }
}

#[tokio::test]
async fn two_writers_at_once_lose_nothing() {
    on_both_dialects("two writers at once", async |url| {
        let address = address(url);
        let (one, two) = tokio::join!(Store::open(&address), Store::open(&address));
        let (one, two) = (one.unwrap(), two.unwrap());
        let world = |identifier: &str| {
            let mut world = World::new();
            world.system_identifier = identifier.into();
            let table = world.add_table("orders", 10 * MB);
            world.add_index("orders_idx", table, MB);
            world
        };
        // Two clusters from two sides, and both sides on a third: whoever comes second finds it known.
        let (mut a, mut b, mut c) = (world("1"), world("2"), world("3"));
        for night in 0..20 {
            for world in [&mut a, &mut b, &mut c] {
                world.pass(24, MB);
                world.scan("orders_idx", night);
            }
            let (a, b, c) = (a.snapshot(), b.snapshot(), c.snapshot());
            let left = async { (one.record(&a).await, one.record(&c).await) };
            let right = async { (two.record(&b).await, two.record(&c).await) };
            let ((a, c1), (b, c2)) = tokio::join!(left, right);
            assert!(!a.unwrap().was_known && !b.unwrap().was_known);
            assert_ne!(c1.unwrap().was_known, c2.unwrap().was_known);
        }
        assert_eq!(one.lineages().await.unwrap().len(), 3);
        assert_eq!(one.samples(None).await.unwrap().len(), 60);
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_look_is_refused_and_the_same_one_is_known() {
    on_both_dialects("looks out of order", async |url| {
        let store = open(url).await;
        let mut world = World::new();
        world.add_table("orders", MB);
        let first = world.snapshot();
        world.pass(24, MB);
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
async fn a_role_without_rights_is_told_what_it_needs_and_content_with_it() {
    on_every_major("a store in a schema made for it", async |_, cluster| {
        let name = database(cluster).await;
        let role = format!("{name}_keeper");
        sql(cluster, &name, &format!("create role {role} login; revoke create on schema public from public")).await;
        let socket = cluster.conninfo().split(' ').find_map(|part| Some(part.strip_prefix("host=")?.to_owned()));
        let port = cluster.conninfo().split(' ').find_map(|part| Some(part.strip_prefix("port=")?.to_owned()));
        let url = format!("postgresql://{role}@{}:{}/{name}", socket.unwrap().replace('/', "%2F"), port.unwrap());
        let error = Store::open(&address(&url)).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("CREATE SCHEMA pgtend")), "{error}");
        sql(cluster, &name, &format!("create schema pgtend authorization {role}")).await;
        let store = open(&url).await;
        assert!(store.lineages().await.unwrap().is_empty());
        store.close().await;
        sql(cluster, "postgres", &format!("drop database {name}")).await;
        sql(cluster, "postgres", &format!("drop role {role}")).await;
    })
    .await;
}
