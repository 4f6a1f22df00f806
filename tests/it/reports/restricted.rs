//! Services with fewer functions than a self-managed server: reports show the rest, and hints never recommend a
//! privilege that the role has.

use serde_json::Value;

use super::fixture_servers::{execute_batch, role_conninfo};
use super::nulls::assert_nulls_explained;
use super::program::{REPORT_NAMES, array_field, find_element, report_json, run_pgtend};
use crate::clusters::{cluster_options, connect_superuser, on_a_major_and_the_newest_alone};

/// Functions that Aurora refuses to every role (docs/reference/wal.md#functions-and-privileges), and more.
const REVOKED_FUNCTIONS: [&str; 6] = [
    "revoke execute on function pg_ls_waldir() from public, pg_monitor",
    "revoke execute on function pg_ls_archive_statusdir() from public, pg_monitor",
    "revoke execute on function pg_ls_logdir() from public, pg_monitor",
    "revoke execute on function pg_ls_tmpdir() from public, pg_monitor",
    "revoke execute on function pg_control_checkpoint() from public",
    "revoke select on pg_stat_archiver from public",
];

#[tokio::test]
async fn restricted_pg_wal_still_reports_slots() {
    on_a_major_and_the_newest_alone(
        13,
        "service without access to pg_wal",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            let superuser = connect_superuser(&cluster, "postgres").await;
            execute_batch(
                &superuser,
                "create role master login; grant pg_monitor to master; create role rds_superuser",
            )
            .await;
            execute_batch(&superuser, "select pg_create_logical_replication_slot('forgotten', 'test_decoding')").await;
            execute_batch(&superuser, "select pg_logical_emit_message(false, 'f', repeat('x', 30000000))").await;
            for forbidden in REVOKED_FUNCTIONS {
                execute_batch(&superuser, forbidden).await;
            }
            if major >= 14 {
                execute_batch(&superuser, "revoke select on pg_stat_wal from public").await;
            }
            let master = role_conninfo(&cluster, "master", "postgres");
            let rds = report_json(&["wal", "--sample", "50ms", "-d", &master]);
            assert_nulls_explained("wal on RDS", &rds);
            assert_eq!(rds["server"]["provider"], "rds");
            for report in REPORT_NAMES {
                let json = report_json(&[report, "-d", &master]);
                assert_nulls_explained(report, &json);
                for gap in array_field(&json, "unavailable") {
                    let vain = gap["hint"].as_str().is_some_and(|hint| hint.contains("GRANT pg_monitor"));
                    assert!(!vain, "{report} on {major}: master is in pg_monitor already: {gap}");
                }
            }
            let text = run_pgtend(&["wal", "--disk-size", "200GB", "--disk-free", "90GB", "-d", &master]).stdout;
            assert!(text.contains("in the DB parameter group") && !text.contains("ALTER SYSTEM"), "{text}");

            execute_batch(
                &superuser,
                "create function public.aurora_version() returns text language sql as 'select 1::text'",
            )
            .await;
            let aurora = report_json(&["wal", "--sample", "50ms", "-d", &master]);
            assert_nulls_explained("wal on Aurora", &aurora);
            assert_eq!(aurora["server"]["provider"], "aurora");
            let wal = &aurora["wal"];
            assert_eq!(wal["directory_bytes"], Value::Null);
            assert!(wal["current_lsn"].is_string() && wal["rate_source"] == "sample", "{wal}");
            let holder = array_field(wal, "holders").iter().find(|holder| holder["name"] == "forgotten").unwrap();
            assert!(holder["retained_bytes"].as_u64() >= Some(30_000_000), "{holder}");
            assert_eq!(holder["binding"], Value::Null, "the positions of other holders are unknown");
            assert_eq!(wal["forecast"]["wal_accumulation"]["slot_name"], "forgotten");
            assert!(wal["forecast"]["per_100_gb"].is_object(), "{wal}");
            let slots = report_json(&["slots", "-d", &master]);
            let slot = find_element(&slots, "slots", "slot_name", "forgotten");
            assert!(slot["retained_bytes"].as_u64() >= Some(30_000_000), "{slot}");

            // Without the current WAL position, the largest known position is a lower bound.
            execute_batch(&superuser, "revoke execute on function pg_current_wal_lsn() from public").await;
            let page = report_json(&["slots", "why", "forgotten", "-d", &master]);
            assert_nulls_explained("slots why without a position", &page);
            assert_eq!(page["slots"][0]["retained_bytes"], Value::Null);
            assert_eq!(page["slots"][0]["verdict"], "inactive", "without proof");
            let text = run_pgtend(&["wal", "-d", &master]);
            assert!(text.exit == 0 && text.stdout.contains("Time until the disk is full"), "{text:?}");
        },
    )
    .await;
}
