//! Servers that share a system identifier: standbys, clones, restored copies.

use super::{
    open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use jiff::SignedDuration;
use pgtend::facts::{Fact, Snapshot, Unavailable};
use pgtend::history::{HistoryError, Recorded, Store};

async fn new_store(folder: &tempfile::TempDir) -> Store {
    open_store(folder.path().join("history.db").to_str().unwrap()).await
}

async fn record_with_address(store: &Store, simulated: &SimulatedCluster, address: Option<&str>) -> Recorded {
    store.record(&with_address(simulated.snapshot(), address)).await.unwrap()
}

fn with_address(mut snapshot: Snapshot, address: Option<&str>) -> Snapshot {
    snapshot.address = address.map(str::to_owned);
    snapshot
}

fn primary_cluster() -> SimulatedCluster {
    let mut simulated = SimulatedCluster::new();
    let table = simulated.add_table("orders", MB);
    simulated.add_index("orders_idx", table, MB);
    simulated
}

#[tokio::test]
async fn branch_of_standby_joins_on_promotion() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    let mut standby = simulated.clone();
    standby.in_recovery = true;
    standby.started_at = simulated.now - SignedDuration::from_hours(5);
    for _ in 0..5 {
        for node in [&mut simulated, &mut standby] {
            node.advance(24, MB);
        }
        simulated.add_scans("orders_idx", 10);
        standby.add_scans("orders_idx", 1);
        assert_eq!(record_with_address(&store, &simulated, Some("db1:5432")).await.cluster_branch.branch, 1);
        let recorded = record_with_address(&store, &standby, Some("db2:5432")).await;
        assert_eq!((recorded.cluster_branch.branch, recorded.cluster_branch.is_standby), (2, true));
    }
    let begun = store.samples(Some(1)).await.unwrap()[0].collected_at;
    let scans = |cluster| store.index_scans(cluster, "shop", begun, simulated.now);
    assert_eq!((scans(1).await.unwrap()[0].scans, scans(2).await.unwrap()[0].scans), (40, 4));

    // It continues the branch of the primary that it replaces, and has its own counters.
    standby.advance(24, MB);
    standby.in_recovery = false;
    standby.timeline_id += 1;
    standby.promoted_at = Some(standby.now);
    let promoted = record_with_address(&store, &standby, Some("db2:5432")).await;
    assert_eq!((promoted.cluster_branch.branch, promoted.is_first), (1, false));
    let scans = store.index_scans(1, "shop", begun, standby.now).await.unwrap();
    assert_eq!((scans[0].scans, scans[0].resets), (45, 1));

    // The old primary is started again.
    simulated.advance(48, MB);
    let back = record_with_address(&store, &simulated, Some("db1:5432")).await;
    assert_eq!((back.cluster_branch.branch, back.is_first), (3, true), "not merged into the first branch");
}

#[tokio::test]
async fn branch_of_clone_is_separated_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    record_with_address(&store, &simulated, Some("db1:5432")).await;
    let mut clone = simulated.clone();
    clone.now += SignedDuration::from_hours(2);
    clone.restart();
    for hours in 1..4 {
        simulated.advance(24, MB);
        clone.advance(24, 2 * MB);
        assert_eq!(record_with_address(&store, &clone, Some("test:5432")).await.is_first, hours == 1);
        assert!(!record_with_address(&store, &simulated, Some("db1:5432")).await.is_first);
    }
    assert_eq!(store.cluster_branches().await.unwrap().len(), 2);
    // With another host name, it is still the same process.
    simulated.advance(24, MB);
    assert_eq!(record_with_address(&store, &simulated, Some("10.0.0.1:5432")).await.cluster_branch.branch, 1);
    // After a restart under that name, it is recognized.
    simulated.advance(24, MB);
    simulated.restart();
    assert_eq!(record_with_address(&store, &simulated, Some("10.0.0.1:5432")).await.cluster_branch.branch, 1);
}

/// A restart behind a tunnel: only continued statistics distinguish it from a copy that was restored from a backup.
#[tokio::test]
async fn branch_of_copy_without_address_is_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    record_with_address(&store, &simulated, None).await;
    simulated.advance(24, MB);
    simulated.restart();
    assert_eq!(
        record_with_address(&store, &simulated, None).await.cluster_branch.branch,
        1,
        "a clean restart keeps its statistics"
    );
    let mut copy = simulated.clone();
    copy.advance(24, MB);
    // A copy restored from a backup starts with recovery, as after a crash.
    copy.crash();
    copy.advance(1, 0);
    let recorded = record_with_address(&store, &copy, None).await;
    assert_eq!((recorded.cluster_branch.branch, recorded.is_first), (2, true));
    simulated.advance(26, MB);
    assert_eq!(
        record_with_address(&store, &simulated, None).await.cluster_branch.branch,
        1,
        "the first branch continues"
    );
}

/// A copy that was restored long ago, has written more WAL than the first cluster, and has no samples yet.
#[tokio::test]
async fn branch_of_old_copy_is_no_promotion() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    let mut copy = simulated.restored_copy();
    copy.advance(1, MB);
    copy.promoted_at = Some(copy.now);
    simulated.advance(240, MB);
    record_with_address(&store, &simulated, Some("db1:5432")).await;
    copy.advance(250, 900 * MB);
    for address in [Some("test:5432"), None] {
        assert_eq!(record_with_address(&store, &copy, address).await.cluster_branch.branch, 2);
        copy.advance(1, MB);
    }
}

#[tokio::test]
async fn branch_after_point_in_time_recovery_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    let backup = simulated.clone();
    for _ in 0..3 {
        simulated.advance(24, 10 * MB);
        record_with_address(&store, &simulated, Some("db1:5432")).await;
    }
    let mut restored = SimulatedCluster { now: simulated.now, ..backup };
    restored.timeline_id += 1;
    restored.advance(2, MB);
    restored.restart();
    let recorded = record_with_address(&store, &restored, Some("db1:5432")).await;
    assert_eq!((recorded.cluster_branch.branch, recorded.is_first), (2, true));
}

#[tokio::test]
async fn branch_without_identity_uses_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut simulated = primary_cluster();
    let without_identity = |world: &SimulatedCluster| {
        let mut snapshot = world.snapshot();
        snapshot.control = Fact::Unavailable(Unavailable::new("control file", "permission denied"));
        snapshot
    };
    let error = store.record(&with_address(without_identity(&simulated), None)).await.unwrap_err();
    assert!(matches!(error, HistoryError::NoIdentity(_)) && error.hint().is_some(), "{error}");
    for number in 0..3 {
        let recorded = store.record(&with_address(without_identity(&simulated), Some("db1:5432"))).await.unwrap();
        assert_eq!((recorded.is_first, &*recorded.cluster_branch.system_identifier), (number == 0, "at db1:5432"));
        simulated.advance(24, MB);
        simulated.restart();
        simulated.advance(1, 0);
    }
}
