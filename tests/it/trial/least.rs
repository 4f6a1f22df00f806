//! A monitoring role is enough for everything but dropping slots.

use pgtend::sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{connect, on_every_major_alone, options, query_texts};
use crate::reports::program::{Answer, answer, pgtend};
use crate::reports::zoo::{batch, conninfo};

fn run(cluster: &Cluster, folder: &str, arguments: &[&str]) -> Answer {
    let conninfo = conninfo(cluster, "watcher", "postgres");
    let history = format!("{folder}/history.db");
    answer(&mut pgtend(&[arguments, &["-d", &conninfo, "--history", &history]].concat()))
}

#[tokio::test]
async fn pg_monitor_is_enough_for_everything_but_dropping_slots() {
    let settings = options().set("autovacuum", "off").set("fsync", "off");
    on_every_major_alone("pg_monitor is enough", settings, async |major, cluster| {
        let client = connect(&cluster, "postgres").await;
        batch(&client, "create role watcher login; grant pg_monitor to watcher").await;
        batch(&client, "create table kept (id int primary key, word text); create index one on kept (word)").await;
        batch(&client, "create index two on kept (word); insert into kept values (1, 'a'); analyze kept").await;
        batch(&client, "select pg_create_physical_replication_slot('idle', true)").await;
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
            let done = run(&cluster, folder, arguments);
            assert_eq!(done.exit, 0, "{arguments:?} on {major}: {done:?}");
        }
        let checked = run(&cluster, folder, &["check", "--format", "json"]);
        let report: Value = serde_json::from_str(&checked.stdout).unwrap();
        let unknown = report["findings"].as_array().unwrap().iter().filter(|one| one["status"] == "unknown");
        assert_eq!(unknown.count(), 0, "on {major}: {report}");
        let denied = run(&cluster, folder, &["slots", "drop", "idle", "--yes", "--allow-unproven"]);
        assert!(denied.exit == 1 && denied.stderr.contains("REPLICATION"), "on {major}: {denied:?}");
        let left = query_texts(&cluster, "postgres", "select slot_name from pg_replication_slots").await;
        assert_eq!(left.len(), 1, "on {major}");
    })
    .await;
}
