//! The disk below: what the user tells of it, and what the file system says where the server runs on this host.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use pgtend::sandbox::StopMode;
use serde_json::Value;

use super::nulls::assert_explained;
use super::program::{json, refusal, run};
use super::stories::story;
use super::zoo::conninfo;
use crate::clusters::{on_a_major_and_the_newest, on_every_installation, options, private, say, sql};

const GB: u64 = 1 << 30;

#[test]
fn sizes_that_are_none_are_refused() {
    for flag in ["--disk-size=much", "--disk-free=-1"] {
        for report in [&["wal"][..], &["overview"], &["slots", "why", "old_standby"]] {
            let said = refusal(2, &[report, &[flag]].concat());
            assert!(said.contains(flag.split('=').next().unwrap()), "{said}");
        }
    }
}

#[test]
fn what_is_told_makes_a_forecast_and_advice() {
    let wal = |more: &[&str]| {
        let file = story("disaster");
        let report = json(&[&["wal", "--from", &file], more].concat());
        assert_explained("wal", &report);
        report["wal"].clone()
    };
    let nothing = wal(&[]);
    assert_eq!((&nothing["disk"], &nothing["forecast"]["until_full"]), (&Value::Null, &Value::Null));
    assert!(nothing["forecast"]["per_100_gb"]["soonest_seconds"].is_u64(), "{nothing}");
    assert_eq!(nothing["prevention"]["max_slot_wal_keep_size_bytes"], Value::Null);

    let free = wal(&["--disk-free", "100GB"]);
    assert_eq!((&free["disk"]["source"], &free["disk"]["free_bytes"]), (&"flag".into(), &(100 * GB).into()));
    assert_eq!(free["disk"]["free_is_at_most"], false);
    assert_eq!(free["forecast"]["until_full"], nothing["forecast"]["per_100_gb"]);
    assert_eq!(free["forecast"]["pile_up"]["slot_name"], "debezium_orders_retired");

    // The size alone: what is known to lie there is taken from it.
    let size = wal(&["--disk-size", "100GB"]);
    let at_most = size["disk"]["free_bytes"].as_u64().unwrap();
    assert!((99 * GB..100 * GB).contains(&at_most), "{size}");
    assert_eq!(size["disk"]["free_is_at_most"], true);
    assert_eq!(size["prevention"]["max_slot_wal_keep_size_bytes"], 78 * GB, "{size}");
    let text = run(&["wal", "--disk-size", "100GB", "--from", &story("disaster")]).stdout;
    assert!(text.contains("ALTER SYSTEM SET max_slot_wal_keep_size = '78GB';"), "{text}");

    let file = story("disaster");
    let page = run(&["slots", "why", "debezium_orders_retired", "--disk-free", "20GB", "--from", &file]).stdout;
    assert!(page.contains("How long that can go on") && page.contains(": full in "), "{page}");
    let overview = json(&["overview", "--disk-free", "20GB", "--from", &file]);
    assert_explained("overview", &overview);
    let first = &overview["overview"]["findings"][0];
    assert_eq!(first["subject"], "disk", "{first}");
    assert!(first["message"].as_str().unwrap().contains("slot debezium_orders_retired keeps all WAL"), "{first}");
}

fn free_on(path: &Path) -> u64 {
    let answer = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(path).output().expect("stat");
    let text = String::from_utf8(answer.stdout).unwrap();
    text.split_whitespace().map(|number| number.parse::<u64>().unwrap()).product()
}

#[tokio::test]
async fn on_the_servers_own_host_the_file_system_is_asked() {
    on_every_installation("the file system of the server's host", async |major, installation| {
        let mut cluster = private(installation, options().set("autovacuum", "off"));
        sql(&cluster, "postgres", "create role stranger login").await;
        for conninfo in [cluster.conninfo(), cluster.tcp_conninfo()] {
            let report = json(&["wal", "-d", &conninfo]);
            assert_explained("wal", &report);
            let disk = &report["wal"]["disk"];
            assert_eq!((&disk["source"], &disk["wal_is_apart"]), (&"host".into(), &false.into()), "{disk}");
            let (free, size) = (disk["free_bytes"].as_u64().unwrap(), disk["size_bytes"].as_u64().unwrap());
            assert!(free.abs_diff(free_on(&cluster.data_directory())) < GB && free <= size, "{disk}");
        }
        // Who may not know where the data lie is told what to say instead.
        let blind = json(&["wal", "-d", &conninfo(&cluster, "stranger", "postgres")]);
        assert_explained("wal, as a stranger", &blind);
        assert_eq!(blind["wal"]["disk"], Value::Null);
        let text = run(&["wal", "-d", &conninfo(&cluster, "stranger", "postgres")]).stdout;
        assert!(text.contains("--disk-size, --disk-free"), "{text}");
        // Another server's files in the same place are no proof.
        let lock = cluster.data_directory().join("postmaster.pid");
        let before = fs::read_to_string(&lock).unwrap();
        let mut lines: Vec<&str> = before.lines().collect();
        lines[2] = "1000000000";
        fs::write(&lock, lines.join("\n")).unwrap();
        let report = json(&["wal", "-d", &cluster.conninfo()]);
        fs::write(&lock, &before).unwrap();
        assert_eq!(report["wal"]["disk"], Value::Null, "{report}");
        let why = report["unavailable"].as_array().unwrap().iter().find(|gap| gap["fact"] == "disk").unwrap();
        assert!(why["reason"].as_str().unwrap().contains("not the server's"), "{why}");

        // pg_wal on a volume of its own.
        let (other, wal) = (Path::new("/dev/shm"), cluster.data_directory().join("pg_wal"));
        let is_other = fs::metadata(other).is_ok_and(|shm| shm.dev() != fs::metadata(&wal).unwrap().dev());
        if !is_other {
            say(&format!("pg_wal on a volume of its own: NOT RUN on {major}: /dev/shm is none"));
            return;
        }
        cluster.stop(StopMode::Fast).expect("it stops");
        let folder = tempfile::Builder::new().prefix("pgtend-").tempdir_in(other).unwrap();
        let moved = folder.path().join("pg_wal");
        assert!(Command::new("cp").arg("-a").args([&wal, &moved]).status().unwrap().success());
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::remove_dir_all(&wal).unwrap();
        symlink(&moved, &wal).unwrap();
        cluster.start_again().expect("it starts again");
        let disk = &json(&["wal", "-d", &cluster.conninfo()])["wal"]["disk"];
        assert_eq!(disk["wal_is_apart"], true, "{disk}");
        assert!(disk["free_bytes"].as_u64().unwrap().abs_diff(free_on(other)) < GB / 4, "{disk}");
        cluster.stop(StopMode::Fast).expect("it stops");
    })
    .await;
}

#[tokio::test]
async fn the_configuration_tells_of_a_disk_that_nobody_else_does() {
    on_a_major_and_the_newest(17, "disk_size of a target", async |_, installation| {
        let cluster = private(installation, options().set("autovacuum", "off"));
        sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgtend.toml");
        sql(&cluster, "postgres", "revoke pg_read_all_settings from pg_monitor").await;
        let target = |size: &str| {
            let text = conninfo(&cluster, "watcher", "postgres");
            fs::write(&file, format!("[target.prod]\nconninfo = \"{text}\"\ndisk_size = \"{size}\"\n")).unwrap();
            let file = file.to_str().unwrap();
            json(&["wal", "--target", "prod", "--config", file])["wal"].clone()
        };
        let wal = target("500GB");
        assert_eq!(
            (&wal["disk"]["source"], &wal["disk"]["free_is_at_most"]),
            (&"config".into(), &true.into()),
            "{wal}"
        );
        assert_eq!(wal["disk"]["size_bytes"], 500 * GB);
    })
    .await;
}
