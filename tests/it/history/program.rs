//! `pgtend history …` as a program: killed, without a place to write, in every format.

use super::address;
use super::world::{MB, World};
use crate::clusters::{on_every_major, sql};
use assert_cmd::Command as Assert;
use jiff::SignedDuration;
use pgtend::{history::Store, model::Snapshot};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

fn pgtend(store: &Path, arguments: &[&str]) -> Output {
    let mut command = Assert::cargo_bin("pgtend").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.env("PGTEND_HISTORY", store).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn save(world: &World, path: &Path) {
    std::fs::write(path, serde_json::to_vec(&world.snapshot()).unwrap()).unwrap();
}

#[test]
fn without_a_place_to_write_the_history_commands_fail_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    for command in ["list", "growth", "journal", "prune"] {
        let output = pgtend(&store, &["history", command]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no history yet") && said.contains("history record"), "{said}");
        let output = pgtend(&store, &["history", command, "--history", "none"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    assert!(!store.exists(), "looking makes nothing");

    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = pgtend(&folder.path().join("file/history.db"), &["history", "record", "--from", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be opened"), "{output:?}");
    let output = pgtend(&store, &["history", "list", "--history", "mysql://x"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn every_report_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let from = file.to_str().unwrap();
    let mut world = World::new();
    let table = world.add_table("orders", 100 * MB);
    world.add_index("orders_idx", table, MB);
    for night in 0..10 {
        world.pass(24, 100 * MB);
        world.table("orders").heap.bytes += 10 * MB;
        save(&world, &file);
        let line = text(&pgtend(&store, &["history", "record", "--from", from]));
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.contains(if night == 0 { "the first sample; 2 relations, 2" } else { "2 relations, 1" }),
            "{line}"
        );
    }
    assert!(text(&pgtend(&store, &["history", "record", "--from", from])).contains("already"));

    for command in ["list", "growth", "journal"] {
        for format in ["table", "csv", "markdown"] {
            assert!(!text(&pgtend(&store, &["history", command, "--format", format])).is_empty() || format == "csv");
        }
        let json = text(&pgtend(&store, &["history", command, "--format", "json"]));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["command"], format!("history {command}"));
        assert_eq!(json["schema_version"], 1);
    }
    let growth = text(&pgtend(&store, &["history", "growth", "--to", "300MB", "--format", "json"]));
    let growth: serde_json::Value = serde_json::from_str(&growth).unwrap();
    assert_eq!(growth["server"]["system_identifier"], world.system_identifier);
    let orders = growth["growth"].as_array().unwrap().iter().find(|row| row["name"] == "orders").unwrap();
    assert_eq!(orders["bytes_per_day"], 10.0 * MB as f64);
    assert_eq!(orders["days_until"], 10.0);
    assert_eq!(growth["wal"]["bytes_per_day"], 100.0 * MB as f64);
    let table = text(&pgtend(&store, &["history", "growth"]));
    assert!(table.contains("+10 MB/d") && table.contains('█') && table.contains("WAL written: +100 MB/d"), "{table}");
    assert!(text(&pgtend(&store, &["history", "journal"])).contains("The journal is empty"));
    assert!(text(&pgtend(&store, &["history", "list"])).contains("10 samples of one cluster"));
    // Years lie between then and the clock of this machine.
    assert!(text(&pgtend(&store, &["history", "prune"])).contains("9 samples pruned, 1 kept"));
}

/// Killed at any moment the store opens, holds whole samples only, and the next run goes on.
#[tokio::test]
async fn a_killed_recording_leaves_all_of_a_sample_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let mut world = World::new();
    let table = world.add_table("orders", 100 * MB);
    for number in 0..3_000 {
        world.add_index(&format!("index_{number}"), table, MB);
    }
    let record = || {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("pgtend"));
        command.args(["history", "record", "--history", path.to_str().unwrap(), "--from", file.to_str().unwrap()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    save(&world, &file);
    let begun = Instant::now();
    assert!(record().wait().unwrap().success());
    let whole_run = begun.elapsed();

    let (mut written, mut killed) = (1, 0);
    for round in 0..24 {
        world.pass(24, MB);
        for index in &mut world.indexes {
            index.idx_scan += 1;
        }
        save(&world, &file);
        let mut child = record();
        // Spread over the run, and a little beyond its end.
        std::thread::sleep(whole_run.mul_f64(f64::from(round) / 20.0));
        child.kill().unwrap();
        killed += i32::from(!child.wait().unwrap().success());

        let store = Store::open(&address(&path)).await.unwrap();
        let samples = store.samples(None).await.unwrap();
        let newest = samples.last().unwrap();
        written += i64::from(newest.collected_at == world.now);
        assert_eq!(samples.len() as i64, written, "round {round}");
        let scans =
            store.index_scans(newest.cluster_id, "shop", samples[0].collected_at, newest.collected_at).await.unwrap();
        assert_eq!(scans.len(), 3_000);
        let nights = newest.collected_at.duration_since(samples[0].collected_at).as_hours() as u64 / 24;
        assert!(scans.iter().all(|scans| scans.scans == nights), "round {round}: a sample is there in part");
        store.close().await;
    }
    assert!(killed > 3, "only {killed} of 24 runs were killed in time");
    save(&world, &file);
    assert!(record().wait().unwrap().success());
}

#[tokio::test]
async fn a_live_cluster_is_recorded_and_goes_on() {
    on_every_major("history record", async |major, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("history.db");
        let arguments = ["history", "record", "-d", &cluster.conninfo()];
        let first = text(&pgtend(&store, &arguments));
        assert!(first.contains("the first sample"), "{first}");
        let second = text(&pgtend(&store, &arguments));
        assert!(!second.contains("the first sample"), "{second}");
        let listed = text(&pgtend(&store, &["history", "list", "--format", "json"]));
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["samples"].as_array().unwrap().len(), 2);
        assert_eq!(listed["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(listed["samples"][0]["version_num"].as_u64().unwrap() / 10_000, u64::from(major));

        // Another run that began later has come first: no failure. One of tomorrow is a clock's fault.
        let look = pgtend(&store, &["snapshot", "-d", &cluster.conninfo()]);
        for (minutes, exit) in [(5, 0), (24 * 60, 1)] {
            let mut ahead: Snapshot = serde_json::from_slice(&look.stdout).unwrap();
            ahead.collected_at += SignedDuration::from_mins(minutes);
            let opened = Store::open(&address(&store)).await.unwrap();
            opened.record(&ahead).await.unwrap();
            opened.close().await;
            // The server does not stand still for that.
            sql(cluster, "postgres", "select pg_logical_emit_message(false, 'busy', 'x')").await;
            let late = pgtend(&store, &arguments);
            assert_eq!(late.status.code(), Some(exit), "{late:?}");
            let said = String::from_utf8_lossy(&late.stderr).into_owned();
            assert!(said.contains(if exit == 0 { "another run recorded a newer look" } else { "clock" }), "{said}");
        }
    })
    .await;
}

#[test]
fn the_password_of_a_store_is_not_in_the_process_list() {
    // A server that takes the connection and never answers keeps the program alive long enough to look at it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://app:s3kr1t-word@127.0.0.1:{}/pgtend", silent.local_addr().unwrap().port());
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("pgtend"))
        .args(["history", "list", "--history", &url])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let seen = loop {
        let listed = Command::new("ps").args(["-o", "args=", "-p", &child.id().to_string()]).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        if listed.contains("env:PGTEND_ARGUMENT_") || Instant::now() > deadline {
            break listed;
        }
    };
    child.kill().unwrap();
    let rest = child.wait_with_output().unwrap();
    assert!(seen.contains("env:PGTEND_ARGUMENT_") && !seen.contains("s3kr1t"), "{seen}");
    assert!(!String::from_utf8_lossy(&rest.stderr).contains("s3kr1t"));
}
