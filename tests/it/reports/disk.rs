//! The disk: sizes given by the user, and sizes read from the file system if the server runs on this host.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pg_sandbox::{ClusterOptions, StopMode};
use serde_json::Value;

use super::fixture_servers::role_conninfo;
use super::nulls::assert_nulls_explained;
use super::program::{expect_failure, report_json, run_pgtend};
use super::scenarios::scenario_file;
use crate::clusters::{
    cluster_options, execute_sql, on_a_major_and_the_newest, on_every_installation, print_stderr, private_cluster,
};

const GB: u64 = 1 << 30;

#[test]
fn disk_invalid_sizes_are_refused() {
    for flag in ["--disk-size=much", "--disk-free=-1"] {
        for report in [&["wal"][..], &["overview"], &["slots", "why", "old_standby"]] {
            let message = expect_failure(2, &[report, &[flag]].concat());
            assert!(message.contains(flag.split('=').next().unwrap()), "{message}");
        }
    }
}

#[test]
fn disk_given_size_makes_a_forecast() {
    let wal = |more: &[&str]| {
        let file = scenario_file("disaster");
        let report = report_json(&[&["wal", "--from", &file], more].concat());
        assert_nulls_explained("wal", &report);
        report["wal"].clone()
    };
    let nothing = wal(&[]);
    assert_eq!((&nothing["disk"], &nothing["forecast"]["until_full"]), (&Value::Null, &Value::Null));
    assert!(nothing["forecast"]["per_100_gb"]["min_seconds"].is_u64(), "{nothing}");
    assert_eq!(nothing["prevention"]["max_slot_wal_keep_size_bytes"], Value::Null);

    let free = wal(&["--disk-free", "100GB"]);
    assert_eq!((&free["disk"]["source"], &free["disk"]["free_bytes"]), (&"flag".into(), &(100 * GB).into()));
    assert_eq!(free["disk"]["free_is_at_most"], false);
    assert_eq!(free["forecast"]["until_full"], nothing["forecast"]["per_100_gb"]);
    assert_eq!(free["forecast"]["wal_accumulation"]["slot_name"], "debezium_orders_retired");

    // Only the size is given: the known contents are subtracted.
    let size = wal(&["--disk-size", "100GB"]);
    let at_most = size["disk"]["free_bytes"].as_u64().unwrap();
    assert!((99 * GB..100 * GB).contains(&at_most), "{size}");
    assert_eq!(size["disk"]["free_is_at_most"], true);
    assert_eq!(size["prevention"]["max_slot_wal_keep_size_bytes"], 78 * GB, "{size}");
    let text = run_pgtend(&["wal", "--disk-size", "100GB", "--from", &scenario_file("disaster")]).stdout;
    assert!(text.contains("ALTER SYSTEM SET max_slot_wal_keep_size = '78GB';"), "{text}");

    let file = scenario_file("disaster");
    let page = run_pgtend(&["slots", "why", "debezium_orders_retired", "--disk-free", "20GB", "--from", &file]).stdout;
    assert!(page.contains("Forecast") && page.contains(": full in "), "{page}");
    let overview = report_json(&["overview", "--disk-free", "20GB", "--from", &file]);
    assert_nulls_explained("overview", &overview);
    assert_eq!(overview["overview"]["until_full"], wal(&["--disk-free", "20GB"])["forecast"]["until_full"]);
}

fn free_bytes(path: &Path) -> u64 {
    let answer = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(path).output().expect("stat");
    let text = String::from_utf8(answer.stdout).unwrap();
    text.split_whitespace().map(|number| number.parse::<u64>().unwrap()).product()
}

#[tokio::test]
async fn disk_local_server_uses_the_file_system() {
    on_every_installation("file system of a local server", async |major, installation| {
        // /tmp, because /dev/shm is the other volume below.
        let options = ClusterOptions { parent: PathBuf::from("/tmp"), ..cluster_options() };
        let mut cluster = private_cluster(installation, options.with_setting("autovacuum", "off"));
        execute_sql(&cluster, "postgres", "create role stranger login").await;
        for conninfo in [cluster.conninfo(), cluster.tcp_conninfo()] {
            let report = report_json(&["wal", "-d", &conninfo]);
            assert_nulls_explained("wal", &report);
            let disk = &report["wal"]["disk"];
            assert_eq!((&disk["source"], &disk["wal_is_apart"]), (&"host".into(), &false.into()), "{disk}");
            let (free, size) = (disk["free_bytes"].as_u64().unwrap(), disk["size_bytes"].as_u64().unwrap());
            assert!(free.abs_diff(free_bytes(&cluster.data_directory())) < GB && free <= size, "{disk}");
        }
        // A role that may not read the data directory gets a hint.
        let blind = report_json(&["wal", "-d", &role_conninfo(&cluster, "stranger", "postgres")]);
        assert_nulls_explained("wal, as a stranger", &blind);
        assert_eq!(blind["wal"]["disk"], Value::Null);
        let text = run_pgtend(&["wal", "-d", &role_conninfo(&cluster, "stranger", "postgres")]).stdout;
        assert!(text.contains("--disk-free"), "{text}");
        // Another server's files in the same directory do not match.
        let lock = cluster.data_directory().join("postmaster.pid");
        let before = fs::read_to_string(&lock).unwrap();
        let mut lines: Vec<&str> = before.lines().collect();
        lines[2] = "1000000000";
        fs::write(&lock, lines.join("\n")).unwrap();
        let report = report_json(&["wal", "-d", &cluster.conninfo()]);
        fs::write(&lock, &before).unwrap();
        assert_eq!(report["wal"]["disk"], Value::Null, "{report}");
        let why = report["unavailable"].as_array().unwrap().iter().find(|gap| gap["fact"] == "disk").unwrap();
        assert!(why["reason"].as_str().unwrap().contains("not the server's"), "{why}");

        // pg_wal on a separate volume.
        let (other, wal) = (Path::new("/dev/shm"), cluster.data_directory().join("pg_wal"));
        let is_other = fs::metadata(other).is_ok_and(|shm| shm.dev() != fs::metadata(&wal).unwrap().dev());
        if !is_other {
            print_stderr(&format!(
                "pg_wal on a separate volume: NOT RUN on {major}: /dev/shm is not a separate volume"
            ));
            return;
        }
        cluster.stop(StopMode::Fast).expect("it stops");
        let folder = tempfile::Builder::new().prefix("pgtend-").tempdir_in(other).unwrap();
        let moved = folder.path().join("pg_wal");
        assert!(Command::new("cp").arg("-a").args([&wal, &moved]).status().unwrap().success());
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::remove_dir_all(&wal).unwrap();
        symlink(&moved, &wal).unwrap();
        cluster.start_server().expect("it starts again");
        let disk = &report_json(&["wal", "-d", &cluster.conninfo()])["wal"]["disk"];
        assert_eq!(disk["wal_is_apart"], true, "{disk}");
        assert!(disk["free_bytes"].as_u64().unwrap().abs_diff(free_bytes(other)) < GB / 4, "{disk}");
        cluster.stop(StopMode::Fast).expect("it stops");
    })
    .await;
}

#[tokio::test]
async fn disk_size_of_config_is_used() {
    on_a_major_and_the_newest(17, "disk_size of a target", async |_, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        execute_sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgtend.toml");
        execute_sql(&cluster, "postgres", "revoke pg_read_all_settings from pg_monitor").await;
        let target = |size: &str| {
            let text = role_conninfo(&cluster, "watcher", "postgres");
            fs::write(&file, format!("[target.prod]\nconninfo = \"{text}\"\ndisk_size = \"{size}\"\n")).unwrap();
            let file = file.to_str().unwrap();
            report_json(&["wal", "--target", "prod", "--config", file])["wal"].clone()
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
