//! Intent before, outcome after, and what was promised against what was measured.

use super::{
    on_both_dialects, open,
    world::{MB, World},
};
use jiff::SignedDuration;
use pgtend::{
    history::HistoryError,
    model::past::{Gauge, Intent, Outcome, OutcomeKind},
};
use serde_json::json;

fn intent(world: &World, gauge: Gauge, before_bytes: u64) -> Intent {
    Intent {
        system_identifier: Some(world.system_identifier.clone()),
        server: "\"db1\", port 5432".into(),
        database: "shop".into(),
        role: "pgtend".into(),
        kind: "drop-slot".into(),
        subject: "it's \"frozen\"".into(),
        statement: "select pg_drop_replication_slot('frozen')".into(),
        seen: json!({"slot_name": "frozen", "restart_lsn": "0/1A", "active": false}),
        promised_bytes: Some(50 * MB),
        gauge: Some(gauge),
        before_bytes: Some(before_bytes),
        begun_at: world.now,
    }
}

fn done(world: &World) -> Outcome {
    let finished_at = world.now + SignedDuration::from_secs(1);
    Outcome { outcome: OutcomeKind::Done, detail: None, finished_at }
}

#[tokio::test]
async fn an_intent_stays_open_until_its_outcome_is_known() {
    on_both_dialects("open intents", async |url| {
        let world = World::new();
        let store = open(url).await;
        let first = store.intend(&intent(&world, Gauge::WalDirectory, 80 * MB)).await.unwrap();
        let second = store.intend(&intent(&world, Gauge::WalDirectory, 80 * MB)).await.unwrap();
        // The program ends here without a word, and the next one starts.
        store.close().await;
        let store = open(url).await;
        let open: Vec<i64> = store.open_intents().await.unwrap().iter().map(|deed| deed.deed_id).collect();
        assert_eq!(open, [first, second]);
        let refused =
            Outcome { outcome: OutcomeKind::Refused, detail: Some("it became active".into()), ..done(&world) };
        store.conclude(first, &refused).await.unwrap();
        let twice = store.conclude(first, &done(&world)).await.unwrap_err();
        assert!(matches!(twice, HistoryError::NoSuchDeed(_)), "{twice}");
        let open = store.open_intents().await.unwrap();
        assert_eq!((open.len(), &open[0].intent), (1, &intent(&world, Gauge::WalDirectory, 80 * MB)));
        assert_eq!(store.deeds().await.unwrap()[0].outcome, Some(refused));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn later_samples_measure_what_was_promised() {
    on_both_dialects("promised against measured", async |url| {
        let store = open(url).await;
        let mut world = World::new();
        world.add_table("orders", 500 * MB);
        store.record(&world.snapshot()).await.unwrap();
        world.pass(1, MB);
        for (gauge, before) in
            [(Gauge::WalDirectory, world.wal_directory_bytes), (Gauge::Database("shop".into()), 500 * MB)]
        {
            let deed = store.intend(&intent(&world, gauge, before)).await.unwrap();
            store.conclude(deed, &done(&world)).await.unwrap();
        }
        let unmeasured = store.deeds().await.unwrap();
        assert!(unmeasured.iter().all(|deed| deed.measured_bytes.is_none()), "nobody has looked since");

        // A minute later the server has not made a checkpoint yet.
        world.now += SignedDuration::from_mins(1);
        world.table("orders").heap.bytes = 470 * MB;
        store.record(&world.snapshot()).await.unwrap();
        let deeds = store.deeds().await.unwrap();
        assert_eq!((deeds[0].measured_bytes, deeds[1].measured_bytes), (None, Some(30 * MB as i64)));

        world.pass(24, MB);
        world.wal_directory_bytes -= 20 * MB;
        store.record(&world.snapshot()).await.unwrap();
        let deeds = store.deeds().await.unwrap();
        assert_eq!((deeds[0].intent.promised_bytes, deeds[0].measured_bytes), (Some(50 * MB), Some(20 * MB as i64)));
        assert_eq!(deeds[0].measured_at, Some(world.now));
        store.close().await;
    })
    .await;
}
