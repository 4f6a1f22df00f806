//! What audits predicted, held against what was looked at later.

use jiff::SignedDuration;
use pgtend::model::past::{Measured, Prediction};

use super::{
    on_both_dialects, open,
    world::{MB, World},
};

fn prediction(world: &World, way: Option<&str>, of: Measured, now: u64, then: u64) -> Prediction {
    Prediction {
        system_identifier: world.system_identifier.clone(),
        moved_from: None,
        address: world.address.clone(),
        server: "db1".into(),
        made_at: world.now,
        way: way.map(Into::into),
        of,
        now_bytes: now,
        bytes: then,
        low_bytes: then - MB,
        high_bytes: then + MB,
    }
}

fn shop() -> Measured {
    Measured::Database("shop".into())
}

#[tokio::test]
async fn samples_and_later_audits_measure_what_was_predicted() {
    on_both_dialects("predictions", async |url| {
        let store = open(url).await;
        let mut world = World::new();
        world.add_table("orders", 500 * MB);
        store.record(&world.snapshot()).await.unwrap();
        let made = [
            prediction(&world, None, shop(), 500 * MB, 300 * MB),
            prediction(&world, None, Measured::WalDirectory, 80 * MB, 40 * MB),
            prediction(&world, Some("dump"), shop(), 500 * MB, 250 * MB),
            prediction(&world, Some("dump"), Measured::Everything, 580 * MB, 290 * MB),
        ];
        store.predict(&made).await.unwrap();
        let measured = async || {
            let all = store.predictions().await.unwrap();
            all.iter().take(4).map(|it| it.measured_bytes.map(|bytes| bytes / MB)).collect::<Vec<_>>()
        };
        assert_eq!(store.predictions().await.unwrap()[2].prediction, made[2]);
        assert_eq!(measured().await, [None; 4], "what was there before measures nothing");

        // The clean-up is measured where it happens, ever anew.
        for left in [450, 310] {
            world.pass(24, MB);
            world.table("orders").heap.bytes = left * MB;
            world.wal_directory_bytes = 48 * MB;
            store.record(&world.snapshot()).await.unwrap();
        }
        assert_eq!(measured().await, [Some(310), Some(48), None, None]);

        // Another cluster of the same name, elsewhere: nobody says that it is the copy.
        let mut copy = World {
            system_identifier: "7400000000000000001".into(),
            address: Some("db9:5432".into()),
            ..world.clone()
        };
        copy.pass(1, MB);
        copy.table("orders").heap.bytes = 240 * MB;
        store.record(&copy.snapshot()).await.unwrap();
        assert_eq!(measured().await, [Some(310), Some(48), None, None]);

        // An audit of it says so.
        copy.pass(1, MB);
        let mut arrived = prediction(&copy, None, shop(), 251 * MB, 251 * MB);
        arrived.moved_from = Some(world.system_identifier.clone());
        let whole = Prediction { of: Measured::Everything, now_bytes: 300 * MB, ..arrived.clone() };
        store.predict(&[arrived, whole]).await.unwrap();
        assert_eq!(measured().await, [Some(310), Some(48), Some(251), Some(300)]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_takes_the_address_is_the_copy() {
    on_both_dialects("predictions by address", async |url| {
        let store = open(url).await;
        let mut world = World::new();
        world.add_table("orders", 500 * MB);
        store.predict(&[prediction(&world, Some("dump"), shop(), 500 * MB, 250 * MB)]).await.unwrap();
        let mut copy = World { system_identifier: "7400000000000000001".into(), ..world.clone() };
        copy.now += SignedDuration::from_hours(5);
        copy.table("orders").heap.bytes = 260 * MB;
        store.record(&copy.snapshot()).await.unwrap();
        let kept = store.predictions().await.unwrap();
        assert_eq!((kept[0].measured_bytes, kept[0].measured_at), (Some(260 * MB), Some(copy.now)));
        assert!((kept[0].off().unwrap() + 10.0 / 260.0).abs() < 1e-9);
        store.close().await;
    })
    .await;
}
