//! A year of daily samples: bulk load, reset, crash, promotion, a restored copy, rename, rebuild, dropped and created
//! again.

use super::{
    on_both_dialects_long, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use jiff::{SignedDuration, Timestamp};
use pgtend::facts::history::{
    ClusterBranch, Growth, IndexScans, RelationFirstSeen, SlotHistory, SubjectKind, wal_peak,
};
use pgtend::history::Store;

const RUNS: i64 = 365;
const DAILY_WAL: u64 = 1_000 * MB;

fn run_time(number: i64) -> Timestamp {
    SimulatedCluster::new().now + SignedDuration::from_hours(24 * number)
}

fn initial_cluster() -> SimulatedCluster {
    let mut cluster = SimulatedCluster::new();
    let orders = cluster.add_table("orders", 1_000 * MB);
    for index in ["orders_used", "orders_unused", "orders_monthly", "orders_rebuilt", "orders_idle_rebuilt"] {
        cluster.add_index(index, orders, 20 * MB);
    }
    cluster.add_index("orders_old_name", orders, MB);
    cluster.add_index("orders_made_again", orders, MB);
    cluster.add_table("events", 100 * MB);
    let staging = cluster.add_table("staging", MB);
    cluster.add_index("staging_idx", staging, MB);
    for slot in ["live", "frozen", "crash_looping"] {
        cluster.add_slot(slot);
    }
    cluster
}

/// Changes the cluster between two samples.
fn apply_events(cluster: &mut SimulatedCluster, number: i64) {
    cluster.advance(24, if number == 333 { 9 * DAILY_WAL } else { DAILY_WAL });
    let orders = cluster.table("orders").oid;
    match number {
        50 => cluster.reset_statistics(),
        80 => {
            for name in ["orders_rebuilt", "orders_idle_rebuilt"] {
                cluster.index(name).oid = 70_000 + number as u32;
            }
        }
        90 => cluster.crash(),
        100 => cluster.table("events").heap.bytes += 5_000 * MB,
        120 => cluster.promote_standby(run_time(10)),
        150 => cluster.index("orders_old_name").index = "orders_new_name".into(),
        180 => cluster.drop_index("orders_made_again"),
        200 => {
            cluster.add_index("orders_made_again", orders, MB);
        }
        210 => {
            cluster.tables.retain(|table| table.table != "staging");
            cluster.drop_index("staging_idx");
            let staging = cluster.add_table("staging", 2 * MB);
            cluster.add_index("staging_idx", staging, MB);
        }
        220 => cluster.restart(),
        _ => {}
    }
    cluster.table("orders").heap.bytes += 10 * MB;
    cluster.add_scans("orders_used", 50);
    cluster.add_scans("orders_rebuilt", 3);
    if number % 30 == 0 {
        cluster.add_scans("orders_monthly", 1);
    }
    let current_lsn = Some(pgtend::units::Lsn::new(cluster.lsn));
    let now = cluster.now;
    let live = cluster.slot("live");
    (live.active, live.restart_lsn, live.confirmed_flush_lsn) = (number % 10 != 0, current_lsn, current_lsn);
    if number >= 300 {
        cluster.slot("crash_looping").inactive_since = Some(now - SignedDuration::from_mins(3));
    }
}

/// Records the year, with a copy restored on day 160 that is recorded for ten days.
async fn record_a_year(store: &Store) -> (SimulatedCluster, ClusterBranch) {
    let mut cluster = initial_cluster();
    let mut cluster_branch = store.record(&cluster.snapshot()).await.unwrap().cluster_branch;
    let mut copy: Option<SimulatedCluster> = None;
    for number in 1..=RUNS {
        apply_events(&mut cluster, number);
        if number == 160 {
            copy = Some(cluster.restored_copy());
        }
        let recorded = store.record(&cluster.snapshot()).await.unwrap();
        assert!(!recorded.is_first && !recorded.was_known, "day {number}: {recorded:?}");
        cluster_branch = recorded.cluster_branch;
        if let Some(copy) = copy.as_mut().filter(|_| (161..171).contains(&number)) {
            copy.advance(24, 70 * MB);
            copy.add_scans("orders_unused", 1_000);
            let recorded = store.record(&copy.snapshot()).await.unwrap();
            assert_eq!((recorded.cluster_branch.branch, recorded.is_first), (2, number == 161), "day {number}");
        }
    }
    (cluster, cluster_branch)
}

fn find_scans<'a>(scans: &'a [IndexScans], name: &str) -> &'a IndexScans {
    scans.iter().find(|scan| scan.index == name).unwrap_or_else(|| panic!("{name} is missing in {scans:#?}"))
}

fn find_first_seen<'a>(entries: &'a [RelationFirstSeen], name: &str) -> &'a RelationFirstSeen {
    entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("{name} is missing"))
}

fn find_growth<'a>(growths: &'a [Growth], kind: SubjectKind, name: Option<&str>) -> &'a Growth {
    growths.iter().find(|g| g.subject.kind == kind && g.subject.name.as_deref() == name).unwrap()
}

#[tokio::test]
async fn history_of_one_year() {
    on_both_dialects_long("samples of one year", async |url| {
        let store = open_store(url).await;
        let (cluster, cluster_branch) = record_a_year(&store).await;
        assert_eq!(cluster_branch.branch, 1);
        let branches = store.cluster_branches().await.unwrap();
        assert_eq!(branches.iter().map(|branch| branch.branch).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store.samples(Some(cluster_branch.cluster_id)).await.unwrap().len(), RUNS as usize + 1);
        assert_eq!(store.identify(&cluster.snapshot()).await.unwrap().as_ref(), Some(&cluster_branch));

        assert_scans_across_resets(&store, &cluster_branch).await;
        assert_index_ages(&store, &cluster_branch).await;
        assert_slot_history(&store, &cluster_branch, &cluster).await;
        assert_wal_rates(&store, &cluster_branch).await;
        assert_growth_rates(&store, &cluster_branch).await;
        assert_pruning_keeps_totals(&store, &cluster_branch).await;
        store.close().await;
    })
    .await;
}

async fn assert_scans_across_resets(store: &Store, cluster_branch: &ClusterBranch) {
    let year = store.index_scans(cluster_branch.cluster_id, "shop", run_time(0), run_time(RUNS)).await.unwrap();
    let used = find_scans(&year, "orders_used");
    assert_eq!((used.scans, used.resets), (50 * RUNS as u64, 3), "by hand, crash, promotion");
    assert_eq!((used.since, used.until), (run_time(0), run_time(RUNS)));
    let unused = find_scans(&year, "orders_unused");
    assert_eq!((unused.scans, unused.resets), (0, 0), "the copy's scans were counted");
    assert_eq!(find_scans(&year, "orders_monthly").scans, 12);
    assert_eq!(find_scans(&year, "orders_rebuilt").scans, 3 * RUNS as u64);
    assert!(year.iter().all(|scans| scans.index != "orders_old_name"));

    let quarter = store.index_scans(cluster_branch.cluster_id, "shop", run_time(270), run_time(RUNS)).await.unwrap();
    let used = find_scans(&quarter, "orders_used");
    assert_eq!((used.scans, used.resets, used.since), (95 * 50, 0, run_time(270)));

    assert!(
        store.index_scans(cluster_branch.cluster_id, "elsewhere", run_time(0), run_time(9)).await.unwrap().is_empty()
    );
    assert!(store.index_scans(cluster_branch.cluster_id, "shop", run_time(0), run_time(-1)).await.unwrap().is_empty());
}

async fn assert_index_ages(store: &Store, cluster_branch: &ClusterBranch) {
    let first_seen = store.relations_first_seen(cluster_branch.cluster_id, "shop").await.unwrap();
    let dates = |name: &str| {
        let first_seen_entry = find_first_seen(&first_seen, name);
        (first_seen_entry.first_seen, first_seen_entry.certain_since)
    };
    assert_eq!(dates("orders_used"), (run_time(0), run_time(0)));
    assert_eq!(dates("orders_rebuilt"), (run_time(0), run_time(0)), "rebuilt: another OID, the same counter");
    assert_eq!(
        dates("orders_idle_rebuilt"),
        (run_time(0), run_time(80)),
        "rebuilt or created again: not distinguishable"
    );
    assert_eq!(dates("orders_new_name"), (run_time(0), run_time(0)), "renamed");
    assert_eq!(dates("orders_made_again"), (run_time(0), run_time(200)));
    assert_eq!(dates("staging"), (run_time(0), run_time(210)), "another table under the same name");
    assert_eq!(dates("staging_idx"), (run_time(0), run_time(210)));
    assert!(first_seen.iter().all(|entry| entry.is_present && entry.invalid_since.is_none()));
}

fn sample_counts(slot_history: &SlotHistory) -> (usize, usize) {
    let seen = slot_history.samples.iter().filter_map(|sample| sample.seen.as_ref());
    (seen.clone().count(), seen.filter(|seen| seen.is_active).count())
}

async fn assert_slot_history(store: &Store, cluster_branch: &ClusterBranch, cluster: &SimulatedCluster) {
    let slots = store.slot_histories(cluster_branch.cluster_id, run_time(0)).await.unwrap();
    let slot = |name: &str| slots.iter().find(|slot| slot.slot_name == name).unwrap();
    let live = slot("live");
    let record = |past: &SlotHistory| past.record.clone().unwrap();
    assert_eq!((record(live).last_active, record(live).frozen_since), (Some(run_time(RUNS)), run_time(RUNS)));
    let quiet_runs = RUNS as usize / 10 + 1;
    assert_eq!(sample_counts(live), (RUNS as usize + 1, RUNS as usize + 1 - quiet_runs));
    let frozen = slot("frozen");
    assert_eq!(
        (frozen.first_seen, record(frozen).frozen_since, record(frozen).last_active),
        (run_time(0), run_time(0), None)
    );
    assert_eq!(record(frozen).last_connected, None, "crash and restart move inactive_since, too");
    let looping = slot("crash_looping");
    assert_eq!(record(looping).last_active, None);
    assert_eq!((record(looping).last_connected, record(looping).frozen_since), (Some(cluster.now), run_time(0)));
    assert_eq!(store.slot_histories(cluster_branch.cluster_id, run_time(360)).await.unwrap()[0].samples.len(), 6);
}

async fn assert_wal_rates(store: &Store, cluster_branch: &ClusterBranch) {
    let intervals = store.wal_intervals(cluster_branch.cluster_id, run_time(0)).await.unwrap();
    let sum: u64 = intervals.iter().map(|interval| interval.bytes).sum();
    assert_eq!((intervals.len(), sum), (RUNS as usize, (RUNS as u64 + 8) * DAILY_WAL));
    let peak = wal_peak(&intervals, SignedDuration::from_hours(24)).unwrap();
    assert_eq!((peak.bytes, peak.to), (9 * DAILY_WAL, run_time(333)));
    assert_eq!(wal_peak(&intervals, SignedDuration::from_hours(6)), None, "daily samples cannot show a shorter peak");
}

async fn assert_growth_rates(store: &Store, cluster_branch: &ClusterBranch) {
    let growths = store.growth(cluster_branch.cluster_id, run_time(0), true).await.unwrap();
    let per_day = |kind, name| find_growth(&growths, kind, name).trend().unwrap();
    let orders = per_day(SubjectKind::Table, Some("orders"));
    assert_eq!(orders.bytes_per_day, 10.0 * MB as f64, "{orders:?}");
    assert_eq!(orders.bytes, (1_000 + 10 * RUNS as u64) * MB);
    assert_eq!(orders.days_until(orders.bytes + 100 * MB), Some(10.0));
    let events = per_day(SubjectKind::Table, Some("events"));
    assert_eq!((events.bytes_per_day, events.one_off_bytes), (0.0, 5_000.0 * MB as f64), "a bulk load is not a trend");
    for kind in [SubjectKind::Cluster, SubjectKind::Database] {
        let trend = per_day(kind, None);
        assert!((trend.bytes_per_day / MB as f64 - 10.0).abs() < 0.2, "{kind:?}: {trend:?}");
    }
    assert!(growths.iter().all(|g| g.subject.name.as_deref() != Some("orders_used")), "its size never changed");
}

async fn assert_pruning_keeps_totals(store: &Store, cluster_branch: &ClusterBranch) {
    let before = store.relations_first_seen(cluster_branch.cluster_id, "shop").await.unwrap();
    let month =
        store.index_scans(cluster_branch.cluster_id, "shop", run_time(RUNS - 30), run_time(RUNS)).await.unwrap();
    let pruned = store.prune(run_time(RUNS)).await.unwrap();
    assert!((75..95).contains(&pruned.kept) && pruned.samples + pruned.kept == RUNS as u64 + 11, "{pruned:?}");
    assert_eq!(store.prune(run_time(RUNS)).await.unwrap().samples, 0, "the second prune removes nothing");

    assert_eq!(store.relations_first_seen(cluster_branch.cluster_id, "shop").await.unwrap(), before);
    let scans =
        store.index_scans(cluster_branch.cluster_id, "shop", run_time(RUNS - 30), run_time(RUNS)).await.unwrap();
    assert_eq!(scans, month);
    let year = store.index_scans(cluster_branch.cluster_id, "shop", run_time(0), run_time(RUNS)).await.unwrap();
    for scans in &year {
        let days = scans.until.duration_since(scans.since).as_hours() as u64 / 24;
        match scans.index.as_str() {
            "orders_used" => assert_eq!((scans.scans, scans.resets), (50 * days, 3)),
            "orders_rebuilt" => assert_eq!(scans.scans, 3 * days),
            "orders_unused" => assert_eq!(scans.scans, 0),
            _ => {}
        }
    }
    let growths = store.growth(cluster_branch.cluster_id, run_time(0), true).await.unwrap();
    let orders = find_growth(&growths, SubjectKind::Table, Some("orders")).trend().unwrap();
    assert_eq!(orders.bytes_per_day, 10.0 * MB as f64);
    let slots = store.slot_histories(cluster_branch.cluster_id, run_time(0)).await.unwrap();
    assert!(slots.iter().all(|slot| slot.first_seen == run_time(0)));
}
