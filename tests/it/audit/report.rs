//! The audit report: sums, unknown values, obstacles, contradicting options.

use std::path::Path;

use serde_json::Value;

use pg_sandbox::Cluster;

use crate::clusters::{
    cluster_options, connect_superuser, create_database, on_a_major_and_the_newest, on_every_installation,
    on_every_major_alone, query_one_text, wait_until,
};
use crate::reports::{
    fixture_servers::{DATABASE, ROLES, execute_batch, fixture_servers, role_conninfo},
    nulls::assert_nulls_explained,
    program::{array_field, expect_failure, path_text, record_snapshot, report_json, run_pgtend},
    scenarios::scenario_file,
};

/// Values that a cluster of a minute's age cannot have measured.
const RATE_OPTIONS: [&str; 4] = ["--growth", "1MB", "--wal-per-hour", "64MB"];

fn audit_server(conninfo: &str, more: &[&str]) -> Value {
    report_json(&[&["audit", "-w", "-d", conninfo], more].concat())
}

fn audit_snapshot(snapshot: &Path, more: &[&str]) -> Value {
    report_json(&[&["audit", "--from", path_text(snapshot)], more].concat())
}

fn byte_count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a size"))
}

#[tokio::test]
async fn audit_nulls_are_explained() {
    on_every_installation("nulls of the audit", async |major, _| {
        for (place, cluster) in
            [("primary", &fixture_servers(major).primary), ("standby", &fixture_servers(major).standby)]
        {
            for role in ROLES {
                let snapshot = record_snapshot(&role_conninfo(cluster, role, DATABASE));
                for more in [&[][..], &RATE_OPTIONS, &["--used-fs", "2GB", "--allocated", "3GB", "--price", "0.1"]] {
                    let report = audit_snapshot(&snapshot, more);
                    assert_nulls_explained(&format!("audit {more:?} on the {place} of {major} as {role}"), &report);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn audit_total_is_sum_of_components() {
    on_every_installation("sum of the audit's components", async |major, _| {
        let report = audit_server(&role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE), &RATE_OPTIONS);
        let audit = &report["audit"];
        let of = |group: &str| -> u64 {
            let terms = array_field(audit, "components").iter();
            let counted = terms.filter(|term| term["group"] == group && term["counted"] == true);
            counted.filter_map(|term| term["bytes"].as_u64()).sum()
        };
        assert_eq!(byte_count(&audit["used_bytes"]), of("used"), "{major}");
        assert_eq!(byte_count(&audit["reclaimable_bytes"]), of("reclaimable"), "{major}");
        let databases: u64 =
            array_field(audit, "databases").iter().map(|database| byte_count(&database["bytes"])).sum();
        let term = array_field(audit, "components").iter().find(|term| term["id"] == "databases").expect("a term");
        assert_eq!(databases, byte_count(&term["bytes"]));
        let arrives = byte_count(&audit["size_after_bytes"]["bytes"]);
        assert_eq!(audit["method"], "basebackup");
        assert_eq!(arrives, of("used") - of("reclaimable"), "there is a temporary file");
        let (minimum, recommended) = (byte_count(&audit["minimum_bytes"]), byte_count(&audit["recommended_bytes"]));
        assert!(arrives < minimum && minimum <= recommended, "{arrives} {minimum} {recommended}");
        assert_eq!(recommended % (1 << 30), 0, "whole GiB");
        for term in array_field(audit, "components").iter().filter(|term| !term["bytes"].is_null()) {
            let within = byte_count(&term["low_bytes"])..=byte_count(&term["high_bytes"]);
            assert!(within.contains(&byte_count(&term["bytes"])), "{term}");
            assert!(!term["formula"].as_str().unwrap().is_empty() && !term["source"].as_str().unwrap().is_empty());
        }
        for database in array_field(audit, "databases") {
            // A copy of a small database has a free space map and a visibility map that the original may lack.
            let (now, after) = (byte_count(&database["bytes"]), byte_count(&database["after_logical_copy_bytes"]));
            assert!(after <= now + now / 20, "{database}");
        }
    })
    .await;
}

#[tokio::test]
async fn audit_missing_right_leaves_total_unknown() {
    on_every_installation("audit without privileges", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let report = audit_server(&role_conninfo(cluster, "stranger", DATABASE), &RATE_OPTIONS);
        let audit = &report["audit"];
        for key in ["used_bytes", "minimum_bytes", "recommended_bytes"] {
            assert!(audit[key].is_null(), "{key} of {major}");
        }
        assert!(byte_count(&audit["at_least_bytes"]) > 0);
        let hints: Vec<&str> =
            array_field(&report, "unavailable").iter().filter_map(|gap| gap["hint"].as_str()).collect();
        assert!(hints.contains(&"GRANT pg_monitor TO stranger"), "{hints:?}");
        let unavailable = report["unavailable"].to_string();
        assert!(unavailable.contains("pg_wal: ") && unavailable.contains("private"), "{unavailable}");
        // With the size of the file system the total needs no privilege.
        let known = report_json(
            &[
                &["audit", "-w", "-d", &role_conninfo(cluster, "stranger", DATABASE), "--used-fs", "9GB"],
                &RATE_OPTIONS[..],
            ]
            .concat(),
        );
        assert_eq!(known["audit"]["used_bytes"], 9_u64 << 30);
        // Where nothing could be read, the report does not say that there are no obstacles.
        let report_text = |role: &str| {
            run_pgtend(&[&["audit", "-w", "-d", &role_conninfo(cluster, role, DATABASE)], &RATE_OPTIONS[..]].concat())
                .stdout
        };
        let warning = "This list may be incomplete";
        assert!(report_text("stranger").contains(warning) && !report_text("postgres").contains(warning), "on {major}");
    })
    .await;
}

#[tokio::test]
async fn audit_target_sets_exit_code() {
    on_a_major_and_the_newest(15, "audit --target-size", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let superuser = role_conninfo(cluster, "postgres", DATABASE);
        let run_audit = |conninfo: &str, size: &str| {
            run_pgtend(&[&["audit", "-w", "-q", "-d", conninfo, "--target-size", size], &RATE_OPTIONS[..]].concat())
        };
        assert_eq!(run_audit(&superuser, "1TB").exit, 0);
        let small = run_audit(&superuser, "10MB");
        assert!(small.exit == 1 && small.stdout.contains("is not sufficient"), "{small:?}");
        let open = run_audit(&role_conninfo(cluster, "stranger", DATABASE), "1TB");
        assert!(open.exit == 3 && open.stdout.contains("It is unknown whether"), "{open:?}");
        let hopeless = run_audit(&role_conninfo(cluster, "stranger", DATABASE), "1MB");
        assert_eq!(hopeless.exit, 1, "what is known is already more: {hopeless:?}");
        assert_eq!(
            run_audit("host=/nowhere dbname=x user=x", "1TB").exit,
            3,
            "without a server the target size is unknown"
        );
    })
    .await;
}

#[test]
fn audit_contradicting_options_are_refused() {
    for (arguments, expected) in [
        (&["--used-fs", "3TB", "--allocated", "2TB"][..], "--used-fs is larger than --allocated"),
        (&["--provider", "acme"], "cloudsql"),
        (&["--provider", "azure", "--storage-type", "gp3"], "--storage-type"),
        (&["--method", "teleport"], "blue-green"),
        (&["--price=-1"], "--price"),
        (&["--price", "NaN"], "price"),
        (&["--margin", "100"], "--margin"),
        (&["--target-size", "big"], "--target-size"),
        (&["--allocated", "0"], "--allocated"),
    ] {
        let message = expect_failure(2, &[&["audit", "-d", "host=/nowhere"], arguments].concat());
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn audit_unknown_tablespace_size_is_not_zero() {
    let report = run_pgtend(&[&["audit", "--from", &scenario_file("hidden")][..], &RATE_OPTIONS[..]].concat());
    assert!(report.stdout.contains("1 tablespace outside the data directory (side): size unknown"), "{report:?}");
}

#[test]
fn audit_config_and_flags_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.toml");
    let text = "[audit]\nstorage_type = 'gp3'\n[target.prod]\nconninfo = 'host=/nowhere'\ndisk_size = '2TB'\n";
    std::fs::write(&file, text).expect("a file");
    let config = ["audit", "--config", file.to_str().expect("a path"), "--target", "prod"];
    for (arguments, expected) in [
        (&["--used-fs", "3TB"][..], "--used-fs is larger than disk_size of target \"prod\""),
        (
            &["--provider", "azure"],
            "[audit] storage_type is a volume type of Amazon RDS, but --provider names another provider",
        ),
        (&["--allocated", "1TB", "--used-fs", "2TB"], "--used-fs is larger than --allocated"),
        (&["--moved-from", "1", "--from", "x.json"], "--moved-from requires a server"),
    ] {
        let message = expect_failure(2, &[&config, arguments].concat());
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    std::fs::write(&file, "[audit]\nprovider = 'acme'\n").expect("a file");
    let message = expect_failure(2, &config);
    assert!(message.contains("line 2") && message.contains("cloudsql"), "{message}");
}

#[tokio::test]
async fn audit_counts_transaction_files() {
    on_every_installation("size of pg_xact", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let files = "select sum((pg_stat_file(d || '/' || f)).size)::bigint \
                       from unnest(array['pg_xact', 'pg_multixact/offsets', 'pg_multixact/members']) d, pg_ls_dir(d) f";
        let truth: u64 = query_one_text(cluster, "postgres", files).await.expect("a sum").parse().expect("a number");
        let report = audit_server(&role_conninfo(cluster, "postgres", DATABASE), &RATE_OPTIONS);
        let term = array_field(&report["audit"], "components")
            .iter()
            .find(|component| component["id"] == "transaction_status")
            .expect("a term");
        assert!((byte_count(&term["low_bytes"])..=byte_count(&term["high_bytes"])).contains(&truth), "{truth}: {term}");
    })
    .await;
}

#[tokio::test]
async fn audit_volume_warnings() {
    on_a_major_and_the_newest(15, "warnings about the volume", async |major, _| {
        let snapshot = record_snapshot(&role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE));
        let warned = |more: &[&str]| {
            let report = audit_snapshot(&snapshot, &[&["--provider", "rds"], more, &RATE_OPTIONS[..]].concat());
            let ids = array_field(&report["audit"], "warnings")
                .iter()
                .map(|warning| warning["id"].as_str().expect("an id").to_owned());
            (ids.collect::<Vec<String>>(), report["audit"]["warnings"].to_string())
        };
        let (ids, text) = warned(&["--allocated", "2TB", "--storage-type", "gp3"]);
        assert!(ids.iter().any(|id| id == "storage_stripe") && text.contains("400 GiB"), "{text}");
        assert!(ids.iter().any(|id| id == "backup_allowance"), "{text}");
        let (ids, text) = warned(&["--allocated", "2TB", "--storage-type", "gp2"]);
        assert!(ids.iter().any(|id| id == "baseline_iops") && text.contains("6,144"), "{text}");
        // The fixture server has a tablespace with a separate directory.
        assert!(ids.iter().any(|id| id == "tablespaces") && text.contains("side"), "{text}");
        // Less than the server's own files need.
        for (flag, expected) in [("--used-fs", "--used-fs is 1 MB"), ("--allocated", "present volume is 1 MB")] {
            let (ids, text) = warned(&[flag, "1MB"]);
            assert!(ids.iter().any(|id| id == "volume_too_small") && text.contains(expected), "{text}");
        }
        let report =
            audit_snapshot(&snapshot, &[&["--provider", "self", "--method", "basebackup"], &RATE_OPTIONS[..]].concat());
        let physical =
            array_field(&report["audit"], "warnings").iter().find(|warning| warning["id"] == "physical_slot");
        let text = physical.expect("the standby has a slot")["message"].as_str().expect("a sentence").to_owned();
        assert!(text.contains("its standby must be rebuilt"), "{text}");
        let (ids, text) = warned(&["--allocated", "2TB"]);
        assert!(!ids.iter().any(|id| id == "volume_too_small" || id == "storage_stripe"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn audit_low_wal_level_blocks_replication() {
    on_every_major_alone(
        "wal_level",
        cluster_options().with_setting("wal_level", "replica"),
        async |major, cluster| {
            let place = role_conninfo(&cluster, "postgres", "postgres");
            // From 19 on, `replica` allows logical slots.
            let is_too_low = major < 19;
            for (provider, method, blocks) in [
                ("rds", "blue-green-upgrade", is_too_low),
                ("rds", "dms", is_too_low),
                ("self", "logical-replication", is_too_low),
                ("self", "dump", false),
            ] {
                let report =
                    audit_server(&place, &[&["--provider", provider, "--method", method], &RATE_OPTIONS[..]].concat());
                let blockers = report["audit"]["blockers"].to_string();
                assert_eq!(
                    blockers.contains("wal_level is replica, it must be logical"),
                    blocks,
                    "{method} on {major}: {blockers}"
                );
            }
        },
    )
    .await;
}

const OBSTACLE_SETUP: &str = "
    create table no_key (a int); create table with_key (a int primary key);
    create unlogged table fast (a int primary key);
    create materialized view seen as select 1 as one;
    create sequence numbers;
    create function on_ddl() returns event_trigger language plpgsql as 'begin end';
    create event trigger \"Watch\" on ddl_command_start execute function on_ddl();
    create foreign data wrapper none; create server afar foreign data wrapper none;
    create publication everything for table with_key;
    select lo_create(0);
    create role batch; alter role batch set default_transaction_read_only = off;
    insert into no_key values (1);
    set allow_system_table_mods = on;
    insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select 99991 + n, name, 10, 2200, false, '1'
      from unnest(array['pg_cron', 'pg_partman', 'timescaledb']) with ordinality as it (name, n)";

async fn wait_for_result(cluster: &Cluster, query: &str, wanted: &str) {
    let reached = async || query_one_text(cluster, "postgres", query).await.as_deref() == Some(wanted);
    wait_until(&format!("{query} returns {wanted}"), reached).await;
}

/// Creates a consumer that is active during the audit: a database with a subscription to another one of the same
/// server.
async fn create_subscription(cluster: &Cluster, to: &str) {
    let from = cluster.conninfo().replace("dbname=postgres", &format!("dbname={to}")).replace('\'', "''");
    let client = connect_superuser(cluster, to).await;
    execute_batch(&client, "select pg_create_logical_replication_slot('live', 'pgoutput')").await;
    let reader = create_database(cluster).await;
    let client = connect_superuser(cluster, &reader).await;
    execute_batch(&client, "create table with_key (a int primary key)").await;
    let create = format!(
        "create subscription \"Live\" connection '{from}' publication everything \
           with (slot_name = 'live', create_slot = false, copy_data = false)"
    );
    execute_batch(&client, &create).await;
    wait_for_result(cluster, "select active from pg_replication_slots where slot_name = 'live'", "t").await;
}

#[tokio::test]
async fn audit_methods_name_their_obstacles() {
    let options = cluster_options()
        .with_setting("max_prepared_transactions", "5")
        .with_setting("max_wal_senders", "1")
        .with_setting("max_replication_slots", "3")
        .with_setting("max_logical_replication_workers", "2")
        .with_setting("max_worker_processes", "4")
        .with_setting("autovacuum", "off");
    on_every_major_alone("obstacles", options, async |major, cluster| {
        let db = create_database(&cluster).await;
        let client = connect_superuser(&cluster, &db).await;
        execute_batch(&client, OBSTACLE_SETUP).await;
        execute_batch(&client, "select pg_create_logical_replication_slot('cdc', 'pgoutput')").await;
        execute_batch(
            &client,
            "create subscription \"Mirror\" connection 'host=/nowhere' publication x with (connect = false)",
        )
        .await;
        create_subscription(&cluster, &db).await;
        execute_batch(&client, "begin; insert into with_key values (1); prepare transaction 'half done'").await;
        execute_batch(&client, "alter system set max_connections = 60").await;
        execute_batch(&client, "select pg_reload_conf()").await;
        let place = role_conninfo(&cluster, "postgres", &db);
        let found_by = |snapshot: &Path, provider: &str, method: &str, severity: &str| {
            let report =
                audit_snapshot(snapshot, &[&["--provider", provider, "--method", method], &RATE_OPTIONS[..]].concat());
            let ids = array_field(&report["audit"], severity)
                .iter()
                .map(|finding| finding["id"].as_str().expect("an id").to_owned());
            (ids.collect::<Vec<String>>(), report["audit"][severity].to_string())
        };
        // A setting is reported as pending restart shortly after the reload.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let snapshot = loop {
            let snapshot = record_snapshot(&place);
            let (found, _) = found_by(&snapshot, "rds", "blue-green", "blockers");
            if found.iter().any(|id| id == "pending_restart") || std::time::Instant::now() > deadline {
                break snapshot;
            }
        };
        let of = |provider: &str, method: &str, severity: &str| found_by(&snapshot, provider, method, severity);
        let (blue_green, text) = of("rds", "blue-green", "blockers");
        let twice = ["logical_slot", "logical_slot", "subscription", "subscription", "pending_restart"];
        assert_eq!(blue_green, twice, "{major}: {text}");
        // Active slots and enabled subscriptions are obstacles, too.
        assert!(text.contains("logical slot live (in use)") && text.contains("subscription Live in "), "{text}");
        assert!(text.contains("cdc") && text.contains("Mirror") && text.contains("max_connections"), "{text}");
        let (warned, text) = of("rds", "blue-green", "warnings");
        assert!(warned.iter().any(|id| id == "read_only_override") && text.contains("batch"), "{text}");
        assert!(warned.iter().any(|id| id == "prepared_transactions") && text.contains("half done"), "{text}");
        assert!(
            text.contains("extension pg_cron") && text.contains("publication") && text.contains("everything"),
            "{text}"
        );
        assert!(!text.contains("pg_partman") && !text.contains("timescaledb"), "not relevant for this method: {text}");
        // Problems of logical copies are not relevant for this method.
        assert!(!warned.iter().any(|id| id == "no_replica_identity" || id == "sequences"), "{text}");

        let (blockers, text) = of("rds", "blue-green-upgrade", "blockers");
        for id in ["logical_slot", "subscription", "no_replica_identity", "large_objects", "too_few"] {
            assert!(blockers.iter().any(|blocker| blocker == id), "{id} on {major}: {text}");
        }
        assert!(text.contains("public.no_key") && !text.contains("public.with_key"), "{text}");
        for few in [
            "max_replication_slots is 3",
            "max_wal_senders is 1",
            "max_logical_replication_workers is 2",
            "max_worker_processes is 4",
        ] {
            assert!(text.contains(few), "{few} on {major}: {text}");
        }
        let (warned, text) = of("rds", "blue-green-upgrade", "warnings");
        assert!(warned.iter().filter(|id| *id == "extension").count() == 3, "{text}");
        let (ticked, text) = of("rds", "blue-green-upgrade", "checklist");
        assert!(ticked.len() >= 9 && text.contains("Secrets Manager") && text.contains("autoscaling"), "{text}");
        let (warned, text) = of("self", "logical-replication", "warnings");
        assert!(text.contains("max_worker_processes is 4") && text.contains("on the new server"), "{text}");
        assert!(!of("rds", "dms", "warnings").1.contains("max_worker_processes"), "DMS applies by itself");
        for (id, name) in [
            ("unlogged_tables", "public.fast"),
            ("materialized_views", "public.seen"),
            ("event_triggers", "Watch"),
            ("foreign_servers", "afar"),
            ("sequences", ""),
        ] {
            assert!(warned.iter().any(|warning| warning == id) && text.contains(name), "{id} on {major}: {text}");
        }
        assert_eq!(of("self", "dump", "blockers").0, [""; 0], "a dump contains all objects");
        let (not_there, _) = of("azure", "shrink", "blockers");
        assert_eq!(not_there, ["method_not_offered"]);
        execute_batch(&client, "rollback prepared 'half done'").await;
        execute_batch(&client, "alter subscription \"Mirror\" set (slot_name = none)").await;
        execute_batch(&client, "drop subscription \"Mirror\"").await;
    })
    .await;
}
