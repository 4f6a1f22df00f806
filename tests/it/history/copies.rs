//! Servers that share a system identifier: standbys, clones, restored copies.

use super::{
    open,
    world::{MB, World},
};
use jiff::SignedDuration;
use pgtend::history::{HistoryError, Recorded, Store};
use pgtend::model::{Fact, Snapshot, Unavailable};

async fn new_store(folder: &tempfile::TempDir) -> Store {
    open(folder.path().join("history.db").to_str().unwrap()).await
}

async fn record(store: &Store, world: &World, address: Option<&str>) -> Recorded {
    store.record(&reached(world.snapshot(), address)).await.unwrap()
}

fn reached(mut snapshot: Snapshot, address: Option<&str>) -> Snapshot {
    snapshot.address = address.map(str::to_owned);
    snapshot
}

fn primary() -> World {
    let mut world = World::new();
    let table = world.add_table("orders", MB);
    world.add_index("orders_idx", table, MB);
    world
}

#[tokio::test]
async fn a_standby_has_a_line_of_its_own_until_it_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    let mut standby = world.clone();
    standby.in_recovery = true;
    standby.started_at = world.now - SignedDuration::from_hours(5);
    for _ in 0..5 {
        for node in [&mut world, &mut standby] {
            node.pass(24, MB);
        }
        world.scan("orders_idx", 10);
        standby.scan("orders_idx", 1);
        assert_eq!(record(&store, &world, Some("db1:5432")).await.lineage.branch, 1);
        let recorded = record(&store, &standby, Some("db2:5432")).await;
        assert_eq!((recorded.lineage.branch, recorded.lineage.is_standby), (2, true));
    }
    let begun = store.samples(Some(1)).await.unwrap()[0].collected_at;
    let scans = |cluster| store.index_scans(cluster, "shop", begun, world.now);
    assert_eq!((scans(1).await.unwrap()[0].scans, scans(2).await.unwrap()[0].scans), (40, 4));

    // It goes on with the line of the primary, whose place it has taken, and counts for itself.
    standby.pass(24, MB);
    standby.in_recovery = false;
    standby.timeline_id += 1;
    standby.promoted_at = Some(standby.now);
    let promoted = record(&store, &standby, Some("db2:5432")).await;
    assert_eq!((promoted.lineage.branch, promoted.is_first), (1, false));
    let scans = store.index_scans(1, "shop", begun, standby.now).await.unwrap();
    assert_eq!((scans[0].scans, scans[0].resets), (45, 1));

    // The old primary comes back, as if nothing had happened.
    world.pass(48, MB);
    let back = record(&store, &world, Some("db1:5432")).await;
    assert_eq!((back.lineage.branch, back.is_first), (3, true), "never mixed in again");
}

#[tokio::test]
async fn a_clone_on_the_same_timeline_stays_apart_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    record(&store, &world, Some("db1:5432")).await;
    let mut clone = world.clone();
    clone.now += SignedDuration::from_hours(2);
    clone.restart();
    for hours in 1..4 {
        world.pass(24, MB);
        clone.pass(24, 2 * MB);
        assert_eq!(record(&store, &clone, Some("test:5432")).await.is_first, hours == 1);
        assert!(!record(&store, &world, Some("db1:5432")).await.is_first);
    }
    assert_eq!(store.lineages().await.unwrap().len(), 2);
    // Reached by another name, it is still the same process.
    world.pass(24, MB);
    assert_eq!(record(&store, &world, Some("10.0.0.1:5432")).await.lineage.branch, 1);
    // And restarted under that name, it is known.
    world.pass(24, MB);
    world.restart();
    assert_eq!(record(&store, &world, Some("10.0.0.1:5432")).await.lineage.branch, 1);
}

/// What restarts through a tunnel: only statistics that go on tell it from a copy that was started from a backup.
#[tokio::test]
async fn without_an_address_a_copy_does_not_pass_for_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    record(&store, &world, None).await;
    world.pass(24, MB);
    world.restart();
    assert_eq!(record(&store, &world, None).await.lineage.branch, 1, "a clean restart keeps its statistics");
    let mut copy = world.clone();
    copy.pass(24, MB);
    // Started from a backup it recovers as after a crash.
    copy.crash();
    copy.pass(1, 0);
    let recorded = record(&store, &copy, None).await;
    assert_eq!((recorded.lineage.branch, recorded.is_first), (2, true));
    world.pass(26, MB);
    assert_eq!(record(&store, &world, None).await.lineage.branch, 1, "the first one goes on as if nothing had been");
}

/// It was restored long ago, has written more since than the first, and was never looked at.
#[tokio::test]
async fn an_old_copy_on_a_timeline_of_its_own_does_not_pass_for_a_promotion() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    let mut copy = world.restored_copy();
    copy.pass(1, MB);
    copy.promoted_at = Some(copy.now);
    world.pass(240, MB);
    record(&store, &world, Some("db1:5432")).await;
    copy.pass(250, 900 * MB);
    for address in [Some("test:5432"), None] {
        assert_eq!(record(&store, &copy, address).await.lineage.branch, 2);
        copy.pass(1, MB);
    }
}

#[tokio::test]
async fn recovery_to_a_point_in_time_begins_anew_even_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    let backup = world.clone();
    for _ in 0..3 {
        world.pass(24, 10 * MB);
        record(&store, &world, Some("db1:5432")).await;
    }
    let mut restored = World { now: world.now, ..backup };
    restored.timeline_id += 1;
    restored.pass(2, MB);
    restored.restart();
    let recorded = record(&store, &restored, Some("db1:5432")).await;
    assert_eq!((recorded.lineage.branch, recorded.is_first), (2, true));
}

#[tokio::test]
async fn without_an_identity_the_address_must_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut world = primary();
    let hidden = |world: &World| {
        let mut snapshot = world.snapshot();
        snapshot.control = Fact::Unavailable(Unavailable::because("control file", "permission denied"));
        snapshot
    };
    let error = store.record(&reached(hidden(&world), None)).await.unwrap_err();
    assert!(matches!(error, HistoryError::NoIdentity(_)) && error.hint().is_some(), "{error}");
    for night in 0..3 {
        let recorded = store.record(&reached(hidden(&world), Some("db1:5432"))).await.unwrap();
        assert_eq!((recorded.is_first, &*recorded.lineage.system_identifier), (night == 0, "at db1:5432"));
        world.pass(24, MB);
        world.restart();
        world.pass(1, 0);
    }
}
