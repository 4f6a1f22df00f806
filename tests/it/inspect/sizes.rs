//! Whatever happened before, the sizes of a look are true.

use std::fmt::Write as _;
use std::time::Instant;

use pgtend::inspect::{Scope, inspect};
use pgtend::model::Snapshot;
use pgtend::sandbox::{Cluster, StopMode};

use super::data_sets::{CRASHED, DWARFS, DataSet, SETS};
use super::looks::{look, of_database, open, relations};
use super::truth::Truth;
use crate::clusters::{
    connect, on_a_major_and_the_newest, on_a_major_and_the_newest_alone, on_a_major_and_the_newest_shared, options,
    private, query_one_text, say, sql,
};

/// What one process of the server may be asked about by default.
const MOST: u64 = 10_000;

async fn dwarfs(cluster: &Cluster) {
    sql(cluster, "postgres", "create database dwarfs").await;
    sql(cluster, "dwarfs", DWARFS).await;
    sql(cluster, "dwarfs", "vacuum analyze").await;
}

/// In a database of its own.
async fn make(cluster: &Cluster, (name, steps): &DataSet) {
    sql(cluster, "postgres", &format!("create database {name} template dwarfs")).await;
    for step in *steps {
        sql(cluster, name, step).await;
    }
}

/// Holds a default look and an exact one to the server's own sizes.
async fn examine(cluster: &Cluster, database: &str, name: &str, account: &mut String) {
    let text = of_database(cluster, database);
    let snapshot = look(&text, &relations()).await;
    let truth = Truth::of(cluster, database).await;
    let error = truth.holds(name, &snapshot);
    assert!(error.measured <= MOST, "{name}: {} relations were measured", error.measured);
    let exact = look(&text, &Scope { exact: true, ..relations() }).await;
    truth.is_told_exactly(name, &exact);
    let (relation, sum) = (error.relation * 100.0, error.sum * 100.0);
    let _ = write!(account, "\n    {name}: {} measured, relations {relation:.1} %, sum {sum:.2} %", error.measured);
}

#[tokio::test]
async fn no_data_set_fools_the_estimate() {
    on_a_major_and_the_newest_alone(
        13,
        "no data set fools the estimate",
        options().set("autovacuum", "off"),
        async |major, cluster| {
            let since = Instant::now();
            let mut account = format!("sizes on {major}:");
            dwarfs(&cluster).await;
            sql(&cluster, "dwarfs", "alter database dwarfs set search_path = scene").await;
            for (name, steps) in SETS {
                sql(&cluster, "dwarfs", "create schema scene").await;
                for step in *steps {
                    sql(&cluster, "dwarfs", step).await;
                }
                examine(&cluster, "dwarfs", name, &mut account).await;
                sql(&cluster, "dwarfs", "drop schema scene cascade").await;
            }
            say(&format!("{account}\n    in {:.1} s", since.elapsed().as_secs_f64()));
        },
    )
    .await;
}

#[tokio::test]
async fn a_crash_fools_nobody() {
    let options = options().set("autovacuum", "off");
    on_a_major_and_the_newest_alone(13, "a crash fools nobody", options, async |major, mut cluster| {
        let mut account = format!("sizes after a crash on {major}:");
        dwarfs(&cluster).await;
        for set in CRASHED {
            make(&cluster, set).await;
        }
        cluster.stop(StopMode::Immediate).expect("it stops");
        cluster.start_again().expect("it starts again");
        for (name, _) in CRASHED {
            examine(&cluster, name, name, &mut account).await;
        }
        say(&account);
    })
    .await;
}

#[tokio::test]
async fn temporary_tables_of_others_count() {
    on_a_major_and_the_newest_shared(13, "temporary tables of others count", async |_, cluster| {
        let name = crate::clusters::database(cluster).await;
        let other = connect(cluster, &name).await;
        let made = "create temp table t as select g as id, md5(g::text) as t from generate_series(1, 200000) g; \
                    create index on t (id)";
        other.batch_execute(made).await.expect("a temporary table");
        examine(cluster, &name, "temporary", &mut String::new()).await;
    })
    .await;
}

/// Ten thousand tables that are never analysed, each with an index and TOAST: more than one process may be asked about.
async fn ten_thousand(cluster: &Cluster) {
    for chunk in 0..20 {
        let (first, last) = (chunk * 500 + 1, chunk * 500 + 500);
        let batch = format!(
            "do $$ begin for n in {first}..{last} loop \
             execute format('create table dwarf_%s (id int, t text)', n); end loop; end $$"
        );
        sql(cluster, "postgres", &batch).await;
    }
}

/// Private bytes of the server's process that serves a session of pgtend, where the system tells.
async fn private_memory(cluster: &Cluster) -> Option<u64> {
    let pid = "select pid from pg_stat_activity where application_name = 'pgtend'";
    let pid = query_one_text(cluster, "postgres", pid).await.expect("a pid");
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let private = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Some(kilobytes.sum::<u64>() * 1024)
}

/// A default look that leaves the server's process small.
async fn gentle_look(cluster: &Cluster, name: &str) -> Snapshot {
    let session = open(&cluster.conninfo()).await;
    let since = Instant::now();
    let snapshot = inspect(&session, &relations()).await.expect("a look");
    let took = since.elapsed().as_secs_f64();
    let memory = private_memory(cluster).await;
    let told = memory.map_or("unknown".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    say(&format!("{name}: looked at in {took:.2} s, private memory of the server's process {told}"));
    assert!(memory.is_none_or(|bytes| bytes <= 50_000_000), "{name}: {told}");
    snapshot
}

#[tokio::test]
async fn a_giant_among_ten_thousand_dwarfs_is_seen() {
    // A minute's work on each.
    on_a_major_and_the_newest(13, "a giant among ten thousand dwarfs", async |major, installation| {
        let mut cluster = private(installation, options().set("autovacuum", "off").set("max_wal_size", "4GB"));
        ten_thousand(&cluster).await;
        let giant = "create table giant (id int primary key, t text); \
                     insert into giant select g, repeat(md5(g::text), 3) from generate_series(1, 300000) g";
        sql(&cluster, "postgres", giant).await;
        for (name, step) in [
            ("never analysed", "select"),
            ("statistics lost", "select pg_stat_reset()"),
            ("analysed, then doubled", "vacuum analyze giant; "),
        ] {
            sql(&cluster, "postgres", step).await;
            if step.starts_with("vacuum") {
                sql(&cluster, "postgres", "insert into giant select id + 300000, t from giant").await;
            }
            let snapshot = gentle_look(&cluster, &format!("a giant {name}, on {major}")).await;
            let truth = Truth::of(&cluster, "postgres").await;
            let error = truth.holds(name, &snapshot);
            say(&format!("a giant {name}, on {major}: {error:?}"));
            // With nothing to go by the bound is reached, and the giant's index asked for over another connection.
            assert!(error.measured <= MOST + 10, "{} were measured", error.measured);
        }
        cluster.stop(StopMode::Immediate).expect("it stops");
        cluster.start_again().expect("it starts again");
        let snapshot = gentle_look(&cluster, &format!("a giant after a crash, on {major}")).await;
        let truth = Truth::of(&cluster, "postgres").await;
        say(&format!("a giant after a crash, on {major}: {:?}", truth.holds("a crash", &snapshot)));
        let exact = look(&cluster.conninfo(), &Scope { exact: true, ..relations() }).await;
        truth.is_told_exactly("ten thousand", &exact);
    })
    .await;
}
