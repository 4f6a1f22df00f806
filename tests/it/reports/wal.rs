//! The wal report compared with the server's own values.

use pgtend::units::Lsn;
use serde_json::Value;

use super::fixture_servers::{DATABASE, fixture_servers, query_objects, role_conninfo};
use super::program::{expect_failure, report_json};
use crate::clusters::on_every_installation;

#[tokio::test]
async fn wal_report_matches_the_server() {
    on_every_installation("values of the wal report", async |major, _| {
        for cluster in [&fixture_servers(major).primary, &fixture_servers(major).standby] {
            let in_recovery = "pg_is_in_recovery()";
            let query = format!(
                "select case when {in_recovery} then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn,
                        (select sum(size) from pg_ls_waldir()) as bytes, {in_recovery} as in_recovery,
                        (select count(*) from pg_ls_waldir() where name ~ '^[0-9A-F]{{24}}$') as files,
                        (select redo_lsn from pg_control_checkpoint()) as redo"
            );
            let before = query_objects(cluster, DATABASE, &query).await.remove(0);
            let report = report_json(&["wal", "-d", &role_conninfo(cluster, "watcher", DATABASE)]);
            let after = query_objects(cluster, DATABASE, &query).await.remove(0);
            let wal = &report["wal"];
            let lsn = |value: &Value| value.as_str().unwrap().parse::<Lsn>().unwrap();
            assert!((lsn(&before["lsn"])..=lsn(&after["lsn"])).contains(&lsn(&wal["current_lsn"])), "{wal}");
            // Other tests may switch segments meanwhile; the size is still a multiple of the segment size.
            if before["bytes"] == after["bytes"] {
                assert_eq!((&wal["directory_bytes"], &wal["files"]), (&before["bytes"], &before["files"]), "{wal}");
            }
            if before["redo"] == after["redo"] {
                assert_eq!(wal["redo_lsn"], before["redo"]);
            }
            assert_eq!(wal["replay_lsn"].is_string(), before["in_recovery"] == true);
            assert_eq!(wal["settings"]["wal_segment_bytes"], 1 << 20);
            assert_eq!(wal["settings"]["wal_level"], "logical");
            assert_eq!(wal["settings"]["max_slot_wal_keep_size_bytes"], Value::Null);
            assert_eq!(wal["settings"]["checkpoint_timeout_seconds"], 3600);
            assert_eq!(wal["archiver"]["archive_mode"], "off");
            let sampled =
                &report_json(&["wal", "--sample", "50ms", "-d", &role_conninfo(cluster, "stranger", DATABASE)])["wal"];
            assert_eq!(sampled["rate_source"], "sample");
            assert!(sampled["rate_bytes_per_hour"].is_u64() && sampled["rate_span_seconds"].as_f64() >= Some(0.05));
        }
    })
    .await;
}

#[test]
fn wal_invalid_durations_are_refused() {
    for text in ["-1s", "soon", ""] {
        let message = expect_failure(2, &["wal", &format!("--sample={text}")]);
        assert!(message.contains("--sample"), "{message}");
    }
}
