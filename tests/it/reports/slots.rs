//! The slots report compared with the server's own values.

use jiff::Timestamp;
use pg_sandbox::Cluster;
use pgtend::units::Lsn;
use serde_json::Value;

use super::fixture_servers::{execute_batch, query_objects, wait_until_true};
use super::program::{array_field, find_element, report_json};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_installation, private_cluster, query_one_text,
};

const SEGMENT: u64 = 1 << 20;

/// Writes segments, each with a switch after one record.
async fn write_segments(cluster: &Cluster, count: u32) {
    for _ in 0..count {
        execute_sql(cluster, "postgres", "select pg_logical_emit_message(false, 'filler', 'x')").await;
        execute_sql(cluster, "postgres", "select pg_switch_wal()").await;
    }
}

fn parse_lsn(value: &Value) -> Lsn {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no LSN: {value}"))
}

fn segment_number(lsn: Lsn) -> u64 {
    lsn.position() / SEGMENT * SEGMENT
}

async fn current_wal_lsn(cluster: &Cluster) -> Lsn {
    let text = query_one_text(cluster, "postgres", "select pg_current_wal_lsn()").await;
    text.and_then(|text| text.parse().ok()).expect("an LSN")
}

/// Creates slots in every state; the returned session owns the temporary one.
async fn create_slots(cluster: &Cluster) -> tokio_postgres::Client {
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('a_lost', true)").await;
    let filler = "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, 60)";
    execute_sql(cluster, "postgres", filler).await;
    // A checkpoint may already be in progress, so one may not be enough.
    let lost = "select wal_status = 'lost' from pg_replication_slots where slot_name = 'a_lost'";
    execute_sql(cluster, "postgres", "checkpoint").await;
    wait_until_true(cluster, lost).await;
    execute_sql(cluster, "postgres", "select pg_create_logical_replication_slot('b_decoder', 'pgoutput')").await;
    write_segments(cluster, 4).await;
    execute_sql(cluster, "postgres", "checkpoint").await;
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('c_younger', true)").await;
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('d_never')").await;
    write_segments(cluster, 3).await;
    execute_sql(cluster, "postgres", "checkpoint").await;
    let holder = connect_superuser(cluster, "postgres").await;
    execute_batch(&holder, "select pg_create_physical_replication_slot('e_temporary', true, true)").await;
    holder
}

#[tokio::test]
async fn slots_match_the_server() {
    on_every_installation("list of slots", async |major, installation| {
        let mut options =
            cluster_options().with_setting("max_slot_wal_keep_size", "48MB").with_setting("checkpoint_timeout", "1h");
        options.initdb.push("--wal-segsize=1".to_owned());
        let cluster = private_cluster(installation, options.with_setting("autovacuum", "off"));
        assert_eq!(array_field(&slots_report(&cluster), "slots").len(), 0);
        let holder = create_slots(&cluster).await;
        assert_columns_match(major, &cluster).await;
        assert_retained_matches_lsns(&cluster).await;
        assert_orders_and_filters(&cluster);
        assert_reclaimable_is_freed(&cluster).await;
        assert_wal_keep_size_retains(&cluster).await;
        drop(holder);
    })
    .await;
}

fn slots_report(cluster: &Cluster) -> Value {
    report_json(&["slots", "-d", &cluster.conninfo()])
}

async fn assert_columns_match(major: u32, cluster: &Cluster) {
    let query = "select to_jsonb(s) as row, age(s.xmin) as xmin_age, age(s.catalog_xmin) as catalog_xmin_age
                   from pg_replication_slots s";
    let truth = query_objects(cluster, "postgres", query).await;
    let report = slots_report(cluster);
    assert_eq!((truth.len(), array_field(&report, "slots").len()), (5, 5));
    for catalog_row in &truth {
        let name = catalog_row["row"]["slot_name"].as_str().unwrap();
        let shown = find_element(&report, "slots", "slot_name", name);
        for (column, expected) in catalog_row["row"].as_object().unwrap() {
            match column.as_str() {
                // Shown as the database's name, and as ages.
                "datoid" => {}
                "xmin" | "catalog_xmin" => {
                    let age = format!("{column}_age");
                    assert_eq!(shown[&age], catalog_row[&age], "{age} of {name} on {major}");
                }
                "inactive_since" => {
                    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
                    assert_eq!(time(&shown[column]), time(expected), "{column} of {name}");
                    assert_eq!(time(expected).is_some(), !expected.is_null(), "{expected}");
                }
                "safe_wal_size" => {
                    let near = |value: &Value| value.as_i64().unwrap_or(0) / (1 << 16);
                    assert!((near(&shown[column]) - near(expected)).abs() <= 1, "{column} of {name}: {shown}");
                    assert_eq!(shown[column].is_null(), expected.is_null(), "{column} of {name}: {shown}");
                }
                _ => assert_eq!(shown.get(column), Some(expected), "{column} of {name} on {major}"),
            }
        }
    }
    let of = |name: &str, field: &str| find_element(&report, "slots", "slot_name", name)[field].clone();
    assert_eq!(of("a_lost", "wal_status"), "lost");
    assert_eq!((of("b_decoder", "plugin"), of("b_decoder", "slot_type")), ("pgoutput".into(), "logical".into()));
    assert_eq!((of("e_temporary", "temporary"), of("e_temporary", "active")), (true.into(), true.into()));
    assert!(of("e_temporary", "active_pid").is_i64());
    if major >= 17 {
        assert_eq!(of("a_lost", "invalidation_reason"), "wal_removed");
        assert!(of("c_younger", "inactive_since").is_string());
    }
}

async fn assert_retained_matches_lsns(cluster: &Cluster) {
    let before = current_wal_lsn(cluster).await;
    let report = slots_report(cluster);
    let after = current_wal_lsn(cluster).await;
    for slot in array_field(&report, "slots") {
        let retained = slot["retained_bytes"].as_u64().unwrap_or_else(|| panic!("unknown: {slot}"));
        match slot["slot_name"].as_str().unwrap() {
            "a_lost" | "d_never" => {
                assert_eq!((retained, slot["reclaimable_bytes"].as_u64()), (0, Some(0)), "{slot}");
            }
            _ => {
                let from = parse_lsn(&slot["restart_lsn"]);
                assert!((before.bytes_since(from)..=after.bytes_since(from)).contains(&retained), "{slot}");
            }
        }
    }
}

fn assert_orders_and_filters(cluster: &Cluster) {
    let names = |arguments: &[&str]| {
        let report = report_json(&[&["slots", "-d", &cluster.conninfo()], arguments].concat());
        let names = array_field(&report, "slots").iter().map(|slot| slot["slot_name"].as_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    assert_eq!(names(&["--sort", "name"]), ["a_lost", "b_decoder", "c_younger", "d_never", "e_temporary"]);
    assert_eq!(names(&["--sort", "retained", "--limit", "2"]), ["b_decoder", "c_younger"]);
    assert_eq!(names(&["list", "--sort", "reclaimable", "--limit", "1"]), ["b_decoder"]);
    assert_eq!(names(&["--min-size", "6MB"]), ["b_decoder"]);
}

async fn assert_reclaimable_is_freed(cluster: &Cluster) {
    let report = slots_report(cluster);
    let of = |name: &str, field: &str| find_element(&report, "slots", "slot_name", name)[field].clone();
    let (oldest, younger) = (parse_lsn(&of("b_decoder", "restart_lsn")), parse_lsn(&of("c_younger", "restart_lsn")));
    let freed = segment_number(younger) - segment_number(oldest);
    assert!(freed >= 3 * SEGMENT, "{report}");
    assert_eq!(of("b_decoder", "reclaimable_bytes"), freed);
    assert_eq!(of("c_younger", "reclaimable_bytes"), 0);
    assert_eq!(of("e_temporary", "reclaimable_bytes"), 0);
    // Tests the prediction: the oldest slot is dropped, and a checkpoint removes WAL that is not retained.
    let oldest_file = "select min(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'";
    let retained_for = |name: Option<String>| {
        let name = name.expect("a segment");
        let part = |range: std::ops::Range<usize>| u64::from_str_radix(&name[range], 16).expect("hexadecimal");
        (part(8..16) << 32) + part(16..24) * SEGMENT
    };
    assert_eq!(retained_for(query_one_text(cluster, "postgres", oldest_file).await), segment_number(oldest));
    execute_sql(cluster, "postgres", "select pg_drop_replication_slot('b_decoder')").await;
    execute_sql(cluster, "postgres", "checkpoint").await;
    assert_eq!(retained_for(query_one_text(cluster, "postgres", oldest_file).await), segment_number(younger));
}

async fn assert_wal_keep_size_retains(cluster: &Cluster) {
    let before = self::slots_report(cluster);
    assert!(
        find_element(&before, "slots", "slot_name", "c_younger")["reclaimable_bytes"].as_u64() > Some(0),
        "{before}"
    );
    execute_sql(cluster, "postgres", "alter system set wal_keep_size = '2GB'").await;
    execute_sql(cluster, "postgres", "select pg_reload_conf()").await;
    wait_until_true(cluster, "select current_setting('wal_keep_size') = '2GB'").await;
    for slot in array_field(&slots_report(cluster), "slots") {
        assert_eq!(slot["reclaimable_bytes"], 0, "{slot}");
    }
}

#[tokio::test]
async fn slots_of_primary_and_standby_are_shown() {
    on_every_installation("slots of a primary and a standby", async |major, _| {
        let zoo = super::fixture_servers::fixture_servers(major);
        let primary = slots_report(&zoo.primary);
        let used = find_element(&primary, "slots", "slot_name", "standby_1");
        assert!(used["active"] == true && used["active_pid"].is_i64() && used["xmin_age"].is_i64(), "{used}");
        assert_eq!(find_element(&primary, "slots", "slot_name", "decoder")["database"], "shop");
        let standby = slots_report(&zoo.standby);
        let cascade = find_element(&standby, "slots", "slot_name", "cascade");
        assert!(cascade["retained_bytes"].is_i64() && cascade["active"] == false, "{cascade}");
    })
    .await;
}
