//! The sizes in a snapshot are correct, whatever happened before.

use std::fmt::Write as _;
use std::time::Instant;

use pg_sandbox::{Cluster, StopMode};
use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::Snapshot;

use super::data_sets::{CRASH_DATA_SETS, DATA_SETS, DataSet, SMALL_TABLES};
use super::program_runs::{collect_from_conninfo, database_conninfo, open_session, relations_scope};
use super::server_sizes::ServerSizes;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, is_left_out, on_a_major_and_the_newest_alone,
    on_a_major_and_the_newest_shared, on_the_newest, print_stderr, private_cluster, query_one_text, sample_cases,
};

/// Default limit of the relations that one server process measures.
const MAX_MEASURED: u64 = 10_000;

async fn create_small_tables(cluster: &Cluster) {
    execute_sql(cluster, "postgres", "create database small_tables").await;
    execute_sql(cluster, "small_tables", SMALL_TABLES).await;
    execute_sql(cluster, "small_tables", "vacuum analyze").await;
}

/// Loads a data set into a new database.
async fn load_data_set(cluster: &Cluster, (name, steps): &DataSet) {
    execute_sql(cluster, "postgres", &format!("create database {name} template small_tables")).await;
    for step in *steps {
        execute_sql(cluster, name, step).await;
    }
}

/// Compares a default and an exact snapshot with the server's own sizes.
async fn assert_sizes(cluster: &Cluster, database: &str, name: &str, summary: &mut String) {
    let text = database_conninfo(cluster, database);
    let snapshot = collect_from_conninfo(&text, &relations_scope()).await;
    let truth = ServerSizes::measure(cluster, database).await;
    let error = truth.assert_within_tolerance(name, &snapshot);
    assert!(error.measured <= MAX_MEASURED, "{name}: {} relations were measured", error.measured);
    let exact = collect_from_conninfo(&text, &Scope { exact: true, ..relations_scope() }).await;
    truth.assert_exact(name, &exact);
    let (relation, sum) = (error.max_relation_error * 100.0, error.total_error * 100.0);
    let _ = write!(summary, "\n    {name}: {} measured, relations {relation:.1} %, sum {sum:.2} %", error.measured);
}

#[tokio::test]
async fn sizes_of_every_data_set_are_estimated() {
    on_a_major_and_the_newest_alone(
        13,
        "sizes of all data sets",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            let since = Instant::now();
            let mut summary = format!("sizes on {major}:");
            create_small_tables(&cluster).await;
            execute_sql(&cluster, "small_tables", "alter database small_tables set search_path = scene").await;
            for (name, steps) in sample_cases("sizes of all data sets", DATA_SETS, 4) {
                execute_sql(&cluster, "small_tables", "create schema scene").await;
                for step in *steps {
                    execute_sql(&cluster, "small_tables", step).await;
                }
                assert_sizes(&cluster, "small_tables", name, &mut summary).await;
                execute_sql(&cluster, "small_tables", "drop schema scene cascade").await;
            }
            print_stderr(&format!("{summary}\n    in {:.1} s", since.elapsed().as_secs_f64()));
        },
    )
    .await;
}

#[tokio::test]
async fn sizes_after_crash_are_estimated() {
    let options = cluster_options().with_setting("autovacuum", "off");
    on_a_major_and_the_newest_alone(13, "sizes after a crash", options, async |major, mut cluster| {
        let mut summary = format!("sizes after a crash on {major}:");
        create_small_tables(&cluster).await;
        for set in CRASH_DATA_SETS {
            load_data_set(&cluster, set).await;
        }
        cluster.stop(StopMode::Immediate).expect("it stops");
        cluster.start_server().expect("it starts again");
        for (name, _) in CRASH_DATA_SETS {
            assert_sizes(&cluster, name, name, &mut summary).await;
        }
        print_stderr(&summary);
    })
    .await;
}

#[tokio::test]
async fn sizes_include_temporary_tables() {
    on_a_major_and_the_newest_shared(13, "temporary tables of other sessions", async |_, cluster| {
        let name = crate::clusters::create_database(cluster).await;
        let other = connect_superuser(cluster, &name).await;
        let made = "create temp table t as select g as id, md5(g::text) as t from generate_series(1, 200000) g; \
                    create index on t (id)";
        other.batch_execute(made).await.expect("a temporary table");
        assert_sizes(cluster, &name, "temporary", &mut String::new()).await;
    })
    .await;
}

/// Creates 10,000 tables without statistics, each with an index and TOAST: more relations than one process measures.
async fn create_ten_thousand_tables(cluster: &Cluster) {
    for chunk in 0..20 {
        let (first, last) = (chunk * 500 + 1, chunk * 500 + 500);
        let batch = format!(
            "do $$ begin for n in {first}..{last} loop \
             execute format('create table small_%s (id int, t text)', n); end loop; end $$"
        );
        execute_sql(cluster, "postgres", &batch).await;
    }
}

/// Returns the private bytes of the server process of a pgtend session, if the system reports them.
async fn backend_private_memory(cluster: &Cluster) -> Option<u64> {
    let pid = "select pid from pg_stat_activity where application_name = 'pgtend'";
    let pid = query_one_text(cluster, "postgres", pid).await.expect("a pid");
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let private = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Some(kilobytes.sum::<u64>() * 1024)
}

/// Collects a default snapshot and asserts that the server process stays small.
async fn collect_with_small_backend(cluster: &Cluster, name: &str) -> Snapshot {
    let session = open_session(&cluster.conninfo()).await;
    let since = Instant::now();
    let snapshot = collect_snapshot(&session, &relations_scope()).await.expect("a snapshot");
    let took = since.elapsed().as_secs_f64();
    let memory = backend_private_memory(cluster).await;
    let memory_text = memory.map_or("unknown".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    print_stderr(&format!("{name}: collected in {took:.2} s, private memory of the server's process {memory_text}"));
    assert!(memory.is_none_or(|bytes| bytes <= 50_000_000), "{name}: {memory_text}");
    snapshot
}

#[tokio::test]
async fn sizes_find_one_large_of_10_000_tables() {
    // Takes a minute, and the choice of measured relations is the same on every major.
    if is_left_out("sizes of 10,000 tables") {
        return;
    }
    on_the_newest("sizes of 10,000 tables", async |major, installation| {
        let mut cluster = private_cluster(
            installation,
            cluster_options().with_setting("autovacuum", "off").with_setting("max_wal_size", "4GB"),
        );
        create_ten_thousand_tables(&cluster).await;
        let large_table = "create table large (id int primary key, t text); \
                     insert into large select g, repeat(md5(g::text), 3) from generate_series(1, 300000) g";
        execute_sql(&cluster, "postgres", large_table).await;
        for (name, step) in [
            ("never analysed", "select"),
            ("statistics lost", "select pg_stat_reset()"),
            ("analysed, then doubled", "vacuum analyze large; "),
        ] {
            execute_sql(&cluster, "postgres", step).await;
            if step.starts_with("vacuum") {
                execute_sql(&cluster, "postgres", "insert into large select id + 300000, t from large").await;
            }
            let snapshot = collect_with_small_backend(&cluster, &format!("large table {name}, on {major}")).await;
            let truth = ServerSizes::measure(&cluster, "postgres").await;
            let error = truth.assert_within_tolerance(name, &snapshot);
            print_stderr(&format!("large table {name}, on {major}: {error:?}"));
            // Without statistics the limit is reached, and the index of the large table is measured over another
            // connection.
            assert!(error.measured <= MAX_MEASURED + 10, "{} were measured", error.measured);
        }
        cluster.stop(StopMode::Immediate).expect("it stops");
        cluster.start_server().expect("it starts again");
        let snapshot = collect_with_small_backend(&cluster, &format!("large table after a crash, on {major}")).await;
        let truth = ServerSizes::measure(&cluster, "postgres").await;
        print_stderr(&format!(
            "large table after a crash, on {major}: {:?}",
            truth.assert_within_tolerance("a crash", &snapshot)
        ));
        let exact = collect_from_conninfo(&cluster.conninfo(), &Scope { exact: true, ..relations_scope() }).await;
        truth.assert_exact("ten thousand", &exact);
    })
    .await;
}
