//! A year of nights: load, reset, crash, promotion, a restored copy beside, rename, rebuild, dropped and made again.

use super::{
    on_both_dialects, open,
    world::{MB, World},
};
use jiff::{SignedDuration, Timestamp};
use pgtend::{
    history::Store,
    model::past::{Growth, IndexScans, Lineage, Sighting, SlotPast, SubjectKind, wal_peak},
};

const NIGHTS: i64 = 365;
const NIGHTLY_WAL: u64 = 1_000 * MB;

fn night(number: i64) -> Timestamp {
    World::new().now + SignedDuration::from_hours(24 * number)
}

fn beginning() -> World {
    let mut world = World::new();
    let orders = world.add_table("orders", 1_000 * MB);
    for index in ["orders_used", "orders_unused", "orders_monthly", "orders_rebuilt", "orders_idle_rebuilt"] {
        world.add_index(index, orders, 20 * MB);
    }
    world.add_index("orders_old_name", orders, MB);
    world.add_index("orders_made_again", orders, MB);
    world.add_table("events", 100 * MB);
    let staging = world.add_table("staging", MB);
    world.add_index("staging_idx", staging, MB);
    for slot in ["live", "frozen", "crash_looping"] {
        world.add_slot(slot);
    }
    world
}

/// What happens between two nights.
fn live_through(world: &mut World, number: i64) {
    world.pass(24, if number == 333 { 9 * NIGHTLY_WAL } else { NIGHTLY_WAL });
    let orders = world.table("orders").oid;
    match number {
        50 => world.reset_statistics(),
        80 => {
            for name in ["orders_rebuilt", "orders_idle_rebuilt"] {
                world.index(name).oid = 70_000 + number as u32;
            }
        }
        90 => world.crash(),
        100 => world.table("events").heap.bytes += 5_000 * MB,
        120 => world.fail_over(night(10)),
        150 => world.index("orders_old_name").index = "orders_new_name".into(),
        180 => world.drop_index("orders_made_again"),
        200 => {
            world.add_index("orders_made_again", orders, MB);
        }
        210 => {
            world.tables.retain(|table| table.table != "staging");
            world.drop_index("staging_idx");
            let staging = world.add_table("staging", 2 * MB);
            world.add_index("staging_idx", staging, MB);
        }
        220 => world.restart(),
        _ => {}
    }
    world.table("orders").heap.bytes += 10 * MB;
    world.scan("orders_used", 50);
    world.scan("orders_rebuilt", 3);
    if number % 30 == 0 {
        world.scan("orders_monthly", 1);
    }
    let here = Some(pgtend::model::Lsn(world.lsn));
    let now = world.now;
    let live = world.slot("live");
    (live.active, live.restart_lsn, live.confirmed_flush_lsn) = (number % 10 != 0, here, here);
    if number >= 300 {
        world.slot("crash_looping").inactive_since = Some(now - SignedDuration::from_mins(3));
    }
}

/// The year, with a copy restored on night 160 that is looked at for ten nights.
async fn live_a_year(store: &Store) -> (World, Lineage) {
    let mut world = beginning();
    let mut lineage = store.record(&world.snapshot()).await.unwrap().lineage;
    let mut copy: Option<World> = None;
    for number in 1..=NIGHTS {
        live_through(&mut world, number);
        if number == 160 {
            copy = Some(world.restored_copy());
        }
        let recorded = store.record(&world.snapshot()).await.unwrap();
        assert!(!recorded.is_first && !recorded.was_known, "night {number}: {recorded:?}");
        lineage = recorded.lineage;
        if let Some(copy) = copy.as_mut().filter(|_| (161..171).contains(&number)) {
            copy.pass(24, 70 * MB);
            copy.scan("orders_unused", 1_000);
            let recorded = store.record(&copy.snapshot()).await.unwrap();
            assert_eq!((recorded.lineage.branch, recorded.is_first), (2, number == 161), "night {number}");
        }
    }
    (world, lineage)
}

fn scans_of<'a>(scans: &'a [IndexScans], name: &str) -> &'a IndexScans {
    scans.iter().find(|scan| scan.index == name).unwrap_or_else(|| panic!("{name} is not in {scans:#?}"))
}

fn sighting<'a>(sightings: &'a [Sighting], name: &str) -> &'a Sighting {
    sightings.iter().find(|sighting| sighting.name == name).unwrap_or_else(|| panic!("{name} was never seen"))
}

fn growth<'a>(growths: &'a [Growth], kind: SubjectKind, name: Option<&str>) -> &'a Growth {
    growths.iter().find(|g| g.subject.kind == kind && g.subject.name.as_deref() == name).unwrap()
}

#[tokio::test]
async fn a_year_of_nights() {
    on_both_dialects("a year of nights", async |url| {
        let store = open(url).await;
        let (world, lineage) = live_a_year(&store).await;
        assert_eq!(lineage.branch, 1);
        let lineages = store.lineages().await.unwrap();
        assert_eq!(lineages.iter().map(|lineage| lineage.branch).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store.samples(Some(lineage.cluster_id)).await.unwrap().len(), NIGHTS as usize + 1);
        assert_eq!(store.identify(&world.snapshot()).await.unwrap().as_ref(), Some(&lineage));

        use_is_counted_across_resets(&store, &lineage).await;
        ages_are_known(&store, &lineage).await;
        slots_are_known(&store, &lineage, &world).await;
        wal_is_known(&store, &lineage).await;
        sizes_have_rates(&store, &lineage).await;
        pruning_keeps_what_is_true(&store, &lineage).await;
        store.close().await;
    })
    .await;
}

async fn use_is_counted_across_resets(store: &Store, lineage: &Lineage) {
    let year = store.index_scans(lineage.cluster_id, "shop", night(0), night(NIGHTS)).await.unwrap();
    let used = scans_of(&year, "orders_used");
    assert_eq!((used.scans, used.resets), (50 * NIGHTS as u64, 3), "by hand, crash, promotion");
    assert_eq!((used.since, used.until), (night(0), night(NIGHTS)));
    let unused = scans_of(&year, "orders_unused");
    assert_eq!((unused.scans, unused.resets), (0, 0), "the copy's scans are not ours");
    assert_eq!(scans_of(&year, "orders_monthly").scans, 12);
    assert_eq!(scans_of(&year, "orders_rebuilt").scans, 3 * NIGHTS as u64);
    assert!(year.iter().all(|scans| scans.index != "orders_old_name"));

    let quarter = store.index_scans(lineage.cluster_id, "shop", night(270), night(NIGHTS)).await.unwrap();
    let used = scans_of(&quarter, "orders_used");
    assert_eq!((used.scans, used.resets, used.since), (95 * 50, 0, night(270)));

    assert!(store.index_scans(lineage.cluster_id, "elsewhere", night(0), night(9)).await.unwrap().is_empty());
    assert!(store.index_scans(lineage.cluster_id, "shop", night(0), night(-1)).await.unwrap().is_empty());
}

async fn ages_are_known(store: &Store, lineage: &Lineage) {
    let sightings = store.sightings(lineage.cluster_id, "shop").await.unwrap();
    let dates = |name: &str| {
        let sighting = sighting(&sightings, name);
        (sighting.first_seen, sighting.certain_since)
    };
    assert_eq!(dates("orders_used"), (night(0), night(0)));
    assert_eq!(dates("orders_rebuilt"), (night(0), night(0)), "rebuilt: another OID, the same counter");
    assert_eq!(dates("orders_idle_rebuilt"), (night(0), night(80)), "rebuilt or made again: nothing tells");
    assert_eq!(dates("orders_new_name"), (night(0), night(0)), "renamed");
    assert_eq!(dates("orders_made_again"), (night(0), night(200)));
    assert_eq!(dates("staging"), (night(0), night(210)), "another table under the same name");
    assert_eq!(dates("staging_idx"), (night(0), night(210)));
    assert!(sightings.iter().all(|sighting| sighting.is_present && sighting.invalid_since.is_none()));
}

fn seen_and_active(past: &SlotPast) -> (usize, usize) {
    let seen = past.looks.iter().filter_map(|look| look.seen.as_ref());
    (seen.clone().count(), seen.filter(|seen| seen.is_active).count())
}

async fn slots_are_known(store: &Store, lineage: &Lineage, world: &World) {
    let slots = store.slot_pasts(lineage.cluster_id, night(0)).await.unwrap();
    let slot = |name: &str| slots.iter().find(|slot| slot.slot_name == name).unwrap();
    let live = slot("live");
    let record = |past: &SlotPast| past.record.clone().unwrap();
    assert_eq!((record(live).last_active, record(live).frozen_since), (Some(night(NIGHTS)), night(NIGHTS)));
    let quiet_nights = NIGHTS as usize / 10 + 1;
    assert_eq!(seen_and_active(live), (NIGHTS as usize + 1, NIGHTS as usize + 1 - quiet_nights));
    let frozen = slot("frozen");
    assert_eq!(
        (frozen.first_seen, record(frozen).frozen_since, record(frozen).last_active),
        (night(0), night(0), None)
    );
    assert_eq!(record(frozen).last_visited, None, "crash and restart move inactive_since, too");
    let looping = slot("crash_looping");
    assert_eq!(record(looping).last_active, None);
    assert_eq!((record(looping).last_visited, record(looping).frozen_since), (Some(world.now), night(0)));
    assert_eq!(store.slot_pasts(lineage.cluster_id, night(360)).await.unwrap()[0].looks.len(), 6);
}

async fn wal_is_known(store: &Store, lineage: &Lineage) {
    let intervals = store.wal_intervals(lineage.cluster_id, night(0)).await.unwrap();
    let all: u64 = intervals.iter().map(|interval| interval.bytes).sum();
    assert_eq!((intervals.len(), all), (NIGHTS as usize, (NIGHTS as u64 + 8) * NIGHTLY_WAL));
    let peak = wal_peak(&intervals, SignedDuration::from_hours(24)).unwrap();
    assert_eq!((peak.bytes, peak.to), (9 * NIGHTLY_WAL, night(333)));
    assert_eq!(wal_peak(&intervals, SignedDuration::from_hours(6)), None, "one look a night knows no shorter peak");
}

async fn sizes_have_rates(store: &Store, lineage: &Lineage) {
    let growths = store.growth(lineage.cluster_id, night(0), true).await.unwrap();
    let per_day = |kind, name| growth(&growths, kind, name).trend().unwrap();
    let orders = per_day(SubjectKind::Table, Some("orders"));
    assert_eq!(orders.bytes_per_day, 10.0 * MB as f64, "{orders:?}");
    assert_eq!(orders.bytes, (1_000 + 10 * NIGHTS as u64) * MB);
    assert_eq!(orders.days_until(orders.bytes + 100 * MB), Some(10.0));
    let events = per_day(SubjectKind::Table, Some("events"));
    assert_eq!((events.bytes_per_day, events.one_off_bytes), (0.0, 5_000.0 * MB as f64), "a load is no trend");
    for kind in [SubjectKind::Cluster, SubjectKind::Database] {
        let trend = per_day(kind, None);
        assert!((trend.bytes_per_day / MB as f64 - 10.0).abs() < 0.2, "{kind:?}: {trend:?}");
    }
    assert!(growths.iter().all(|g| g.subject.name.as_deref() != Some("orders_used")), "it never changed its size");
}

async fn pruning_keeps_what_is_true(store: &Store, lineage: &Lineage) {
    let before = store.sightings(lineage.cluster_id, "shop").await.unwrap();
    let month = store.index_scans(lineage.cluster_id, "shop", night(NIGHTS - 30), night(NIGHTS)).await.unwrap();
    let pruned = store.prune(night(NIGHTS)).await.unwrap();
    assert!((75..95).contains(&pruned.kept) && pruned.samples + pruned.kept == NIGHTS as u64 + 11, "{pruned:?}");
    assert_eq!(store.prune(night(NIGHTS)).await.unwrap().samples, 0, "once is enough");

    assert_eq!(store.sightings(lineage.cluster_id, "shop").await.unwrap(), before);
    let scans = store.index_scans(lineage.cluster_id, "shop", night(NIGHTS - 30), night(NIGHTS)).await.unwrap();
    assert_eq!(scans, month);
    let year = store.index_scans(lineage.cluster_id, "shop", night(0), night(NIGHTS)).await.unwrap();
    for scans in &year {
        let nights = scans.until.duration_since(scans.since).as_hours() as u64 / 24;
        match scans.index.as_str() {
            "orders_used" => assert_eq!((scans.scans, scans.resets), (50 * nights, 3)),
            "orders_rebuilt" => assert_eq!(scans.scans, 3 * nights),
            "orders_unused" => assert_eq!(scans.scans, 0),
            _ => {}
        }
    }
    let growths = store.growth(lineage.cluster_id, night(0), true).await.unwrap();
    let orders = growth(&growths, SubjectKind::Table, Some("orders")).trend().unwrap();
    assert_eq!(orders.bytes_per_day, 10.0 * MB as f64);
    let slots = store.slot_pasts(lineage.cluster_id, night(0)).await.unwrap();
    assert!(slots.iter().all(|slot| slot.first_seen == night(0)));
}
