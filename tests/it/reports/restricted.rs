//! Services that forbid what a server of one's own allows: what can still be said is said, and nobody is told to grant
//! what the role has.

use serde_json::Value;

use super::nulls::assert_explained;
use super::program::{REPORTS, element, json, list, run};
use super::zoo::{batch, conninfo};
use crate::clusters::{connect, on_every_major_alone, options};

/// What Aurora refuses to everybody (fact sheet on slots, C1), and more.
const FORBIDDEN: [&str; 6] = [
    "revoke execute on function pg_ls_waldir() from public, pg_monitor",
    "revoke execute on function pg_ls_archive_statusdir() from public, pg_monitor",
    "revoke execute on function pg_ls_logdir() from public, pg_monitor",
    "revoke execute on function pg_ls_tmpdir() from public, pg_monitor",
    "revoke execute on function pg_control_checkpoint() from public",
    "revoke select on pg_stat_archiver from public",
];

#[tokio::test]
async fn where_a_service_hides_pg_wal_the_slots_still_speak() {
    on_every_major_alone("a service that hides pg_wal", options().set("autovacuum", "off"), async |major, cluster| {
        let superuser = connect(&cluster, "postgres").await;
        batch(&superuser, "create role master login; grant pg_monitor to master; create role rds_superuser").await;
        batch(&superuser, "select pg_create_logical_replication_slot('forgotten', 'test_decoding')").await;
        batch(&superuser, "select pg_logical_emit_message(false, 'f', repeat('x', 30000000))").await;
        for forbidden in FORBIDDEN {
            batch(&superuser, forbidden).await;
        }
        if major >= 14 {
            batch(&superuser, "revoke select on pg_stat_wal from public").await;
        }
        let master = conninfo(&cluster, "master", "postgres");
        let rds = json(&["wal", "--sample", "50ms", "-d", &master]);
        assert_explained("wal on RDS", &rds);
        assert_eq!(rds["server"]["provider"], "rds");
        for report in REPORTS {
            let json = json(&[report, "-d", &master]);
            assert_explained(report, &json);
            for gap in list(&json, "unavailable") {
                let vain = gap["hint"].as_str().is_some_and(|hint| hint.contains("GRANT pg_monitor"));
                assert!(!vain, "{report} on {major}: master is in pg_monitor already: {gap}");
            }
        }
        let text = run(&["wal", "--disk-size", "200GB", "--disk-free", "90GB", "-d", &master]).stdout;
        assert!(text.contains("in the DB parameter group") && !text.contains("ALTER SYSTEM"), "{text}");

        batch(&superuser, "create function public.aurora_version() returns text language sql as 'select 1::text'")
            .await;
        let aurora = json(&["wal", "--sample", "50ms", "-d", &master]);
        assert_explained("wal on Aurora", &aurora);
        assert_eq!(aurora["server"]["provider"], "aurora");
        let wal = &aurora["wal"];
        assert_eq!(wal["directory_bytes"], Value::Null);
        assert!(wal["current_lsn"].is_string() && wal["rate_source"] == "sample", "{wal}");
        let holder = list(wal, "holders").iter().find(|holder| holder["name"] == "forgotten").unwrap();
        assert!(holder["reach_bytes"].as_u64() >= Some(30_000_000), "{holder}");
        assert_eq!(holder["binding"], Value::Null, "who else reaches how far is not known");
        assert_eq!(wal["forecast"]["pile_up"]["slot_name"], "forgotten");
        assert!(wal["forecast"]["per_100_gb"].is_object(), "{wal}");
        let slots = json(&["slots", "-d", &master]);
        let slot = element(&slots, "slots", "slot_name", "forgotten");
        assert!(slot["retained_bytes"].as_u64() >= Some(30_000_000), "{slot}");

        // Not even where WAL is: the furthest position that anything tells of bounds it from below.
        batch(&superuser, "revoke execute on function pg_current_wal_lsn() from public").await;
        let page = json(&["slots", "why", "forgotten", "-d", &master]);
        assert_explained("slots why without a position", &page);
        assert_eq!(page["slots"][0]["retained_bytes"], Value::Null);
        assert_eq!(page["slots"][0]["verdict"], "inactive", "nothing is proven");
        let text = run(&["wal", "-d", &master]);
        assert!(text.exit == 0 && text.stdout.contains("How long it lasts"), "{text:?}");
    })
    .await;
}
