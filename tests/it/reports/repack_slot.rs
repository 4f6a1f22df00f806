//! The slot of a running REPACK (CONCURRENTLY).

use serde_json::Value;

use super::fixture_servers::wait_until_true;
use super::program::{array_field, find_element, report_json, run_pgtend};
use crate::clusters::{cluster_options, connect_superuser, execute_sql, on_installations_from, private_cluster};

#[tokio::test]
async fn slots_name_the_repack() {
    on_installations_from(19, "slot of REPACK (CONCURRENTLY)", async |_, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("max_replication_slots", "2"));
        execute_sql(&cluster, "postgres", "create table big (id int primary key); insert into big values (1)").await;
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('s1', true)").await;
        // REPACK waits for the end of older transactions before it copies the table.
        let writer = connect_superuser(&cluster, "postgres").await;
        writer.batch_execute("begin; insert into big values (2)").await.unwrap();
        let repacker = connect_superuser(&cluster, "postgres").await;
        let repack = tokio::spawn(async move { repacker.batch_execute("repack (concurrently) big").await });
        wait_until_true(&cluster, "select count(*) = 1 from pg_replication_slots where plugin = 'pgrepack'").await;

        let conninfo = cluster.conninfo();
        let report = report_json(&["slots", "-d", &conninfo]);
        let slot = array_field(&report, "slots").iter().find(|slot| slot["plugin"] == "pgrepack").unwrap();
        assert_eq!(slot["owner"]["name"], "REPACK (CONCURRENTLY) of table public.big", "{slot}");
        assert_eq!((&slot["protection"], &slot["repack"]["table"]), (&"temporary".into(), &"public.big".into()));
        let name = slot["slot_name"].as_str().unwrap();
        let why = run_pgtend(&["slots", "why", name, "-d", &conninfo]).stdout;
        assert!(why.contains("REPACK (CONCURRENTLY) of table public.big"), "{why}");
        let arguments = ["slots", "drop", name, "--yes", "--allow-unproven", "--no-journal", "--format", "json", "-d"];
        let refused = run_pgtend(&[&arguments[..], &[&conninfo]].concat());
        let report: Value = serde_json::from_str(&refused.stdout).unwrap();
        let refusal = &find_element(&report, "drops", "slot_name", name)["refusals"][0];
        assert_eq!((refused.exit, &refusal["id"], &refusal["table"]), (4, &"repack".into(), &"public.big".into()));
        let check = report_json(&["check", "--history", "none", "-d", &conninfo]);
        assert!(array_field(&check, "passed").iter().any(|check| check == "slot-limit"), "{check}");
        // It is right: the server has a free slot.
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('s2', true)").await;

        writer.batch_execute("commit").await.unwrap();
        repack.await.unwrap().unwrap();
    })
    .await;
}
