//! Slots that the server invalidates, for every cause: they retain nothing.

use pg_sandbox::{Cluster, ClusterOptions, StandbyOptions, StopMode};
use serde_json::Value;

use super::fixture_servers::wait_until_true;
use super::holders::{SEGMENT, alter_system, assert_wal_is_explained, retained_by_cause, write_wal};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, find_element, report_json, run_pgtend};
use crate::clusters::{cluster_options, execute_sql, on_every_installation, on_installations_from, private_cluster};

fn small_segments() -> ClusterOptions {
    let mut options = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("max_wal_size", "64MB")
        .with_setting("min_wal_size", "2MB");
    options.initdb.push("--wal-segsize=1".to_owned());
    options.with_setting("checkpoint_timeout", "1h")
}

/// Asserts that the slot is lost for this cause, retains nothing, and that its page says so.
fn assert_lost(cluster: &Cluster, name: &str, cause: &str) -> Value {
    let report = report_json(&["slots", "-d", &cluster.conninfo()]);
    assert_nulls_explained("slots", &report);
    let slot = find_element(&report, "slots", "slot_name", name).clone();
    let shown = (&slot["verdict"], &slot["reasons"][0]["id"], &slot["reasons"][0]["cause"]);
    assert_eq!(shown, (&"lost".into(), &"invalidated".into(), &cause.into()), "{slot}");
    assert_eq!((&slot["retained_bytes"], &slot["reclaimable_bytes"]), (&0.into(), &0.into()), "{slot}");
    let page = run_pgtend(&["slots", "why", name, "-d", &cluster.conninfo()]);
    assert!(page.exit == 0 && page.stdout.contains("- invalidated"), "{page:?}");
    let wal = assert_wal_is_explained("a lost slot", cluster);
    assert!(array_field(&wal["wal"], "holders").iter().all(|holder| holder["name"] != name), "{wal}");
    slot
}

#[tokio::test]
async fn invalidated_by_max_slot_wal_keep_size() {
    on_every_installation("invalidation by max_slot_wal_keep_size", async |major, installation| {
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('l', 'test_decoding')").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('p', true)").await;
        alter_system(&cluster, "max_slot_wal_keep_size", "8MB").await;
        write_wal(&cluster, 3).await;
        execute_sql(&cluster, "postgres", "checkpoint").await;

        // Not lost yet, and the report predicts when.
        let report = report_json(&["wal", "--sample", "50ms", "-d", &cluster.conninfo()]);
        assert_nulls_explained("wal", &report);
        for slot in ["l", "p"] {
            let forecast = find_element(&report["wal"]["forecast"], "slots", "slot_name", slot);
            let safe = forecast["safe_wal_size"].as_u64().unwrap();
            assert!((SEGMENT..=9 * SEGMENT).contains(&safe), "{forecast}");
        }
        let pile_up = &report["wal"]["forecast"]["wal_accumulation"];
        assert_eq!((&pile_up["by"], &pile_up["active"]), (&"slot".into(), &false.into()), "{pile_up}");

        write_wal(&cluster, 20).await;
        execute_sql(&cluster, "postgres", "checkpoint").await;
        wait_until_true(&cluster, "select bool_and(wal_status = 'lost') from pg_replication_slots").await;
        for name in ["l", "p"] {
            let slot = assert_lost(&cluster, name, "wal_removed");
            assert_eq!(slot["restart_lsn"], Value::Null, "{slot}");
            let lives_again = array_field(&slot, "reasons").iter().any(|reason| reason["id"] == "may-live-again");
            assert_eq!(lives_again, name == "p" && major < 18, "{slot}");
        }
        let report = assert_wal_is_explained("two lost slots", &cluster);
        assert_eq!(report["wal"]["forecast"]["wal_accumulation"], Value::Null, "{report}");
        assert_eq!(array_field(&report["wal"]["forecast"], "slots").len(), 0);
    })
    .await;
}

#[tokio::test]
async fn invalidated_by_idle_timeout() {
    on_installations_from(18, "invalidation by idle_replication_slot_timeout", async |_, installation| {
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('l', 'test_decoding')").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('p', true)").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('never')").await;
        alter_system(&cluster, "idle_replication_slot_timeout", "1d").await;
        let report = report_json(&["slots", "why", "l", "-d", &cluster.conninfo()]);
        let since: jiff::Timestamp = report["slots"][0]["inactive_since"].as_str().unwrap().parse().unwrap();
        let timeout_at: jiff::Timestamp = report["why"]["timeout_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(timeout_at.duration_since(since).as_secs(), 86_400, "{report}");

        write_wal(&cluster, 8).await;
        alter_system(&cluster, "idle_replication_slot_timeout", "1s").await;
        wait_until_true(&cluster, "select now() - min(inactive_since) > interval '2 s' from pg_replication_slots").await;
        execute_sql(&cluster, "postgres", "checkpoint").await;
        let lost = "select bool_and(invalidation_reason = 'idle_timeout') from pg_replication_slots where slot_name <> 'never'";
        wait_until_true(&cluster, lost).await;
        for name in ["l", "p"] {
            let slot = assert_lost(&cluster, name, "idle_timeout");
            assert!(slot["restart_lsn"].is_string(), "the server shows its last position: {slot}");
        }
        let report = report_json(&["slots", "-d", &cluster.conninfo()]);
        assert_eq!(find_element(&report, "slots", "slot_name", "never")["verdict"], "empty", "a slot without WAL has no timeout");
        execute_sql(&cluster, "postgres", "checkpoint").await;
        let removable = retained_by_cause(&assert_wal_is_explained("timed out", &cluster), "removable-at-checkpoint");
        assert!(removable <= SEGMENT, "{removable}");
    })
    .await;
}

async fn slot_on_standby(primary: &Cluster, standby: &Cluster) {
    let create =
        execute_sql(standby, "postgres", "select pg_create_logical_replication_slot('on_standby', 'test_decoding')");
    let mut create = std::pin::pin!(create);
    // Creating the slot waits for a record of the running transactions, which an idle primary writes on request only.
    while tokio::time::timeout(std::time::Duration::from_millis(100), create.as_mut()).await.is_err() {
        execute_sql(primary, "postgres", "select pg_log_standby_snapshot()").await;
    }
}

/// A standby's logical slot conflicts with rows that VACUUM removes on the primary.
#[tokio::test]
async fn invalidated_by_rows_removed() {
    on_installations_from(16, "invalidation by removed rows", async |major, installation| {
        let mut primary = private_cluster(installation, small_segments());
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        slot_on_standby(&primary, &standby).await;
        for statement in ["create table gone (i int)", "drop table gone", "vacuum pg_class"] {
            execute_sql(&primary, "postgres", statement).await;
        }
        wait_until_true(&standby, "select wal_status = 'lost' from pg_replication_slots").await;
        let slot = assert_lost(&standby, "on_standby", if major == 16 { "not_reported" } else { "rows_removed" });
        assert_eq!(slot["conflicting"], true, "{slot}");
    })
    .await;
}

#[tokio::test]
async fn invalidated_by_wal_level() {
    on_installations_from(16, "invalidation by wal_level", async |major, installation| {
        let mut primary = private_cluster(installation, small_segments());
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        slot_on_standby(&primary, &standby).await;
        execute_sql(&primary, "postgres", "alter system set wal_level = 'replica'").await;
        primary.stop(StopMode::Fast).expect("it stops");
        primary.start_server().expect("it starts again");
        wait_until_true(&standby, "select wal_status = 'lost' from pg_replication_slots").await;
        let cause = if major == 16 { "not_reported" } else { "wal_level_insufficient" };
        let slot = assert_lost(&standby, "on_standby", cause);
        assert_eq!(slot["conflicting"], true, "{slot}");
    })
    .await;
}
