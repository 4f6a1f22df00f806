//! The price of a recording where there are many relations. Not run by default:
//! `cargo test --release --test it -- --ignored --nocapture history::scale`.

use super::address;
use super::world::{MB, World};
use crate::clusters::say;
use pgtend::history::Store;
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const RELATIONS: usize = 119_000;
const NIGHTS: usize = 20;

fn resident(command: &mut Command) -> (Duration, u64) {
    // GNU time tells the most memory a process ever had.
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    let kilobytes = told.lines().rev().find_map(|line| line.trim().strip_prefix("resident ")?.parse::<u64>().ok());
    (begun.elapsed(), kilobytes.unwrap_or(0) * 1_024)
}

fn run(arguments: &[&str]) -> (Duration, u64) {
    let program = assert_cmd::cargo::cargo_bin("pgtend");
    let measured = Path::new("/usr/bin/time").exists();
    let mut command = if measured { Command::new("/usr/bin/time") } else { Command::new(&program) };
    if measured {
        command.args(["-f", "resident %M"]).arg(program);
    }
    resident(command.args(arguments))
}

#[tokio::test]
#[ignore = "takes minutes; prints figures"]
async fn a_year_of_119_000_relations_of_which_2_percent_change_a_night() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let (store, from) = (path.to_str().unwrap(), file.to_str().unwrap());
    let mut world = World::new();
    for number in 0..RELATIONS / 2 {
        let table = world.add_table(&format!("a_table_of_a_tenant_{number}"), MB);
        world.add_index(&format!("a_table_of_a_tenant_{number}_pkey"), table, MB / 2);
    }
    let mut sizes = Vec::new();
    let (mut slowest, mut largest, mut without) = (Duration::ZERO, 0, (Duration::ZERO, 0));
    for night in 0..=NIGHTS {
        world.pass(24, 1_000 * MB);
        for number in 0..RELATIONS / 100 {
            // Others every night, all of them in 50 nights.
            let at = (night * RELATIONS / 100 + number) % (RELATIONS / 2);
            world.tables[at].heap.bytes += 8_192;
            world.indexes[at].idx_scan += 17;
        }
        std::fs::write(&file, serde_json::to_vec(&world.snapshot()).unwrap()).unwrap();
        // The same snapshot read and shown, without a history: what is left is the history's own.
        without = run(&["databases", "--from", from]);
        let with = run(&["history", "record", "--history", store, "--from", from]);
        if night == 0 {
            say(&format!("first recording: {:.1} s, {} MB at most", with.0.as_secs_f64(), with.1 / MB));
        } else {
            slowest = slowest.max(with.0.saturating_sub(without.0));
            largest = largest.max(with.1.saturating_sub(without.1));
        }
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    let a_night = (sizes[NIGHTS] - sizes[1]) / (NIGHTS as u64 - 1);
    let a_year = sizes[0] + 365 * a_night;
    say(&format!(
        "{RELATIONS} relations, 2 % changing a night: first sample {} MB, {} kB a night, {} MB a year; a recording adds \
         {:.1} s and {} MB to reading the snapshot ({:.1} s, {} MB)",
        sizes[0] / MB,
        a_night / 1_024,
        a_year / MB,
        slowest.as_secs_f64(),
        largest / MB,
        without.0.as_secs_f64(),
        without.1 / MB,
    ));
    let begun = Instant::now();
    let opened = Store::open(&address(store)).await.unwrap();
    let cluster_id = opened.lineages().await.unwrap()[0].cluster_id;
    let since = World::new().now;
    let scans = opened.index_scans(cluster_id, "shop", since, world.now).await.unwrap().len();
    let asked = begun.elapsed();
    let grown = opened.growth(cluster_id, since, true).await.unwrap().len();
    say(&format!(
        "index_scans of {scans} indexes in {:.1} s, growth of {grown} subjects in {:.1} s",
        asked.as_secs_f64(),
        (begun.elapsed() - asked).as_secs_f64()
    ));
    assert!(a_year < 500 * MB, "a year takes {} MB", a_year / MB);
    if !cfg!(debug_assertions) {
        assert!(slowest < Duration::from_secs(3), "a recording takes {slowest:?}");
        assert!(largest < 100 * MB, "a recording takes {} MB", largest / MB);
    }
}
