//! Many processes at one store: nobody is refused, and nothing is lost or written twice.

use super::address;
use super::{
    on_both_dialects, open,
    world::{MB, World},
};
use crate::clusters::{on_a_major_and_the_newest, shared, sql};
use pgtend::history::Store;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// All of them end with one of these codes and without a word of warning.
fn end(running: Vec<Child>, exits: &[i32]) {
    for child in running {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let exit = output.status.code().unwrap_or(-1);
        assert!(exits.contains(&exit) && said.is_empty(), "{exit}: {said}{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn save(world: &World, folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_string(&world.snapshot()).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn world(number: usize) -> World {
    let mut world = World::new();
    world.system_identifier = format!("73000000000000000{number:02}");
    let table = world.add_table("orders", MB);
    for index in 0..100 {
        world.add_index(&format!("index_{index}"), table, MB);
    }
    world
}

/// The store is made, brought up to date and written by sixteen at once, then again every night.
#[tokio::test]
async fn sixteen_processes_at_once_begin_and_fill_a_store() {
    on_both_dialects("sixteen processes at once", async |url| {
        let folder = tempfile::tempdir().unwrap();
        let mut worlds: Vec<World> = (0..8).map(world).collect();
        for night in 1..=2 {
            let mut running = Vec::new();
            for (number, world) in worlds.iter_mut().enumerate() {
                world.pass(24, MB);
                let file = save(world, folder.path(), &format!("{night}-{number}"));
                // Half record, half check; two of each look at one cluster, where the second finds the look known.
                running.push(start(&["history", "record", "--from", &file, "--history", url]));
                running.push(start(&["check", "--from", &file, "--history", url]));
            }
            end(running, &[0, 1, 2, 3]);
            let store = open(url).await;
            assert_eq!(store.lineages().await.unwrap().len(), 8);
            assert_eq!(store.samples(None).await.unwrap().len(), 8 * night);
            store.close().await;
        }
        let store = open(url).await;
        for world in &worlds {
            let place = format!("cluster {}", world.system_identifier);
            let left = store.night(&place).await.unwrap();
            assert_eq!(left.checked_at, Some(world.now), "{place}");
            assert!(left.findings.iter().all(|one| one.check != "history"), "{:?}", left.findings);
        }
        store.close().await;
    })
    .await;
}

/// Several machines, one Postgres store, the same targets: each is checked by one of them at a time.
#[tokio::test]
async fn fleets_of_several_machines_share_a_postgres_store() {
    on_a_major_and_the_newest(13, "fleets that share a store", async |major, _| {
        let cluster = shared(major);
        let folder = tempfile::tempdir().unwrap();
        let store = super::postgres_url(major).await;
        let mut targets = String::new();
        let mut names = Vec::new();
        for _ in 0..3 {
            let name = crate::clusters::database(cluster).await;
            let conninfo = crate::reports::zoo::conninfo(cluster, "postgres", &name).replace('\'', "");
            targets.push_str(&format!("[target.{name}]\nconninfo = \"{conninfo}\"\n"));
            names.push(name);
        }
        let config = folder.path().join("config.toml");
        std::fs::write(&config, targets).unwrap();
        let config = config.to_str().unwrap();
        let arguments = ["check", "--all-targets", "--config", config, "--history", &store, "--no-notify"];
        end((0..4).map(|_| start(&arguments)).collect(), &[0, 1]);
        let store = Store::open(&address(&store)).await.unwrap();
        assert_eq!(store.lineages().await.unwrap().len(), 1, "on {major}");
        for name in &names {
            assert!(store.night(name).await.unwrap().checked_at.is_some(), "{name} on {major}");
        }
        store.close().await;
        for name in names {
            sql(cluster, "postgres", &format!("drop database {name}")).await;
        }
    })
    .await;
}
