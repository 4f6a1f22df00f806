//! Predictions of audits, compared with later samples.

use jiff::SignedDuration;
use pgtend::facts::history::{PredictedQuantity, Prediction};

use super::{
    on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};

fn new_prediction(
    cluster: &SimulatedCluster,
    method: Option<&str>,
    measured: PredictedQuantity,
    current_bytes: u64,
    predicted_bytes: u64,
) -> Prediction {
    Prediction {
        system_identifier: cluster.system_identifier.clone(),
        moved_from: None,
        address: cluster.address.clone(),
        server: "db1".into(),
        made_at: cluster.now,
        method: method.map(Into::into),
        of: measured,
        now_bytes: current_bytes,
        bytes: predicted_bytes,
        low_bytes: predicted_bytes - MB,
        high_bytes: predicted_bytes + MB,
    }
}

fn shop_measured() -> PredictedQuantity {
    PredictedQuantity::Database("shop".into())
}

#[tokio::test]
async fn predictions_are_measured_by_later_samples() {
    on_both_dialects("predictions", async |url| {
        let store = open_store(url).await;
        let mut cluster = SimulatedCluster::new();
        cluster.add_table("orders", 500 * MB);
        store.record(&cluster.snapshot()).await.unwrap();
        let made = [
            new_prediction(&cluster, None, shop_measured(), 500 * MB, 300 * MB),
            new_prediction(&cluster, None, PredictedQuantity::WalDirectory, 80 * MB, 40 * MB),
            new_prediction(&cluster, Some("dump"), shop_measured(), 500 * MB, 250 * MB),
            new_prediction(&cluster, Some("dump"), PredictedQuantity::Everything, 580 * MB, 290 * MB),
        ];
        store.write_predictions(&made).await.unwrap();
        let measured = async || {
            let predictions = store.predictions().await.unwrap();
            predictions
                .iter()
                .take(4)
                .map(|prediction| prediction.measured_bytes.map(|bytes| bytes / MB))
                .collect::<Vec<_>>()
        };
        assert_eq!(store.predictions().await.unwrap()[2].prediction, made[2]);
        assert_eq!(measured().await, [None; 4], "earlier samples measure nothing");

        // Maintenance is measured on the same cluster, with each new sample.
        for left in [450, 310] {
            cluster.advance(24, MB);
            cluster.table("orders").heap.bytes = left * MB;
            cluster.wal_directory_bytes = 48 * MB;
            store.record(&cluster.snapshot()).await.unwrap();
        }
        assert_eq!(measured().await, [Some(310), Some(48), None, None]);

        // Another cluster of the same name elsewhere is not identified as the copy.
        let mut copy = SimulatedCluster {
            system_identifier: "7400000000000000001".into(),
            address: Some("db9:5432".into()),
            ..cluster.clone()
        };
        copy.advance(1, MB);
        copy.table("orders").heap.bytes = 240 * MB;
        store.record(&copy.snapshot()).await.unwrap();
        assert_eq!(measured().await, [Some(310), Some(48), None, None]);

        // An audit with `--moved-from` identifies it.
        copy.advance(1, MB);
        let mut arrived = new_prediction(&copy, None, shop_measured(), 251 * MB, 251 * MB);
        arrived.moved_from = Some(cluster.system_identifier.clone());
        let everything = Prediction { of: PredictedQuantity::Everything, now_bytes: 300 * MB, ..arrived.clone() };
        store.write_predictions(&[arrived, everything]).await.unwrap();
        assert_eq!(measured().await, [Some(310), Some(48), Some(251), Some(300)]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn predictions_copy_is_found_by_address() {
    on_both_dialects("predictions by address", async |url| {
        let store = open_store(url).await;
        let mut cluster = SimulatedCluster::new();
        cluster.add_table("orders", 500 * MB);
        store
            .write_predictions(&[new_prediction(&cluster, Some("dump"), shop_measured(), 500 * MB, 250 * MB)])
            .await
            .unwrap();
        let mut copy = SimulatedCluster { system_identifier: "7400000000000000001".into(), ..cluster.clone() };
        copy.now += SignedDuration::from_hours(5);
        copy.table("orders").heap.bytes = 260 * MB;
        store.record(&copy.snapshot()).await.unwrap();
        let kept = store.predictions().await.unwrap();
        assert_eq!((kept[0].measured_bytes, kept[0].measured_at), (Some(260 * MB), Some(copy.now)));
        assert!((kept[0].relative_error().unwrap() + 10.0 / 260.0).abs() < 1e-9);
        store.close().await;
    })
    .await;
}
