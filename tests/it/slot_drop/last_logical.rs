//! The last valid logical slot of a primary with `wal_level = replica`: without it, standbys lose their logical slots.

use pg_sandbox::{Cluster, Installation, StandbyOptions};
use serde_json::Value;

use super::program::{DropRun, run_pgtend, run_slots_drop};
use super::stream::ReplicationStream;
use crate::clusters::{
    cluster_options, execute_sql, on_installations_from, private_cluster, query_one_text, wait_until,
    wait_until_true_in,
};

/// A primary with the logical slots `first` and `orders`, and a standby with the slot `gate`.
async fn create_replica_pair(installation: &Installation) -> (Cluster, Cluster) {
    let options = cluster_options().with_setting("wal_level", "replica").with_setting("autovacuum", "off");
    let mut primary = private_cluster(installation, options);
    execute_sql(&primary, "postgres", "select pg_create_physical_replication_slot('gate', true)").await;
    let standby = StandbyOptions {
        primary_slot_name: Some("gate".to_owned()),
        hot_standby_feedback: true,
        ..StandbyOptions::default()
    };
    let standby = primary.create_standby(&standby).expect("a standby");
    for name in ["first", "orders"] {
        let create = format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')");
        execute_sql(&primary, "postgres", &create).await;
    }
    wait_until_true_in(&standby, "postgres", "select current_setting('effective_wal_level') = 'logical'").await;
    (primary, standby)
}

/// Creates a logical slot on the standby, which waits for a record of the primary's running transactions.
async fn create_slot_on_standby(primary: &Cluster, standby: &Cluster, name: &str) {
    let create = format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')");
    let created = execute_sql(standby, "postgres", &create);
    tokio::pin!(created);
    loop {
        tokio::select! {
            () = &mut created => return,
            // The primary writes the record only on request; the standby has no state to wait for.
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                execute_sql(primary, "postgres", "select pg_log_standby_snapshot()").await;
            }
        }
    }
}

async fn setting(cluster: &Cluster, name: &str) -> Option<String> {
    query_one_text(cluster, "postgres", &format!("select current_setting('{name}')")).await
}

fn reason_ids(slot: &Value) -> Vec<&str> {
    slot["reasons"].as_array().unwrap().iter().map(|reason| reason["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn drop_last_logical_slot_protects_standbys() {
    on_installations_from(19, "the last logical slot of a primary with a standby", async |_, installation| {
        let (primary, standby) = create_replica_pair(installation).await;
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").to_str().unwrap().to_owned();
        let drop = |arguments: &[&str]| run_slots_drop(&primary.conninfo(), &history, arguments);
        let unattended = ["--yes", "--allow-unproven"];
        let ended = |run: &DropRun| run.json()["ends_logical_decoding"].clone();

        let not_last = drop(&["orders", "--dry-run"]);
        assert_eq!((not_last.exit, ended(&not_last)), (0, Value::Null), "slot first remains");

        let unread = drop(&[&["first", "orders"], &unattended[..]].concat());
        assert_eq!(unread.exit, 3, "{}", unread.stderr);
        let outcomes = [unread.outcome_of("first"), unread.outcome_of("orders")];
        assert_eq!(outcomes, ["done", "last-logical-slot"], "{}", unread.stdout);
        assert_eq!(ended(&unread)["standbys"]["unread"], serde_json::json!(["slot gate"]));
        let again = drop(&[&["orders"], &unattended[..]].concat());
        assert_eq!((again.exit, again.outcome_of("orders")), (4, "last-logical-slot".to_owned()), "{}", again.stderr);
        assert!(again.stdout.contains("--allow-last-logical-slot"), "{}", again.stdout);

        let row = run_pgtend(&["slots", "--format", "json", "--history", "none", "-d", &primary.conninfo()]).json();
        let row = row["slots"].as_array().unwrap().iter().find(|slot| slot["slot_name"] == "orders").unwrap().clone();
        assert!(reason_ids(&row).contains(&"last-logical-slot"), "{row}");
        let why = run_pgtend(&["slots", "why", "orders", "--history", "none", "-d", &primary.conninfo()]);
        assert!(why.stdout.contains("last valid logical slot"), "{}", why.stdout);
        let wal = ["wal", "--disk-size", "500GB", "--history", "none", "-d", &primary.conninfo()];
        let wal = run_pgtend(&wal).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            wal.contains("idle_replication_slot_timeout = ") && wal.contains("the last valid logical slot"),
            "{wal}"
        );

        let replica = ["--replica", &standby.conninfo()];
        let read = drop(&[&["orders", "--dry-run"], &replica[..]].concat());
        let standbys = &ended(&read)["standbys"];
        assert_eq!((read.exit, standbys["unread"].as_array().map(Vec::len)), (0, Some(0)), "{}", read.stdout);
        assert_eq!(standbys["slots"], serde_json::json!([]));

        create_slot_on_standby(&primary, &standby, "busy").await;
        let mut consumer = ReplicationStream::attach(&standby, "busy", true, "0/0").await.unwrap();
        consumer.confirm(0).await.unwrap();
        let busy = drop(&[&["orders"], &unattended[..], &replica[..]].concat());
        assert_eq!((busy.exit, busy.outcome_of("orders")), (4, "last-logical-slot".to_owned()), "{}", busy.stderr);
        let lost = &ended(&busy)["standbys"]["slots"][0];
        assert_eq!((&lost["slot_name"], &lost["active"]), (&"busy".into(), &true.into()), "{}", busy.stdout);
        assert_eq!(setting(&primary, "effective_wal_level").await.as_deref(), Some("logical"));

        let allowed = drop(&[&["orders", "--allow-last-logical-slot"], &unattended[..]].concat());
        assert_eq!((allowed.exit, allowed.outcome_of("orders")), (0, "done".to_owned()), "{}", allowed.stderr);
        assert!(allowed.stderr.contains("Last valid logical slot"), "{}", allowed.stderr);
        let is_lost = "select invalidation_reason = 'wal_level_insufficient' from pg_replication_slots";
        wait_until_true_in(&standby, "postgres", is_lost).await;
        assert_eq!(setting(&primary, "effective_wal_level").await.as_deref(), Some("replica"));
        let check = ["check", "--format", "json", "--history", "none", "-d", &standby.conninfo()];
        let findings = run_pgtend(&check).json()["findings"].clone();
        let lost = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "lost-slot").unwrap();
        assert!(lost["message"].as_str().unwrap().contains("its last valid logical slot was dropped"), "{lost}");
    })
    .await;
}

#[tokio::test]
async fn drop_last_logical_slot_without_standby() {
    on_installations_from(19, "the last logical slot of a single server", async |_, installation| {
        let options = cluster_options().with_setting("wal_level", "replica").with_setting("autovacuum", "off");
        let primary = private_cluster(installation, options);
        execute_sql(&primary, "postgres", "select pg_create_logical_replication_slot('orders', 'test_decoding')").await;
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").to_str().unwrap().to_owned();
        let dropped = run_slots_drop(&primary.conninfo(), &history, &["orders", "--yes", "--allow-unproven"]);
        assert_eq!((dropped.exit, dropped.outcome_of("orders")), (0, "done".to_owned()), "{}", dropped.stderr);
        assert!(dropped.stderr.contains("fed from an archive are not visible"), "{}", dropped.stderr);
        wait_until("the end of logical decoding", async || {
            setting(&primary, "effective_wal_level").await.as_deref() == Some("replica")
        })
        .await;
    })
    .await;
}
