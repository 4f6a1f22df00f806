//! The statement that compares and drops, on every version: its plan, and the effect of each condition.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pg_sandbox::Cluster;
use pgtend::actions::drop_slot::plan::{drop_slot_statement, server_start_guard};
use pgtend::facts::{SlotIdentity, SlotType};
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
use pgtend::postgres::{ExecuteError, Session, SqlState, WriteSession};
use pgtend::units::Lsn;

use crate::clusters::{
    cluster_options, execute_sql, on_every_installation, private_cluster, query_one_text, query_texts,
};

async fn slot_identity(cluster: &Cluster, name: &str) -> SlotIdentity {
    let row = format!("select to_jsonb(s) from pg_replication_slots s where slot_name = '{name}'");
    serde_json::from_str(&query_one_text(cluster, "postgres", &row).await.unwrap()).unwrap()
}

const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);

async fn server_start_time(cluster: &Cluster) -> Timestamp {
    let row = "select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
    query_one_text(cluster, "postgres", row).await.unwrap().parse().unwrap()
}

async fn slot_names(cluster: &Cluster) -> Vec<String> {
    let rows = query_texts(cluster, "postgres", "select slot_name from pg_replication_slots order by 1").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

#[tokio::test]
async fn statement_drops_only_the_matching_row() {
    on_every_installation("statement that compares and drops", async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        let create = "select pg_create_logical_replication_slot('logical', 'test_decoding')";
        execute_sql(&cluster, "postgres", create).await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('physical', true)").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('bystander', true)").await;
        let version_num = major * 10_000;
        let started_at = server_start_time(&cluster).await;
        let initial_slots = ["bystander", "logical", "physical"];
        for name in ["logical", "physical"] {
            let planned = slot_identity(&cluster, name).await;
            let explained =
                format!("explain (verbose, costs off) {}", drop_slot_statement(&planned, version_num, started_at));
            let plan: Vec<String> = query_texts(&cluster, "postgres", &explained)
                .await
                .into_iter()
                .map(|mut row| row.remove(0).unwrap())
                .collect();
            // One node whose target list is computed for the rows that pass its filter; no join between the comparison
            // and the drop.
            assert_eq!(plan.len(), 4, "on {major}: {plan:#?}");
            assert!(plan[0].starts_with("Function Scan on pg_catalog.pg_get_replication_slots"), "{plan:#?}");
            assert!(plan[1].contains("Output: ") && plan[1].contains("pg_drop_replication_slot("), "{plan:#?}");
            assert!(plan[2].contains("Function Call: ") && plan[3].contains("Filter: "), "{plan:#?}");
            assert!(plan[3].contains("pg_postmaster_start_time()"), "{plan:#?}");
            assert!(!plan[3].contains("pg_drop_replication_slot"), "{plan:#?}");

            let elsewhere = drop_slot_statement(&planned, version_num, started_at + MICROSECOND);
            assert_eq!(query_texts(&cluster, "postgres", &elsewhere).await.len(), 0, "another server on {major}");
            assert_eq!(slot_names(&cluster).await, initial_slots, "another server on {major}");
            for (what, identity) in changed_identities(&planned, major) {
                let statement = drop_slot_statement(&identity, version_num, started_at);
                assert_eq!(
                    query_texts(&cluster, "postgres", &statement).await.len(),
                    0,
                    "{what} on {major}: {statement}"
                );
                assert_eq!(slot_names(&cluster).await, initial_slots, "{what} on {major}");
            }
        }
        for (name, remaining) in [("logical", &["bystander", "physical"][..]), ("physical", &["bystander"])] {
            let statement = drop_slot_statement(&slot_identity(&cluster, name).await, version_num, started_at);
            assert_eq!(query_texts(&cluster, "postgres", &statement).await.len(), 1, "{statement}");
            assert_eq!(slot_names(&cluster).await, remaining);
        }
    })
    .await;
}

#[tokio::test]
async fn statement_checkpoint_needs_the_checked_server() {
    on_every_installation("checkpoint of the planned server", async |major, installation| {
        let cluster = private_cluster(
            installation,
            cluster_options().with_setting("autovacuum", "off").with_setting("checkpoint_timeout", "1h"),
        );
        let flags = ConnectionFlags { dbname: Some(cluster.conninfo()), ..ConnectionFlags::default() };
        let request = ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() };
        let conninfo = Arc::new(resolve(&request).unwrap().conninfo);
        let write_session = WriteSession::new(Session::open(conninfo).await.unwrap());
        let started_at = server_start_time(&cluster).await;
        let last = "select checkpoint_lsn::text from pg_control_checkpoint()";
        let before = query_one_text(&cluster, "postgres", last).await;
        execute_sql(&cluster, "postgres", "create table written (id int)").await;

        match write_session.execute_guarded(&server_start_guard(started_at + MICROSECOND), "CHECKPOINT").await {
            Err(ExecuteError::Refused { sqlstate, .. }) => {
                assert_eq!(sqlstate, SqlState::DIVISION_BY_ZERO, "on {major}")
            }
            other => panic!("on {major}: {other:?}"),
        }
        assert_eq!(query_one_text(&cluster, "postgres", last).await, before, "on {major}");
        write_session.execute_guarded(&server_start_guard(started_at), "CHECKPOINT").await.unwrap();
        assert_ne!(query_one_text(&cluster, "postgres", last).await, before, "on {major}");
    })
    .await;
}

/// Returns variants of the planned slot, each with one column changed.
fn changed_identities(planned: &SlotIdentity, major: u32) -> Vec<(&'static str, SlotIdentity)> {
    let with = |change: &dyn Fn(&mut SlotIdentity)| {
        let mut identity = planned.clone();
        change(&mut identity);
        identity
    };
    let later = |lsn: Option<Lsn>| lsn.map_or(Some(Lsn::new(1)), |lsn| Some(Lsn::new(lsn.position() + 1)));
    let mut sights = vec![
        ("slot_name", with(&|sight| sight.slot.slot_name.push('x'))),
        (
            "slot_type",
            with(&|sight| {
                sight.slot.slot_type = match sight.slot.slot_type {
                    SlotType::Logical => SlotType::Physical,
                    SlotType::Physical => SlotType::Logical,
                }
            }),
        ),
        ("plugin", with(&|sight| sight.slot.plugin = Some("it's \\another".to_owned()))),
        ("datoid", with(&|sight| sight.datoid = Some("1".to_owned()))),
        ("restart_lsn", with(&|sight| sight.slot.restart_lsn = later(sight.slot.restart_lsn))),
        ("no restart_lsn", with(&|sight| sight.slot.restart_lsn = None)),
        ("confirmed_flush_lsn", with(&|sight| sight.slot.confirmed_flush_lsn = later(sight.slot.confirmed_flush_lsn))),
        ("xmin", with(&|sight| sight.xmin = Some("3".to_owned()))),
        ("catalog_xmin", with(&|sight| sight.catalog_xmin = Some("3".to_owned()))),
    ];
    if major >= 17 {
        let since = planned.slot.inactive_since.expect("17 has it") + MICROSECOND;
        sights.push(("inactive_since", with(&|sight| sight.slot.inactive_since = Some(since))));
        sights.push(("failover", with(&|sight| sight.slot.failover = Some(true))));
        sights.push(("synced", with(&|sight| sight.slot.synced = Some(true))));
    }
    sights
}
