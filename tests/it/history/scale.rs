//! The cost of recording many relations. Not run by default:
//! `cargo test --release --test it -- --ignored --nocapture history::scale`.

use super::parse_address;
use super::simulated_cluster::{MB, SimulatedCluster};
use crate::clusters::print_stderr;
use pgtend::history::Store;
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const RELATIONS: usize = 119_000;
const RUNS: usize = 20;

fn run_and_measure(command: &mut Command) -> (Duration, u64) {
    // GNU time reports the maximum resident set size.
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let time_output = String::from_utf8_lossy(&output.stderr);
    let kilobytes =
        time_output.lines().rev().find_map(|line| line.trim().strip_prefix("resident ")?.parse::<u64>().ok());
    (begun.elapsed(), kilobytes.unwrap_or(0) * 1_024)
}

fn record_and_measure(arguments: &[&str]) -> (Duration, u64) {
    let program = assert_cmd::cargo::cargo_bin("pgtend");
    let measured = Path::new("/usr/bin/time").exists();
    let mut command = if measured { Command::new("/usr/bin/time") } else { Command::new(&program) };
    if measured {
        command.args(["-f", "resident %M"]).arg(program);
    }
    run_and_measure(command.args(arguments))
}

#[tokio::test]
#[ignore = "takes minutes; prints figures"]
async fn history_scale_119_000_relations() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let (store, from) = (path.to_str().unwrap(), file.to_str().unwrap());
    let mut cluster = SimulatedCluster::new();
    for number in 0..RELATIONS / 2 {
        let table = cluster.add_table(&format!("a_table_of_a_tenant_{number}"), MB);
        cluster.add_index(&format!("a_table_of_a_tenant_{number}_pkey"), table, MB / 2);
    }
    let mut sizes = Vec::new();
    let (mut slowest, mut largest, mut without) = (Duration::ZERO, 0, (Duration::ZERO, 0));
    for day in 0..=RUNS {
        cluster.advance(24, 1_000 * MB);
        for number in 0..RELATIONS / 100 {
            // Different relations every day, all of them in 50 days.
            let index = (day * RELATIONS / 100 + number) % (RELATIONS / 2);
            cluster.tables[index].heap.bytes += 8_192;
            cluster.indexes[index].idx_scan += 17;
        }
        std::fs::write(&file, serde_json::to_vec(&cluster.snapshot()).unwrap()).unwrap();
        // Reading and showing the same snapshot without a history: the difference is the cost of the history.
        without = record_and_measure(&["databases", "--from", from]);
        let with = record_and_measure(&["history", "record", "--history", store, "--from", from]);
        if day == 0 {
            print_stderr(&format!("first recording: {:.1} s, {} MB at most", with.0.as_secs_f64(), with.1 / MB));
        } else {
            slowest = slowest.max(with.0.saturating_sub(without.0));
            largest = largest.max(with.1.saturating_sub(without.1));
        }
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    let per_run = (sizes[RUNS] - sizes[1]) / (RUNS as u64 - 1);
    let a_year = sizes[0] + 365 * per_run;
    print_stderr(&format!(
        "{RELATIONS} relations, 2 % changed per run: first sample {} MB, {} kB per run, {} MB per year; a recording adds \
         {:.1} s and {} MB to reading the snapshot ({:.1} s, {} MB)",
        sizes[0] / MB,
        per_run / 1_024,
        a_year / MB,
        slowest.as_secs_f64(),
        largest / MB,
        without.0.as_secs_f64(),
        without.1 / MB,
    ));
    let begun = Instant::now();
    let opened = Store::open(&parse_address(store)).await.unwrap();
    let cluster_id = opened.cluster_branches().await.unwrap()[0].cluster_id;
    let since = SimulatedCluster::new().now;
    let scans = opened.index_scans(cluster_id, "shop", since, cluster.now).await.unwrap().len();
    let elapsed = begun.elapsed();
    let grown = opened.growth(cluster_id, since, true).await.unwrap().len();
    print_stderr(&format!(
        "index_scans of {scans} indexes in {:.1} s, growth of {grown} subjects in {:.1} s",
        elapsed.as_secs_f64(),
        (begun.elapsed() - elapsed).as_secs_f64()
    ));
    assert!(a_year < 500 * MB, "a year takes {} MB", a_year / MB);
    if !cfg!(debug_assertions) {
        assert!(slowest < Duration::from_secs(3), "a recording takes {slowest:?}");
        assert!(largest < 100 * MB, "a recording takes {} MB", largest / MB);
    }
}
