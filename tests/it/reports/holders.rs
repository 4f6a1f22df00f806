//! The explanation of pg_wal: its parts add up, the binding holder is named, and the removable part is removed.

use std::process::Command;

use pg_sandbox::{Cluster, StandbyOptions, StopMode};
use serde_json::Value;

use super::fixture_servers::{execute_batch, role_conninfo, wait_until_true};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, report_json, run_pgtend};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_installation, private_cluster, query_one_text,
};

pub const SEGMENT: u64 = 1 << 20;
const NO_FILE_TO_ARCHIVE: &str = "select count(*) = 0 from pg_ls_archive_statusdir() where name ~ '\\.ready$'";

pub async fn write_wal(cluster: &Cluster, segments: u32) {
    let filler =
        format!("select pg_logical_emit_message(false, 'f', repeat('x', 1000000)) from generate_series(1, {segments})");
    execute_sql(cluster, "postgres", &filler).await;
    execute_sql(cluster, "postgres", "select pg_switch_wal()").await;
}

pub async fn alter_system(cluster: &Cluster, name: &str, value: &str) {
    execute_sql(cluster, "postgres", &format!("alter system set {name} = '{value}'")).await;
    execute_sql(cluster, "postgres", "select pg_reload_conf()").await;
    let now = format!(
        "select setting = '{value}' or pg_size_bytes(current_setting('{name}')) = pg_size_bytes('{value}')
                         from pg_settings where name = '{name}'"
    );
    let now = if value.ends_with("MB") { now } else { format!("select current_setting('{name}') = '{value}'") };
    wait_until_true(cluster, &now).await;
}

/// Asserts what holds in every state: the parts add up, and almost nothing is unexplained.
pub fn assert_wal_is_explained(what: &str, cluster: &Cluster) -> Value {
    let report = report_json(&["wal", "-d", &cluster.conninfo()]);
    assert_nulls_explained(what, &report);
    let wal = &report["wal"];
    let holders = array_field(wal, "holders");
    let sum: u64 = holders.iter().map(|holder| holder["bytes"].as_u64().unwrap()).sum();
    assert_eq!(sum, wal["directory_bytes"].as_u64().unwrap(), "{what}: {wal}");
    assert!(retained_by_cause(&report, "unexplained") <= SEGMENT, "{what}: {wal}");
    assert_eq!(holders.iter().filter(|holder| holder["binding"] == true).count(), 1, "{what}: {wal}");
    report
}

pub fn retained_by_cause(report: &Value, cause: &str) -> u64 {
    let parts = array_field(&report["wal"], "holders").iter().filter(|holder| holder["cause"] == cause);
    parts.map(|holder| holder["bytes"].as_u64().unwrap()).sum()
}

/// Asserts, after a checkpoint, which holder is binding, and that no removable WAL is left.
pub async fn assert_bound_by(what: &str, cluster: &Cluster, cause: &str, name: Option<&str>, at_least: u64) -> Value {
    if cause != "archiver" {
        // WAL that is not archived yet would be retained.
        wait_until_true(cluster, NO_FILE_TO_ARCHIVE).await;
    }
    execute_sql(cluster, "postgres", "checkpoint").await;
    let report = assert_wal_is_explained(what, cluster);
    let binding = array_field(&report["wal"], "holders").iter().find(|holder| holder["binding"] == true).unwrap();
    assert_eq!((binding["cause"].as_str(), binding["name"].as_str()), (Some(cause), name), "{what}: {}", report["wal"]);
    assert!(binding["bytes"].as_u64() >= Some(at_least * SEGMENT), "{what}: {}", report["wal"]);
    let removable = retained_by_cause(&report, "removable-at-checkpoint");
    assert!(removable <= SEGMENT, "{what}: {removable} bytes are still removable: {}", report["wal"]);
    report
}

#[tokio::test]
async fn holders_explain_pg_wal() {
    on_every_installation("holders of pg_wal", async |major, installation| {
        let mut options = cluster_options().with_setting("autovacuum", "off").with_setting("checkpoint_timeout", "1h");
        options.initdb.push("--wal-segsize=1".to_owned());
        for (name, value) in
            [("max_wal_size", "64MB"), ("min_wal_size", "2MB"), ("archive_mode", "on"), ("archive_command", "true")]
        {
            options = options.with_setting(name, value);
        }
        let mut cluster = private_cluster(installation, options);
        write_wal(&cluster, 3).await;
        assert_bound_by("nothing special", &cluster, "checkpoint", None, 1).await;
        assert_bound_by_slots(&cluster).await;
        alter_system(&cluster, "wal_keep_size", "6MB").await;
        write_wal(&cluster, 9).await;
        assert_bound_by("wal_keep_size", &cluster, "wal-keep-size", None, 4).await;
        alter_system(&cluster, "wal_keep_size", "0MB").await;
        assert_bound_by_archiver(&cluster).await;
        if major >= 17 {
            assert_bound_by_summarizer(&cluster).await;
        }
        assert_bound_by_lost_standby(&mut cluster).await;
    })
    .await;
}

async fn assert_bound_by_slots(cluster: &Cluster) {
    execute_sql(cluster, "postgres", "select pg_create_logical_replication_slot('l', 'test_decoding')").await;
    write_wal(cluster, 6).await;
    assert_bound_by("a logical slot", cluster, "slot", Some("l"), 5).await;
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('p', true)").await;
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('never')").await;
    let session = connect_superuser(cluster, "postgres").await;
    execute_batch(&session, "select pg_create_physical_replication_slot('t', true, true)").await;
    write_wal(cluster, 4).await;
    let report = assert_bound_by("two slots", cluster, "slot", Some("l"), 5).await;
    let named = |name: &str| array_field(&report["wal"], "holders").iter().find(|holder| holder["name"] == name);
    assert!(named("p").is_some() && named("t").is_some() && named("never").is_none(), "{report}");
    execute_sql(cluster, "postgres", "select pg_drop_replication_slot('l')").await;
    let freed =
        retained_by_cause(&assert_wal_is_explained("dropped, no checkpoint yet", cluster), "removable-at-checkpoint");
    assert!(freed >= 5 * SEGMENT, "{freed}");
    // The temporary slot needs the same LSN: the first by name is shown.
    assert_bound_by("the younger slot", cluster, "slot", Some("p"), 4).await;
    drop(session);
    alter_system(cluster, "max_slot_wal_keep_size", "3MB").await;
    write_wal(cluster, 12).await;
    execute_sql(cluster, "postgres", "checkpoint").await;
    wait_until_true(cluster, "select wal_status = 'lost' from pg_replication_slots where slot_name = 'p'").await;
    assert_bound_by("a lost slot", cluster, "checkpoint", None, 1).await;
    execute_sql(cluster, "postgres", "select pg_drop_replication_slot('p')").await;
    alter_system(cluster, "max_slot_wal_keep_size", "-1").await;
}

async fn assert_bound_by_archiver(cluster: &Cluster) {
    alter_system(cluster, "archive_command", "false").await;
    write_wal(cluster, 5).await;
    let failed = "select failed_count > 0 from pg_stat_archiver";
    wait_until_true(cluster, failed).await;
    assert_bound_by("archiving fails", cluster, "archiver", None, 4).await;
    // A role without access to pg_wal still gets the retained bytes.
    execute_sql(cluster, "postgres", "create role stranger login").await;
    let blind = report_json(&["wal", "-d", &role_conninfo(cluster, "stranger", "postgres")]);
    assert_nulls_explained("as a stranger", &blind);
    let first = &blind["wal"]["holders"][0];
    assert_eq!((&first["cause"], &first["binding"], &first["bytes"]), (&"archiver".into(), &true.into(), &Value::Null));
    assert!(first["retained_bytes"].as_u64() >= Some(4 * SEGMENT), "{blind}");

    alter_system(cluster, "archive_command", "").await;
    let count = "select failed_count::text from pg_stat_archiver";
    let before = query_one_text(cluster, "postgres", count).await;
    write_wal(cluster, 5).await;
    assert_bound_by("no archive_command", cluster, "archiver", None, 9).await;
    assert_eq!(query_one_text(cluster, "postgres", count).await, before, "no failure is counted");
    let text = run_pgtend(&["wal", "-d", &cluster.conninfo()]).stdout;
    assert!(text.contains("nothing is archived") && text.contains("segments not archived yet"), "{text}");
    alter_system(cluster, "archive_command", "true").await;
    execute_sql(cluster, "postgres", "select pg_switch_wal()").await;
    assert_bound_by("archived", cluster, "checkpoint", None, 1).await;
}

async fn assert_bound_by_summarizer(cluster: &Cluster) {
    alter_system(cluster, "summarize_wal", "on").await;
    wait_until_true(cluster, "select summarized_lsn > '0/0' from pg_get_wal_summarizer_state()").await;
    assert_wal_is_explained("with the summarizer", cluster);
    let pid = "select pid::text from pg_stat_activity where backend_type = 'walsummarizer'";
    let pid = query_one_text(cluster, "postgres", pid).await.expect("a summarizer");
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    write_wal(cluster, 8).await;
    assert_bound_by("a paused summarizer", cluster, "summarizer", None, 7).await;
    signal("-CONT");
    alter_system(cluster, "summarize_wal", "off").await;
    assert_bound_by("without the summarizer", cluster, "checkpoint", None, 1).await;
}

async fn assert_bound_by_lost_standby(cluster: &mut Cluster) {
    execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('standby', true)").await;
    let options = StandbyOptions { primary_slot_name: Some("standby".to_owned()), ..StandbyOptions::default() };
    let mut standby = cluster.create_standby(&options).expect("a standby");
    wait_until_true(cluster, "select active from pg_replication_slots where slot_name = 'standby'").await;
    write_wal(cluster, 4).await;
    assert_wal_is_explained("on the primary of a standby", cluster);
    assert_wal_is_explained("on the standby", &standby);
    standby.stop(StopMode::Fast).expect("the standby stops");
    write_wal(cluster, 8).await;
    assert_bound_by("a stopped standby", cluster, "slot", Some("standby"), 7).await;
    standby.start_server().expect("the standby starts");
    let caught_up = "select active and pg_current_wal_lsn() - restart_lsn < 100000 from pg_replication_slots where slot_name = 'standby'";
    wait_until_true(cluster, caught_up).await;
    assert_bound_by("a restarted standby", cluster, "checkpoint", None, 1).await;
    assert_wal_is_explained("on the restarted standby", &standby);
}
