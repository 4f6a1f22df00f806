//! Looks into several databases of one server in one night: one sample, of which no part is lost or written twice.

use super::{
    on_both_dialects, open,
    world::{MB, World},
};
use jiff::SignedDuration;
use pgtend::{
    history::{HistoryError, Recorded, Store},
    model::{Fact, Snapshot, past::SubjectKind},
};
use serde_json::json;

const DATABASES: [&str; 3] = ["shop", "billing", "stock"];

/// The server's look into one of its databases, `seconds` after the world's time.
fn into(world: &World, database: &str, seconds: i64) -> Snapshot {
    let mut world = world.clone();
    world.now += SignedDuration::from_secs(seconds);
    let mut snapshot = world.snapshot();
    let shop = snapshot.databases.known().unwrap()[0].clone();
    let all = DATABASES.iter().map(|name| {
        let mut database = shop.clone();
        database.database = (*name).to_owned();
        database
    });
    snapshot.databases = Fact::Known(all.collect());
    snapshot.server.database = database.to_owned();
    snapshot.contents[0].database = database.to_owned();
    snapshot
}

fn world() -> World {
    let mut world = World::new();
    let table = world.add_table("orders", 10 * MB);
    world.add_index("orders_idx", table, MB);
    world.add_slot("debezium");
    world
}

async fn record(store: &Store, look: &Snapshot) -> Recorded {
    store.record(look).await.unwrap()
}

#[tokio::test]
async fn the_targets_of_one_server_make_one_sample_a_night_even_when_they_overtake_one_another() {
    on_both_dialects("databases of one server as targets", async |url| {
        let (store, mut world) = (open(url).await, world());
        for _ in 0..5 {
            world.pass(24, MB);
            world.scan("orders_idx", 7);
            world.table("orders").heap.bytes += MB;
            // The last to look comes first, and the first one last.
            for (database, seconds) in [("billing", 20), ("stock", 30), ("shop", 0)] {
                let recorded = record(&store, &into(&world, database, seconds)).await;
                assert_eq!((recorded.lineage.branch, recorded.was_known, recorded.relations), (1, false, 2));
            }
        }
        let samples = store.samples(None).await.unwrap();
        assert_eq!(samples.iter().map(|sample| sample.databases_read).collect::<Vec<_>>(), [3; 5]);
        let (first, last) = (samples[0].collected_at, samples[4].collected_at);
        for database in DATABASES {
            let scans = store.index_scans(1, database, first, last).await.unwrap();
            assert_eq!(scans.iter().map(|scans| scans.scans).collect::<Vec<_>>(), [28], "{database}");
        }
        let growth = store.growth(1, first, false).await.unwrap();
        for (kind, bytes) in [(SubjectKind::Cluster, 3 * 16 * MB), (SubjectKind::Database, 16 * MB)] {
            for of_kind in growth.iter().filter(|growth| growth.subject.kind == kind) {
                assert_eq!(of_kind.points.len(), 5, "{growth:?}");
                assert_eq!(of_kind.points[4].bytes, bytes, "{growth:?}");
            }
        }
        // Whoever comes late is told what all the others are.
        let late = into(&world, "shop", 10);
        assert_eq!(store.identify(&late).await.unwrap().map(|line| line.cluster_id), Some(1));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_look_beside_is_a_sample_of_its_own_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path().join("history.db").to_str().unwrap()).await;
    let mut world = world();
    world.pass(24, MB);
    record(&store, &into(&world, "shop", 0)).await;
    // The same database again: what changed there is worth a sample.
    record(&store, &into(&world, "shop", 60)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 2);
    // One that both samples lack, but of an hour ago.
    let error = store.record(&into(&world, "billing", -3_600)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OutOfOrder { .. }), "{error}");
    // The newest knows the database, the look is older.
    let error = store.record(&into(&world, "shop", 30)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OutOfOrder { .. }), "{error}");
    // Beside, then an hour later.
    record(&store, &into(&world, "billing", 90)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 2);
    record(&store, &into(&world, "stock", 3_600)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 3);
    // A server that was started anew.
    world.pass(24, MB);
    record(&store, &into(&world, "shop", 0)).await;
    world.restart();
    world.now += SignedDuration::from_mins(1);
    record(&store, &into(&world, "billing", 0)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 5);
    store.close().await;
}

#[tokio::test]
async fn a_look_that_knows_more_is_a_sample_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path().join("history.db").to_str().unwrap()).await;
    let mut world = world();
    world.pass(24, MB);
    let mut blind = into(&world, "shop", 0);
    blind.slots = serde_json::from_value(json!({"unavailable": {"fact": "slots", "reason": "no"}})).unwrap();
    record(&store, &blind).await;
    record(&store, &into(&world, "billing", 10)).await;
    let samples = store.samples(None).await.unwrap();
    assert_eq!(samples.iter().map(|sample| sample.databases_read).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(store.slot_pasts(1, world.now).await.unwrap().len(), 1);
    store.close().await;
}
