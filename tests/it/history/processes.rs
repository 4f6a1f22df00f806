//! Many processes with one store: none is refused, and nothing is lost or written twice.

use super::parse_address;
use super::{
    on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use crate::clusters::{execute_sql, on_a_major_and_the_newest, shared_cluster};
use pgtend::history::Store;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

fn start_pgtend(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Asserts that all exit with one of these codes and without a warning.
fn assert_exits(running: Vec<Child>, exits: &[i32]) {
    for child in running {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let exit = output.status.code().unwrap_or(-1);
        assert!(
            exits.contains(&exit) && stderr.is_empty(),
            "{exit}: {stderr}{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

fn save_snapshot(simulated: &SimulatedCluster, folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_string(&simulated.snapshot()).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn numbered_cluster(number: usize) -> SimulatedCluster {
    let mut simulated = SimulatedCluster::new();
    simulated.system_identifier = format!("73000000000000000{number:02}");
    let table = simulated.add_table("orders", MB);
    for index in 0..100 {
        simulated.add_index(&format!("index_{index}"), table, MB);
    }
    simulated
}

/// Sixteen processes create, migrate and write the store at once, then again every day.
#[tokio::test]
async fn processes_16_create_and_fill_a_store() {
    on_both_dialects("sixteen concurrent processes", async |url| {
        let folder = tempfile::tempdir().unwrap();
        let mut worlds: Vec<SimulatedCluster> = (0..8).map(numbered_cluster).collect();
        for run in 1..=2 {
            let mut running = Vec::new();
            for (number, simulated) in worlds.iter_mut().enumerate() {
                simulated.advance(24, MB);
                let file = save_snapshot(simulated, folder.path(), &format!("{run}-{number}"));
                // Half run `record`, half `check`; two of each use the same cluster, where the second finds the sample
                // recorded.
                running.push(start_pgtend(&["history", "record", "--from", &file, "--history", url]));
                running.push(start_pgtend(&["check", "--from", &file, "--history", url]));
            }
            assert_exits(running, &[0, 1, 2, 3]);
            let store = open_store(url).await;
            assert_eq!(store.cluster_branches().await.unwrap().len(), 8);
            assert_eq!(store.samples(None).await.unwrap().len(), 8 * run);
            store.close().await;
        }
        let store = open_store(url).await;
        for simulated in &worlds {
            let target_key = format!("cluster {}", simulated.system_identifier);
            let left = store.check_state(&target_key).await.unwrap();
            assert_eq!(left.checked_at, Some(simulated.now), "{target_key}");
            assert!(left.findings.iter().all(|finding| finding.check != "history"), "{:?}", left.findings);
        }
        store.close().await;
    })
    .await;
}

/// Several machines with one Postgres store and the same targets: each target is checked by one machine at a time.
#[tokio::test]
async fn processes_of_several_machines_share_a_store() {
    on_a_major_and_the_newest(13, "several machines with one store", async |major, _| {
        let cluster = shared_cluster(major);
        let folder = tempfile::tempdir().unwrap();
        let store = super::create_postgres_store(major).await;
        let mut targets = String::new();
        let mut names = Vec::new();
        for _ in 0..3 {
            let name = crate::clusters::create_database(cluster).await;
            let conninfo = crate::reports::fixture_servers::role_conninfo(cluster, "postgres", &name).replace('\'', "");
            targets.push_str(&format!("[target.{name}]\nconninfo = \"{conninfo}\"\n"));
            names.push(name);
        }
        let config = folder.path().join("config.toml");
        std::fs::write(&config, targets).unwrap();
        let config = config.to_str().unwrap();
        let arguments = ["check", "--all-targets", "--config", config, "--history", &store, "--no-notify"];
        assert_exits((0..4).map(|_| start_pgtend(&arguments)).collect(), &[0, 1]);
        let store = Store::open(&parse_address(&store)).await.unwrap();
        assert_eq!(store.cluster_branches().await.unwrap().len(), 1, "on {major}");
        for name in &names {
            assert!(store.check_state(name).await.unwrap().checked_at.is_some(), "{name} on {major}");
        }
        store.close().await;
        for name in names {
            execute_sql(cluster, "postgres", &format!("drop database {name}")).await;
        }
    })
    .await;
}
