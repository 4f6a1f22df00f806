//! The slots report against the server's own truth.

use jiff::Timestamp;
use pgtend::model::Lsn;
use pgtend::sandbox::Cluster;
use serde_json::Value;

use super::program::{element, json, list};
use super::zoo::{batch, truth, wait_for};
use crate::clusters::{connect, on_every_installation, options, private, query_one_text, sql};

const SEGMENT: u64 = 1 << 20;

/// One segment after another, each switched away from when it has hardly begun.
async fn write_segments(cluster: &Cluster, count: u32) {
    for _ in 0..count {
        sql(cluster, "postgres", "select pg_logical_emit_message(false, 'filler', 'x')").await;
        sql(cluster, "postgres", "select pg_switch_wal()").await;
    }
}

fn lsn(value: &Value) -> Lsn {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no LSN: {value}"))
}

fn segment(lsn: Lsn) -> u64 {
    lsn.0 / SEGMENT * SEGMENT
}

async fn current(cluster: &Cluster) -> Lsn {
    let text = query_one_text(cluster, "postgres", "select pg_current_wal_lsn()").await;
    text.and_then(|text| text.parse().ok()).expect("an LSN")
}

/// A cluster whose slots are in every state there is; the session holds the temporary one.
async fn slots(cluster: &Cluster) -> tokio_postgres::Client {
    sql(cluster, "postgres", "select pg_create_physical_replication_slot('a_lost', true)").await;
    let filler = "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, 60)";
    sql(cluster, "postgres", filler).await;
    // The checkpoint that loses the slot is not always the first: another may be at work already.
    let lost = "select wal_status = 'lost' from pg_replication_slots where slot_name = 'a_lost'";
    sql(cluster, "postgres", "checkpoint").await;
    wait_for(cluster, lost).await;
    sql(cluster, "postgres", "select pg_create_logical_replication_slot('b_decoder', 'pgoutput')").await;
    write_segments(cluster, 4).await;
    sql(cluster, "postgres", "checkpoint").await;
    sql(cluster, "postgres", "select pg_create_physical_replication_slot('c_younger', true)").await;
    sql(cluster, "postgres", "select pg_create_physical_replication_slot('d_never')").await;
    write_segments(cluster, 3).await;
    sql(cluster, "postgres", "checkpoint").await;
    let holder = connect(cluster, "postgres").await;
    batch(&holder, "select pg_create_physical_replication_slot('e_temporary', true, true)").await;
    holder
}

#[tokio::test]
async fn slots_are_the_servers_own_and_what_they_hold_is_true() {
    on_every_installation("slots are the server's own", async |major, installation| {
        let mut options = options().set("max_slot_wal_keep_size", "48MB").set("checkpoint_timeout", "1h");
        options.initdb.push("--wal-segsize=1".to_owned());
        let cluster = private(installation, options.set("autovacuum", "off"));
        assert_eq!(list(&report(&cluster), "slots").len(), 0);
        let holder = slots(&cluster).await;
        columns_are_the_servers_own(major, &cluster).await;
        retained_is_what_lies_between(&cluster).await;
        orders_and_filters(&cluster);
        what_is_reclaimable_is_what_goes(&cluster).await;
        wal_keep_size_holds_everything(&cluster).await;
        drop(holder);
    })
    .await;
}

fn report(cluster: &Cluster) -> Value {
    json(&["slots", "-d", &cluster.conninfo()])
}

async fn columns_are_the_servers_own(major: u32, cluster: &Cluster) {
    let query = "select to_jsonb(s) as row, age(s.xmin) as xmin_age, age(s.catalog_xmin) as catalog_xmin_age
                   from pg_replication_slots s";
    let truth = truth(cluster, "postgres", query).await;
    let report = report(cluster);
    assert_eq!((truth.len(), list(&report, "slots").len()), (5, 5));
    for one in &truth {
        let name = one["row"]["slot_name"].as_str().unwrap();
        let shown = element(&report, "slots", "slot_name", name);
        for (column, expected) in one["row"].as_object().unwrap() {
            match column.as_str() {
                // Shown by the database's name, and by their ages.
                "datoid" => {}
                "xmin" | "catalog_xmin" => {
                    let age = format!("{column}_age");
                    assert_eq!(shown[&age], one[&age], "{age} of {name} on {major}");
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
    let of = |name: &str, field: &str| element(&report, "slots", "slot_name", name)[field].clone();
    assert_eq!(of("a_lost", "wal_status"), "lost");
    assert_eq!((of("b_decoder", "plugin"), of("b_decoder", "slot_type")), ("pgoutput".into(), "logical".into()));
    assert_eq!((of("e_temporary", "temporary"), of("e_temporary", "active")), (true.into(), true.into()));
    assert!(of("e_temporary", "active_pid").is_i64());
    if major >= 17 {
        assert_eq!(of("a_lost", "invalidation_reason"), "wal_removed");
        assert!(of("c_younger", "inactive_since").is_string());
    }
}

async fn retained_is_what_lies_between(cluster: &Cluster) {
    let before = current(cluster).await;
    let report = report(cluster);
    let after = current(cluster).await;
    for slot in list(&report, "slots") {
        let retained = slot["retained_bytes"].as_u64().unwrap_or_else(|| panic!("unknown: {slot}"));
        match slot["slot_name"].as_str().unwrap() {
            "a_lost" | "d_never" => {
                assert_eq!((retained, slot["reclaimable_bytes"].as_u64()), (0, Some(0)), "{slot}");
            }
            _ => {
                let from = lsn(&slot["restart_lsn"]);
                assert!((before.bytes_since(from)..=after.bytes_since(from)).contains(&retained), "{slot}");
            }
        }
    }
}

fn orders_and_filters(cluster: &Cluster) {
    let names = |arguments: &[&str]| {
        let report = json(&[&["slots", "-d", &cluster.conninfo()], arguments].concat());
        let names = list(&report, "slots").iter().map(|slot| slot["slot_name"].as_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    assert_eq!(names(&["--sort", "name"]), ["a_lost", "b_decoder", "c_younger", "d_never", "e_temporary"]);
    assert_eq!(names(&["--sort", "retained", "--limit", "2"]), ["b_decoder", "c_younger"]);
    assert_eq!(names(&["list", "--sort", "reclaimable", "--limit", "1"]), ["b_decoder"]);
    assert_eq!(names(&["--min-size", "6MB"]), ["b_decoder"]);
}

async fn what_is_reclaimable_is_what_goes(cluster: &Cluster) {
    let report = report(cluster);
    let of = |name: &str, field: &str| element(&report, "slots", "slot_name", name)[field].clone();
    let (oldest, younger) = (lsn(&of("b_decoder", "restart_lsn")), lsn(&of("c_younger", "restart_lsn")));
    let freed = segment(younger) - segment(oldest);
    assert!(freed >= 3 * SEGMENT, "{report}");
    assert_eq!(of("b_decoder", "reclaimable_bytes"), freed);
    assert_eq!(of("c_younger", "reclaimable_bytes"), 0);
    assert_eq!(of("e_temporary", "reclaimable_bytes"), 0);
    // The prediction, put to the test: the oldest is dropped, and a checkpoint removes what nobody holds.
    let oldest_file = "select min(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'";
    let place = |name: Option<String>| {
        let name = name.expect("a segment");
        let part = |range: std::ops::Range<usize>| u64::from_str_radix(&name[range], 16).expect("hexadecimal");
        (part(8..16) << 32) + part(16..24) * SEGMENT
    };
    assert_eq!(place(query_one_text(cluster, "postgres", oldest_file).await), segment(oldest));
    sql(cluster, "postgres", "select pg_drop_replication_slot('b_decoder')").await;
    sql(cluster, "postgres", "checkpoint").await;
    assert_eq!(place(query_one_text(cluster, "postgres", oldest_file).await), segment(younger));
}

async fn wal_keep_size_holds_everything(cluster: &Cluster) {
    let before = self::report(cluster);
    assert!(element(&before, "slots", "slot_name", "c_younger")["reclaimable_bytes"].as_u64() > Some(0), "{before}");
    sql(cluster, "postgres", "alter system set wal_keep_size = '2GB'").await;
    sql(cluster, "postgres", "select pg_reload_conf()").await;
    wait_for(cluster, "select current_setting('wal_keep_size') = '2GB'").await;
    for slot in list(&report(cluster), "slots") {
        assert_eq!(slot["reclaimable_bytes"], 0, "{slot}");
    }
}

#[tokio::test]
async fn slots_of_a_standby_and_those_that_serve_one_are_shown() {
    on_every_installation("slots around a standby", async |major, _| {
        let zoo = super::zoo::zoo(major);
        let primary = report(&zoo.primary);
        let used = element(&primary, "slots", "slot_name", "standby_1");
        assert!(used["active"] == true && used["active_pid"].is_i64() && used["xmin_age"].is_i64(), "{used}");
        assert_eq!(element(&primary, "slots", "slot_name", "decoder")["database"], "shop");
        let standby = report(&zoo.standby);
        let cascade = element(&standby, "slots", "slot_name", "cascade");
        assert!(cascade["retained_bytes"].is_i64() && cascade["active"] == false, "{cascade}");
    })
    .await;
}
