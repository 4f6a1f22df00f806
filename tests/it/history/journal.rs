//! The journal: an intent before and an outcome after each action, and the predicted and the measured result.

use super::{
    on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use jiff::SignedDuration;
use pgtend::facts::history::{Intent, JournalOutcome, JournalOutcomeKind, MeasuredQuantity};
use pgtend::history::HistoryError;
use serde_json::json;

fn sample_intent(cluster: &SimulatedCluster, quantity: MeasuredQuantity, before_bytes: u64) -> Intent {
    Intent {
        system_identifier: Some(cluster.system_identifier.clone()),
        server: "\"db1\", port 5432".into(),
        database: "shop".into(),
        role: "pgtend".into(),
        kind: "drop-slot".into(),
        subject: "it's \"frozen\"".into(),
        statement: "select pg_drop_replication_slot('frozen')".into(),
        seen: json!({"slot_name": "frozen", "restart_lsn": "0/1A", "active": false}),
        promised_bytes: Some(50 * MB),
        quantity: Some(quantity),
        before_bytes: Some(before_bytes),
        begun_at: cluster.now,
    }
}

fn sample_outcome(cluster: &SimulatedCluster) -> JournalOutcome {
    let finished_at = cluster.now + SignedDuration::from_secs(1);
    JournalOutcome { outcome: JournalOutcomeKind::Done, detail: None, finished_at }
}

#[tokio::test]
async fn journal_intent_stays_open_until_outcome() {
    on_both_dialects("open intents", async |url| {
        let cluster = SimulatedCluster::new();
        let store = open_store(url).await;
        let first =
            store.write_intent(&sample_intent(&cluster, MeasuredQuantity::WalDirectory, 80 * MB)).await.unwrap();
        let second =
            store.write_intent(&sample_intent(&cluster, MeasuredQuantity::WalDirectory, 80 * MB)).await.unwrap();
        // The program ends here without an outcome, and the next one starts.
        store.close().await;
        let store = open_store(url).await;
        let open: Vec<i64> = store.open_journal_entries().await.unwrap().iter().map(|entry| entry.journal_id).collect();
        assert_eq!(open, [first, second]);
        let refused = JournalOutcome {
            outcome: JournalOutcomeKind::Refused,
            detail: Some("it became active".into()),
            ..sample_outcome(&cluster)
        };
        store.write_outcome(first, &refused).await.unwrap();
        let twice = store.write_outcome(first, &sample_outcome(&cluster)).await.unwrap_err();
        assert!(matches!(twice, HistoryError::NoOpenEntry(_)), "{twice}");
        let open = store.open_journal_entries().await.unwrap();
        assert_eq!(
            (open.len(), &open[0].intent),
            (1, &sample_intent(&cluster, MeasuredQuantity::WalDirectory, 80 * MB))
        );
        assert_eq!(store.journal_entries().await.unwrap()[0].outcome, Some(refused));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn journal_later_samples_measure_the_result() {
    on_both_dialects("predicted and measured results", async |url| {
        let store = open_store(url).await;
        let mut cluster = SimulatedCluster::new();
        cluster.add_table("orders", 500 * MB);
        store.record(&cluster.snapshot()).await.unwrap();
        cluster.advance(1, MB);
        for (quantity, before) in [
            (MeasuredQuantity::WalDirectory, cluster.wal_directory_bytes),
            (MeasuredQuantity::Database("shop".into()), 500 * MB),
        ] {
            let journal_id = store.write_intent(&sample_intent(&cluster, quantity, before)).await.unwrap();
            store.write_outcome(journal_id, &sample_outcome(&cluster)).await.unwrap();
        }
        let unmeasured = store.journal_entries().await.unwrap();
        assert!(unmeasured.iter().all(|entry| entry.measured_bytes.is_none()), "there is no later sample");

        // One minute later the server has not made a checkpoint yet.
        cluster.now += SignedDuration::from_mins(1);
        cluster.table("orders").heap.bytes = 470 * MB;
        store.record(&cluster.snapshot()).await.unwrap();
        let entries = store.journal_entries().await.unwrap();
        assert_eq!((entries[0].measured_bytes, entries[1].measured_bytes), (None, Some(30 * MB as i64)));

        cluster.advance(24, MB);
        cluster.wal_directory_bytes -= 20 * MB;
        store.record(&cluster.snapshot()).await.unwrap();
        let entries = store.journal_entries().await.unwrap();
        assert_eq!(
            (entries[0].intent.promised_bytes, entries[0].measured_bytes),
            (Some(50 * MB), Some(20 * MB as i64))
        );
        assert_eq!(entries[0].measured_at, Some(cluster.now));
        store.close().await;
    })
    .await;
}
