//! The statement that compares and drops, on every version: how the server runs it, and that each condition counts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pgtend::model::{Lsn, SlotSight, SlotType};
use pgtend::pg::conninfo::{Environment, Flags, Request, resolve};
use pgtend::pg::{Hand, Session, SqlState, Undone};
use pgtend::plan::slot_drop::{require_start, statement};
use pgtend::sandbox::Cluster;

use crate::clusters::{on_every_installation, options, private, query_one_text, query_texts, sql};

async fn sight(cluster: &Cluster, name: &str) -> SlotSight {
    let row = format!("select to_jsonb(s) from pg_replication_slots s where slot_name = '{name}'");
    serde_json::from_str(&query_one_text(cluster, "postgres", &row).await.unwrap()).unwrap()
}

const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);

async fn started_at(cluster: &Cluster) -> Timestamp {
    let row = "select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
    query_one_text(cluster, "postgres", row).await.unwrap().parse().unwrap()
}

async fn there(cluster: &Cluster) -> Vec<String> {
    let rows = query_texts(cluster, "postgres", "select slot_name from pg_replication_slots order by 1").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

#[tokio::test]
async fn the_function_is_called_for_the_row_that_passes_and_for_no_other() {
    on_every_installation("compare and drop in one statement", async |major, installation| {
        let cluster = private(installation, options().set("autovacuum", "off"));
        let create = "select pg_create_logical_replication_slot('logical', 'test_decoding')";
        sql(&cluster, "postgres", create).await;
        sql(&cluster, "postgres", "select pg_create_physical_replication_slot('physical', true)").await;
        sql(&cluster, "postgres", "select pg_create_physical_replication_slot('bystander', true)").await;
        let version_num = major * 10_000;
        let started_at = started_at(&cluster).await;
        let all = ["bystander", "logical", "physical"];
        for name in ["logical", "physical"] {
            let seen = sight(&cluster, name).await;
            let explained = format!("explain (verbose, costs off) {}", statement(&seen, version_num, started_at));
            let plan: Vec<String> = query_texts(&cluster, "postgres", &explained)
                .await
                .into_iter()
                .map(|mut row| row.remove(0).unwrap())
                .collect();
            // One node, whose list is made of the rows that pass its filter; no join between the copy and the drop.
            assert_eq!(plan.len(), 4, "on {major}: {plan:#?}");
            assert!(plan[0].starts_with("Function Scan on pg_catalog.pg_get_replication_slots"), "{plan:#?}");
            assert!(plan[1].contains("Output: ") && plan[1].contains("pg_drop_replication_slot("), "{plan:#?}");
            assert!(plan[2].contains("Function Call: ") && plan[3].contains("Filter: "), "{plan:#?}");
            assert!(plan[3].contains("pg_postmaster_start_time()"), "{plan:#?}");
            assert!(!plan[3].contains("pg_drop_replication_slot"), "{plan:#?}");

            let elsewhere = statement(&seen, version_num, started_at + MICROSECOND);
            assert_eq!(query_texts(&cluster, "postgres", &elsewhere).await.len(), 0, "another server on {major}");
            assert_eq!(there(&cluster).await, all, "another server on {major}");
            for (what, sight) in differing_sights(&seen, major) {
                let statement = statement(&sight, version_num, started_at);
                assert_eq!(
                    query_texts(&cluster, "postgres", &statement).await.len(),
                    0,
                    "{what} on {major}: {statement}"
                );
                assert_eq!(there(&cluster).await, all, "{what} on {major}");
            }
        }
        for (name, left) in [("logical", &["bystander", "physical"][..]), ("physical", &["bystander"])] {
            let statement = statement(&sight(&cluster, name).await, version_num, started_at);
            assert_eq!(query_texts(&cluster, "postgres", &statement).await.len(), 1, "{statement}");
            assert_eq!(there(&cluster).await, left);
        }
    })
    .await;
}

#[tokio::test]
async fn checkpoint_runs_only_on_the_checked_server() {
    on_every_installation("a guarded checkpoint", async |major, installation| {
        let cluster = private(installation, options().set("autovacuum", "off").set("checkpoint_timeout", "1h"));
        let flags = Flags { dbname: Some(cluster.conninfo()), ..Flags::default() };
        let request = Request { flags, environment: Environment::default(), ..Request::default() };
        let conninfo = Arc::new(resolve(&request).unwrap().conninfo);
        let hand = Hand::of(Session::open(conninfo).await.unwrap());
        let started_at = started_at(&cluster).await;
        let last = "select checkpoint_lsn::text from pg_control_checkpoint()";
        let before = query_one_text(&cluster, "postgres", last).await;
        sql(&cluster, "postgres", "create table written (id int)").await;

        match hand.perform_alone(&require_start(started_at + MICROSECOND), "CHECKPOINT").await {
            Err(Undone::Refused { sqlstate, .. }) => assert_eq!(sqlstate, SqlState::DIVISION_BY_ZERO, "on {major}"),
            other => panic!("on {major}: {other:?}"),
        }
        assert_eq!(query_one_text(&cluster, "postgres", last).await, before, "on {major}");
        hand.perform_alone(&require_start(started_at), "CHECKPOINT").await.unwrap();
        assert_ne!(query_one_text(&cluster, "postgres", last).await, before, "on {major}");
    })
    .await;
}

/// The slot as it would have been seen, had one of its columns been another.
fn differing_sights(seen: &SlotSight, major: u32) -> Vec<(&'static str, SlotSight)> {
    let with = |change: &dyn Fn(&mut SlotSight)| {
        let mut sight = seen.clone();
        change(&mut sight);
        sight
    };
    let later = |lsn: Option<Lsn>| lsn.map_or(Some(Lsn(1)), |lsn| Some(Lsn(lsn.0 + 1)));
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
        let since = seen.slot.inactive_since.expect("17 has it") + MICROSECOND;
        sights.push(("inactive_since", with(&|sight| sight.slot.inactive_since = Some(since))));
        sights.push(("failover", with(&|sight| sight.slot.failover = Some(true))));
        sights.push(("synced", with(&|sight| sight.slot.synced = Some(true))));
    }
    sights
}
