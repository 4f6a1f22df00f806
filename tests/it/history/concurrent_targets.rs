//! Snapshots of several databases of one server in one run: one sample, of which no part is lost or written twice.

use super::{
    on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use jiff::SignedDuration;
use pgtend::facts::history::SubjectKind;
use pgtend::facts::{Fact, Snapshot};
use pgtend::history::{HistoryError, Recorded, Store};
use serde_json::json;

const DATABASES: [&str; 3] = ["shop", "billing", "stock"];

/// Returns a snapshot of one database of the server, `seconds` after the cluster's time.
fn database_snapshot(cluster: &SimulatedCluster, database: &str, seconds: i64) -> Snapshot {
    let mut cluster = cluster.clone();
    cluster.now += SignedDuration::from_secs(seconds);
    let mut snapshot = cluster.snapshot();
    let shop = snapshot.databases.known().unwrap()[0].clone();
    let databases = DATABASES.iter().map(|name| {
        let mut database = shop.clone();
        database.database = (*name).to_owned();
        database
    });
    snapshot.databases = Fact::Known(databases.collect());
    snapshot.server.database = database.to_owned();
    snapshot.database_snapshots[0].database = database.to_owned();
    snapshot
}

fn cluster_with_databases() -> SimulatedCluster {
    let mut cluster = SimulatedCluster::new();
    let table = cluster.add_table("orders", 10 * MB);
    cluster.add_index("orders_idx", table, MB);
    cluster.add_slot("debezium");
    cluster
}

async fn record_snapshot(store: &Store, snapshot: &Snapshot) -> Recorded {
    store.record(snapshot).await.unwrap()
}

#[tokio::test]
async fn concurrent_targets_make_one_sample() {
    on_both_dialects("several databases of one server", async |url| {
        let (store, mut cluster) = (open_store(url).await, cluster_with_databases());
        for _ in 0..5 {
            cluster.advance(24, MB);
            cluster.add_scans("orders_idx", 7);
            cluster.table("orders").heap.bytes += MB;
            // The snapshots are recorded out of order.
            for (database, seconds) in [("billing", 20), ("stock", 30), ("shop", 0)] {
                let recorded = record_snapshot(&store, &database_snapshot(&cluster, database, seconds)).await;
                assert_eq!((recorded.cluster_branch.branch, recorded.was_known, recorded.relations), (1, false, 2));
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
        // A late snapshot is recorded as part of the same sample.
        let late = database_snapshot(&cluster, "shop", 10);
        assert_eq!(store.identify(&late).await.unwrap().map(|line| line.cluster_id), Some(1));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn concurrent_target_of_another_run_is_separate() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path().join("history.db").to_str().unwrap()).await;
    let mut cluster = cluster_with_databases();
    cluster.advance(24, MB);
    record_snapshot(&store, &database_snapshot(&cluster, "shop", 0)).await;
    // The same database again: its changes are a new sample.
    record_snapshot(&store, &database_snapshot(&cluster, "shop", 60)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 2);
    // A database that both samples lack, but an hour earlier.
    let error = store.record(&database_snapshot(&cluster, "billing", -3_600)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OutOfOrder { .. }), "{error}");
    // The newest sample has the database, and the snapshot is older.
    let error = store.record(&database_snapshot(&cluster, "shop", 30)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OutOfOrder { .. }), "{error}");
    // A concurrent sample, then one an hour later.
    record_snapshot(&store, &database_snapshot(&cluster, "billing", 90)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 2);
    record_snapshot(&store, &database_snapshot(&cluster, "stock", 3_600)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 3);
    // A restarted server.
    cluster.advance(24, MB);
    record_snapshot(&store, &database_snapshot(&cluster, "shop", 0)).await;
    cluster.restart();
    cluster.now += SignedDuration::from_mins(1);
    record_snapshot(&store, &database_snapshot(&cluster, "billing", 0)).await;
    assert_eq!(store.samples(None).await.unwrap().len(), 5);
    store.close().await;
}

#[tokio::test]
async fn concurrent_fuller_snapshot_is_a_new_sample() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path().join("history.db").to_str().unwrap()).await;
    let mut cluster = cluster_with_databases();
    cluster.advance(24, MB);
    let mut blind = database_snapshot(&cluster, "shop", 0);
    blind.slots = serde_json::from_value(json!({"unavailable": {"fact": "slots", "reason": "no"}})).unwrap();
    record_snapshot(&store, &blind).await;
    record_snapshot(&store, &database_snapshot(&cluster, "billing", 10)).await;
    let samples = store.samples(None).await.unwrap();
    assert_eq!(samples.iter().map(|sample| sample.databases_read).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(store.slot_histories(1, cluster.now).await.unwrap().len(), 1);
    store.close().await;
}
