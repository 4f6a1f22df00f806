//! Native replication: initial copies, failover slots and a promotion, prepared transactions. pg_wal is explained in
//! each state.

use std::time::{Duration, Instant};

use pg_sandbox::{Cluster, ClusterOptions, StandbyOptions, StopMode};
use serde_json::Value;

use super::fixture_servers::{execute_batch, wait_until_true};
use super::holders::{assert_wal_is_explained, write_wal};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, find_element, report_json, run_pgtend};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, on_every_installation,
    on_installations_from, private_cluster, query_one_text, wait_until_true_in,
};

fn small_segments() -> ClusterOptions {
    let mut options = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("max_wal_size", "8MB")
        .with_setting("min_wal_size", "2MB");
    options.initdb.push("--wal-segsize=1".to_owned());
    options.with_setting("max_prepared_transactions", "5")
}

fn find_slot(cluster: &Cluster, name: &str) -> Value {
    let report = report_json(&["slots", "-d", &cluster.conninfo()]);
    assert_nulls_explained("slots", &report);
    find_element(&report, "slots", "slot_name", name).clone()
}

fn find_reason<'a>(slot: &'a Value, id: &str) -> Option<&'a Value> {
    array_field(slot, "reasons").iter().find(|reason| reason["id"] == id)
}

/// Creates a subscription in another database of the cluster, with an existing slot.
async fn create_subscription(cluster: &Cluster, name: &str, with: &str) {
    execute_sql(
        cluster,
        "postgres",
        &format!("create table a (i int primary key); create publication {name} for table a"),
    )
    .await;
    execute_sql(cluster, "postgres", "create database target").await;
    execute_sql(cluster, "target", "create table a (i int primary key)").await;
    let text = format!(
        "create subscription {name} connection '{}' publication {name} with (create_slot = false{with})",
        cluster.conninfo()
    );
    execute_sql(cluster, "target", &text).await;
}

const TABLES_IN_SYNC: &str = "select count(*) = 2 and bool_and(srsubstate = 'r') from pg_subscription_rel";

#[tokio::test]
async fn replication_table_sync_slot_is_temporary() {
    on_every_installation("table synchronization", async |major, installation| {
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('my_copy', 'pgoutput')").await;
        create_subscription(&cluster, "my_copy", "").await;
        // The copy of the second table stops at its first row.
        execute_sql(&cluster, "postgres", "create table b (i int primary key); insert into b values (1)").await;
        let table = "create table b (i int primary key);
             create function wait() returns trigger language plpgsql as
                $$begin perform pg_advisory_xact_lock(42); return new; end$$;
             create trigger wait before insert on b for each row execute function wait();
             alter table b enable always trigger wait";
        execute_sql(&cluster, "target", table).await;
        let holder = connect_superuser(&cluster, "target").await;
        execute_batch(&holder, "select pg_advisory_lock(42)").await;
        execute_sql(&cluster, "postgres", "alter publication my_copy add table b").await;
        execute_sql(&cluster, "target", "alter subscription my_copy refresh publication").await;
        let waits = "select count(*) = 1 from pg_locks where locktype = 'advisory' and not granted";
        wait_until_true_in(&cluster, "target", waits).await;
        write_wal(&cluster, 4).await;
        assert_wal_is_explained("during the copy of a table", &cluster);
        let name = query_one_text(
            &cluster,
            "postgres",
            "select slot_name from pg_replication_slots where slot_name like '%\\_sync\\_%'",
        );
        let name = name.await.expect("a slot of the copy");
        let copying = find_slot(&cluster, &name);
        assert_eq!(copying["owner"]["name"], "initial copy of a subscription", "{copying}");
        // From 14 on the slot is not active while the rows are copied.
        assert_eq!(
            (&copying["active"], &copying["temporary"]),
            (&(major == 13).into(), &(major == 13).into()),
            "{copying}"
        );
        assert_eq!(copying["verdict"], "healthy", "{copying}");
        assert_eq!(find_reason(&copying, "in-use").unwrap()["by"], name.as_str(), "{copying}");
        execute_batch(&holder, "select pg_advisory_unlock(42)").await;
        wait_until_true_in(&cluster, "target", TABLES_IN_SYNC).await;
        wait_until_true(&cluster, "select count(*) = 1 from pg_replication_slots").await;
        assert_eq!(find_slot(&cluster, "my_copy")["verdict"], "healthy");
        assert_wal_is_explained("after the copy of a table", &cluster);
    })
    .await;
}

#[tokio::test]
async fn replication_prepared_transaction_pins_slot() {
    on_a_major_and_the_newest(13, "slot pinned by a prepared transaction", async |_, installation| {
        let cluster = private_cluster(installation, small_segments());
        execute_sql(&cluster, "postgres", "select pg_create_logical_replication_slot('pinned', 'pgoutput')").await;
        create_subscription(&cluster, "pinned", ", copy_data = false").await;
        wait_until_true(&cluster, "select active from pg_replication_slots").await;
        execute_sql(&cluster, "postgres", "begin; insert into a values (1); prepare transaction 'forgotten'").await;
        for _ in 0..2 {
            write_wal(&cluster, 8).await;
            execute_sql(&cluster, "postgres", "checkpoint").await;
        }
        let pinned = "select confirmed_flush_lsn - restart_lsn > 10000000 from pg_replication_slots";
        wait_until_true(&cluster, pinned).await;
        let report = assert_wal_is_explained("a prepared transaction", &cluster);
        let binding = array_field(&report["wal"], "holders").iter().find(|holder| holder["binding"] == true).unwrap();
        assert_eq!((&binding["cause"], &binding["name"]), (&"slot".into(), &"pinned".into()), "{report}");
        let found = find_slot(&cluster, "pinned");
        assert_eq!(found["verdict"], "lagging", "{found}");
        assert_eq!(find_reason(&found, "pinned-by-prepared").unwrap()["gid"], "forgotten", "{found}");
        execute_sql(&cluster, "postgres", "rollback prepared 'forgotten'").await;
        let mut released = false;
        for _ in 0..100 {
            // The slot advances with the next record of the running transactions that its consumer confirms.
            execute_sql(&cluster, "postgres", "insert into a select coalesce(max(i), 1) + 1 from a; checkpoint").await;
            let query = "select confirmed_flush_lsn - restart_lsn < 1000000 from pg_replication_slots";
            released = query_one_text(&cluster, "postgres", query).await.as_deref() == Some("t");
            if released {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(released, "{}", find_slot(&cluster, "pinned"));
        execute_sql(&cluster, "postgres", "checkpoint").await;
        assert_wal_is_explained("rolled back", &cluster);
    })
    .await;
}

/// Drops the slot with every flag. Returns the exit code, and the outcome or the refusal.
fn drop_with_every_flag(cluster: &Cluster, name: &str, and: &[&str]) -> (i32, String) {
    let common = ["slots", "drop", name, "--yes", "--allow-unproven", "--no-journal", "--format", "json", "-d"];
    let answer = run_pgtend(&[&common[..], &[&cluster.conninfo()], and].concat());
    let report: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    let drop_entry = find_element(&report, "drops", "slot_name", name);
    let id = drop_entry["outcome"].as_str().or(drop_entry["refusals"][0]["id"].as_str());
    (answer.exit, id.unwrap_or_else(|| panic!("{drop_entry}")).to_owned())
}

/// A primary with an active failover slot, and a standby that synchronizes it.
async fn failover_pair(installation: &pg_sandbox::Installation) -> (Cluster, Cluster) {
    let mut primary = private_cluster(installation, small_segments());
    execute_sql(&primary, "postgres", "select pg_create_physical_replication_slot('gate', true)").await;
    execute_sql(
        &primary,
        "postgres",
        "select pg_create_logical_replication_slot('orders', 'pgoutput', false, false, true)",
    )
    .await;
    create_subscription(&primary, "orders", ", copy_data = false, failover = true").await;
    let standby =
        StandbyOptions { primary_slot_name: Some("gate".to_owned()), hot_standby_feedback: true, settings: Vec::new() };
    let standby = primary.create_standby(&standby).expect("a standby");
    execute_sql(&primary, "postgres", "alter system set synchronized_standby_slots = 'gate'").await;
    execute_sql(&primary, "postgres", "select pg_reload_conf()").await;
    wait_until_true(&primary, "select bool_and(active) from pg_replication_slots").await;
    (primary, standby)
}

#[tokio::test]
async fn replication_failover_slots_are_protected() {
    on_installations_from(17, "failover slots", async |_, installation| {
        let (primary, mut standby) = failover_pair(installation).await;
        // The slot sync worker sleeps up to 30 s between synchronizations, so the test calls the function. The copy is
        // persistent once the slot's catalog_xmin on the primary is not older than the standby's: records of running
        // transactions advance it, and a transaction would advance the standby's again.
        let deadline = Instant::now() + Duration::from_secs(120);
        let copied = "select count(*) = 1 from pg_replication_slots where synced and not temporary";
        while query_one_text(&standby, "postgres", copied).await.as_deref() != Some("t") {
            assert!(Instant::now() < deadline, "never copied\n{}", standby.log());
            execute_sql(&primary, "postgres", "select pg_log_standby_snapshot()").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            execute_sql(&standby, "postgres", "select pg_sync_replication_slots()").await;
        }
        let on_primary = find_slot(&primary, "orders");
        assert_eq!((&on_primary["protection"], &on_primary["verdict"]), (&"failover".into(), &"healthy".into()));
        let gate = find_slot(&primary, "gate");
        assert_eq!(gate["protection"], "managed", "{gate}");
        assert!(find_reason(&gate, "gates-failover-slots").is_some(), "{gate}");
        let copy = find_slot(&standby, "orders");
        assert_eq!((&copy["protection"], &copy["verdict"]), (&"synced".into(), &"inactive".into()), "{copy}");
        assert!(find_reason(&copy, "synced-copy").is_some(), "{copy}");
        assert_eq!(drop_with_every_flag(&standby, "orders", &["--allow-managed"]), (4, "synced".to_owned()));
        assert_wal_is_explained("the primary of failover slots", &primary);
        assert_wal_is_explained("the standby of failover slots", &standby);

        // Without the standby the consumer receives no more changes.
        standby.stop(StopMode::Fast).expect("it stops");
        wait_until_true(&primary, "select not active from pg_replication_slots where slot_name = 'gate'").await;
        execute_sql(&primary, "postgres", "insert into a values (-1)").await;
        for _ in 0..2 {
            write_wal(&primary, 8).await;
            execute_sql(&primary, "postgres", "checkpoint").await;
        }
        let gated = find_slot(&primary, "orders");
        assert_eq!(gated["verdict"], "lagging", "{gated}");
        let waits = find_reason(&gated, "waits-for-standby").unwrap_or_else(|| panic!("{gated}"));
        assert_eq!((&waits["standby_slot"], &waits["gate"]), (&"gate".into(), &"inactive".into()));
        let seen = query_one_text(&primary, "target", "select count(*)::text from a where i = -1").await;
        assert_eq!(seen.as_deref(), Some("0"), "the consumer waits");
        assert_wal_is_explained("a stopped standby", &primary);
        standby.start_server().expect("it starts again");
        wait_until_true_in(&primary, "target", "select count(*) = 1 from a where i = -1").await;

        // The synchronized slot keeps its flag, and is protected like any failover slot.
        wait_until_true(
            &standby,
            "select confirmed_flush_lsn is not null from pg_replication_slots where slot_name = 'orders'",
        )
        .await;
        standby.promote().expect("a promotion");
        wait_until_true(&standby, "select not pg_is_in_recovery()").await;
        let promoted = find_slot(&standby, "orders");
        assert_eq!((&promoted["synced"], &promoted["protection"]), (&true.into(), &"failover".into()), "{promoted}");
        assert!(find_reason(&promoted, "synced-copy").is_none(), "{promoted}");
        write_wal(&standby, 4).await;
        assert_wal_is_explained("promoted", &standby);
        assert_eq!(drop_with_every_flag(&standby, "orders", &[]), (4, "failover".to_owned()));
        assert_eq!(drop_with_every_flag(&standby, "orders", &["--allow-managed"]), (0, "done".to_owned()));
    })
    .await;
}
