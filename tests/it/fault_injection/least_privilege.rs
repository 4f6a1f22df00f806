//! A monitoring role is sufficient for all commands except dropping slots.

use pg_sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{cluster_options, connect_superuser, on_every_major_alone, query_texts};
use crate::reports::fixture_servers::{execute_batch, role_conninfo};
use crate::reports::program::{ProgramOutput, pgtend_command, run_command};

fn run_as_monitor(cluster: &Cluster, folder: &str, arguments: &[&str]) -> ProgramOutput {
    let conninfo = role_conninfo(cluster, "watcher", "postgres");
    let history = format!("{folder}/history.db");
    run_command(&mut pgtend_command(&[arguments, &["-d", &conninfo, "--history", &history]].concat()))
}

#[tokio::test]
async fn pg_monitor_is_enough_except_to_drop_slots() {
    let settings = cluster_options().with_setting("autovacuum", "off").with_setting("fsync", "off");
    on_every_major_alone("privileges of pg_monitor", settings, async |major, cluster| {
        let client = connect_superuser(&cluster, "postgres").await;
        execute_batch(&client, "create role watcher login; grant pg_monitor to watcher").await;
        execute_batch(&client, "create table kept (id int primary key, word text); create index one on kept (word)")
            .await;
        execute_batch(&client, "create index two on kept (word); insert into kept values (1, 'a'); analyze kept").await;
        execute_batch(&client, "select pg_create_physical_replication_slot('idle', true)").await;
        let folder = tempfile::tempdir().unwrap();
        let (folder, m) = (folder.path().to_str().unwrap(), folder.path().join("m"));
        let m = m.to_str().unwrap();
        let limits = ["--min-observation", "0", "--min-reclaim", "0", "--yes", "--output", m];
        let snapshot = format!("{folder}/now.json");
        for arguments in [
            &["snapshot", "--output", &snapshot][..],
            &["history", "record"],
            &["history", "growth"],
            &["slots", "why", "idle"],
            &["audit"],
            &[&["indexes", "migrate", "--framework", "sql"], &limits[..]].concat(),
            &["indexes", "verify", m],
        ] {
            let done = run_as_monitor(&cluster, folder, arguments);
            assert_eq!(done.exit, 0, "{arguments:?} on {major}: {done:?}");
        }
        let checked = run_as_monitor(&cluster, folder, &["check", "--format", "json"]);
        let report: Value = serde_json::from_str(&checked.stdout).unwrap();
        let unknown = report["findings"].as_array().unwrap().iter().filter(|finding| finding["status"] == "unknown");
        assert_eq!(unknown.count(), 0, "on {major}: {report}");
        let denied = run_as_monitor(&cluster, folder, &["slots", "drop", "idle", "--yes", "--allow-unproven"]);
        assert!(denied.exit == 1 && denied.stderr.contains("REPLICATION"), "on {major}: {denied:?}");
        let remaining = query_texts(&cluster, "postgres", "select slot_name from pg_replication_slots").await;
        assert_eq!(remaining.len(), 1, "on {major}");
    })
    .await;
}
