//! `pgtend history …` through the program: killed, without a writable store, in every format.

use super::parse_address;
use super::simulated_cluster::{MB, SimulatedCluster};
use crate::clusters::{execute_sql, is_short_run, on_a_major_and_the_newest_shared};
use crate::schemas::assert_output_is_valid;
use assert_cmd::Command as Assert;
use jiff::SignedDuration;
use pgtend::facts::Snapshot;
use pgtend::history::Store;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

fn run_with_store(store: &Path, arguments: &[&str]) -> Output {
    let mut command = Assert::cargo_bin("pgtend").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.env("PGTEND_HISTORY", store).args(arguments).output().unwrap()
}

fn stdout_text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert_output_is_valid(&output.stdout);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn save_snapshot(simulated: &SimulatedCluster, path: &Path) {
    std::fs::write(path, serde_json::to_vec(&simulated.snapshot()).unwrap()).unwrap();
}

#[test]
fn history_without_store_path_fails() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    for command in ["list", "growth", "journal", "prune"] {
        let output = run_with_store(&store, &["history", command]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("there is no history in") && stderr.contains("history record"), "{stderr}");
        let output = run_with_store(&store, &["history", command, "--history", "none"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    assert!(!store.exists(), "reading created a store");

    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = run_with_store(&folder.path().join("file/history.db"), &["history", "record", "--from", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be opened"), "{output:?}");
    let output = run_with_store(&store, &["history", "list", "--history", "mysql://x"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn history_reports_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let from = file.to_str().unwrap();
    let mut simulated = SimulatedCluster::new();
    let table = simulated.add_table("orders", 100 * MB);
    simulated.add_index("orders_idx", table, MB);
    for day in 0..10 {
        simulated.advance(24, 100 * MB);
        simulated.table("orders").heap.bytes += 10 * MB;
        save_snapshot(&simulated, &file);
        let line = stdout_text(&run_with_store(&store, &["history", "record", "--from", from]));
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.contains(if day == 0 {
                "as the first sample; 2 relations, of which 2 new"
            } else {
                "2 relations, of which 1 new"
            }),
            "{line}"
        );
    }
    assert!(stdout_text(&run_with_store(&store, &["history", "record", "--from", from])).contains("already"));

    for command in ["list", "growth", "journal"] {
        for format in ["table", "csv", "markdown"] {
            assert!(
                !stdout_text(&run_with_store(&store, &["history", command, "--format", format])).is_empty()
                    || format == "csv"
            );
        }
        let json = stdout_text(&run_with_store(&store, &["history", command, "--format", "json"]));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["command"], format!("history {command}"));
        assert_eq!(json["schema_version"], 1);
    }
    let growth = stdout_text(&run_with_store(&store, &["history", "growth", "--to", "300MB", "--format", "json"]));
    let growth: serde_json::Value = serde_json::from_str(&growth).unwrap();
    assert_eq!(growth["server"]["system_identifier"], simulated.system_identifier);
    let orders = growth["growth"].as_array().unwrap().iter().find(|row| row["name"] == "orders").unwrap();
    assert_eq!(orders["bytes_per_day"], 10.0 * MB as f64);
    assert_eq!(orders["days_until"], 10.0);
    assert_eq!(growth["wal"]["bytes_per_day"], 100.0 * MB as f64);
    let table = stdout_text(&run_with_store(&store, &["history", "growth"]));
    assert!(table.contains("+10 MB/d") && table.contains('█') && table.contains("WAL written: +100 MB/d"), "{table}");
    assert!(stdout_text(&run_with_store(&store, &["history", "journal"])).contains("The journal is empty"));
    assert!(stdout_text(&run_with_store(&store, &["history", "list"])).contains("10 samples of 1 cluster"));
    // The samples are years older than the clock of this machine.
    assert!(stdout_text(&run_with_store(&store, &["history", "prune"])).contains("9 samples pruned, 1 kept"));
}

/// Killed at any moment: the store can be opened, has complete samples only, and the next run continues.
#[tokio::test]
async fn history_killed_record_writes_whole_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("history.db"), folder.path().join("now.json"));
    let mut simulated = SimulatedCluster::new();
    let table = simulated.add_table("orders", 100 * MB);
    for number in 0..3_000 {
        simulated.add_index(&format!("index_{number}"), table, MB);
    }
    let record = || {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("pgtend"));
        command.args(["history", "record", "--history", path.to_str().unwrap(), "--from", file.to_str().unwrap()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    save_snapshot(&simulated, &file);
    let begun = Instant::now();
    assert!(record().wait().unwrap().success());
    let whole_run = begun.elapsed();

    let (mut written, mut killed) = (1, 0);
    for round in (0..24).step_by(if is_short_run() { 4 } else { 1 }) {
        simulated.advance(24, MB);
        for index in &mut simulated.indexes {
            index.idx_scan += 1;
        }
        save_snapshot(&simulated, &file);
        let mut child = record();
        // Distributed over the run, and slightly beyond its end.
        std::thread::sleep(whole_run.mul_f64(f64::from(round) / 20.0));
        child.kill().unwrap();
        killed += i32::from(!child.wait().unwrap().success());

        let store = Store::open(&parse_address(&path)).await.unwrap();
        let samples = store.samples(None).await.unwrap();
        let newest = samples.last().unwrap();
        written += i64::from(newest.collected_at == simulated.now);
        assert_eq!(samples.len() as i64, written, "round {round}");
        let scans =
            store.index_scans(newest.cluster_id, "shop", samples[0].collected_at, newest.collected_at).await.unwrap();
        assert_eq!(scans.len(), 3_000);
        let days = newest.collected_at.duration_since(samples[0].collected_at).as_hours() as u64 / 24;
        assert!(scans.iter().all(|scans| scans.scans == days), "round {round}: a sample is incomplete");
        store.close().await;
    }
    assert!(killed > if is_short_run() { 1 } else { 3 }, "only {killed} runs were killed in time");
    save_snapshot(&simulated, &file);
    assert!(record().wait().unwrap().success());
}

#[tokio::test]
async fn history_records_a_live_cluster() {
    on_a_major_and_the_newest_shared(13, "history record", async |major, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("history.db");
        let arguments = ["history", "record", "-d", &cluster.conninfo()];
        let first = stdout_text(&run_with_store(&store, &arguments));
        assert!(first.contains("the first sample"), "{first}");
        let second = stdout_text(&run_with_store(&store, &arguments));
        assert!(!second.contains("the first sample"), "{second}");
        let listed = stdout_text(&run_with_store(&store, &["history", "list", "--format", "json"]));
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["samples"].as_array().unwrap().len(), 2);
        assert_eq!(listed["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(listed["samples"][0]["version_num"].as_u64().unwrap() / 10_000, u64::from(major));

        // If a later run has recorded first, that is not a failure. A sample of tomorrow is an error of the clock.
        let collected = run_with_store(&store, &["snapshot", "-d", &cluster.conninfo()]);
        for (minutes, exit) in [(5, 0), (24 * 60, 1)] {
            let mut ahead: Snapshot = serde_json::from_slice(&collected.stdout).unwrap();
            ahead.collected_at += SignedDuration::from_mins(minutes);
            let opened = Store::open(&parse_address(&store)).await.unwrap();
            opened.record(&ahead).await.unwrap();
            opened.close().await;
            // The server writes WAL meanwhile.
            execute_sql(cluster, "postgres", "select pg_logical_emit_message(false, 'busy', 'x')").await;
            let late = run_with_store(&store, &arguments);
            assert_eq!(late.status.code(), Some(exit), "{late:?}");
            let stderr = String::from_utf8_lossy(&late.stderr).into_owned();
            assert!(
                stderr.contains(if exit == 0 { "a concurrent run recorded a newer sample" } else { "clock" }),
                "{stderr}"
            );
        }
    })
    .await;
}

#[test]
fn history_password_leaves_process_list() {
    // A server that accepts connections and never responds keeps the program running while the test reads the process
    // list.
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
