//! Damaged clusters: corrupt pages, and transaction ids close to wraparound. Each test has its own clusters.

use super::{
    check_report::{DEFAULT_LIMITS, FOUND, PASSED, assert_result, checks_with_status, name_set, run_check},
    nightly_runs::write_config,
};
use crate::{
    clusters::{
        cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, print_stderr, query_one_text,
    },
    reports::fixture_servers::wait_until_true,
};
use pg_sandbox::{Cluster, StopMode};
use std::{
    fs::OpenOptions,
    os::unix::fs::{FileExt, MetadataExt, chown},
    process::Command,
};

#[tokio::test]
async fn corruption_of_a_read_page_is_critical() {
    let mut options = cluster_options();
    options.initdb.push("--data-checksums".to_owned());
    on_a_major_and_the_newest_alone(13, "damaged pages", options, async |major, mut cluster| {
        execute_sql(&cluster, "postgres", "create table t as select g from generate_series(1, 1000) g").await;
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["checksum-failures"]);
        // A page of the database, and one of the shared catalogs.
        let damaged = ["t", "pg_shdescription"];
        let mut paths = Vec::new();
        for table in damaged {
            let path = format!("select pg_relation_filepath('{table}')");
            paths.push(query_one_text(&cluster, "postgres", &path).await.unwrap());
        }
        cluster.stop(StopMode::Fast).unwrap();
        for path in paths {
            let file = OpenOptions::new().write(true).open(cluster.data_directory().join(path)).unwrap();
            file.write_all_at(b"not what was written", 4_000).unwrap();
        }
        cluster.start_server().unwrap();
        let reader = connect_superuser(&cluster, "postgres").await;
        for table in damaged {
            let read = reader.simple_query(&format!("select count(*) from {table}")).await;
            assert!(read.is_err(), "the page of {table} was read");
        }
        drop(reader);
        wait_until_true(&cluster, "select checksum_failures > 0 from pg_stat_database where datname = 'postgres'")
            .await;
        // Before 18, a session counts failures in shared catalogs under its own database; base backups do not.
        let subjects = if major < 18 { vec!["postgres"] } else { vec!["postgres", "shared catalogs"] };
        if major >= 18 {
            wait_until_true(&cluster, "select checksum_failures > 0 from pg_stat_database where datid = 0").await;
        }
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_eq!(
            (exit, checks_with_status(&report, "critical").contains("checksum-failures")),
            (2, true),
            "{report}"
        );
        let found =
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "checksum-failures");
        let found: Vec<_> = found.map(|finding| finding["subject"].as_str().unwrap()).collect();
        assert_eq!(found, subjects, "on {major}: {report}");
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["checksum-failures"]);
    })
    .await;
}

/// Writes a file of zeros, as the server extends its transaction logs.
fn write_zero_file(cluster: &Cluster, name: &str) {
    let path = cluster.data_directory().join(name);
    std::fs::write(&path, vec![0; 256 << 10]).unwrap();
    let owner = cluster.data_directory().metadata().unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

#[tokio::test]
async fn corruption_wraparound_ids_are_found() {
    let options = cluster_options().with_setting("autovacuum", "off").with_setting("max_prepared_transactions", "2");
    on_a_major_and_the_newest_alone(15, "wraparound of ids", options, async |major, mut cluster| {
        execute_sql(&cluster, "postgres", "create table t (n int); insert into t values (1)").await;
        // Prevents freezing of rows that it may see or has locked.
        let old = "begin; insert into t values (2); select * from t for share; prepare transaction 'old'";
        execute_sql(&cluster, "postgres", old).await;
        // Two sessions that lock one row create a multixact.
        let client = connect_superuser(&cluster, "postgres").await;
        let other = connect_superuser(&cluster, "postgres").await;
        client.batch_execute("begin; select * from t for share").await.unwrap();
        other.batch_execute("begin; select * from t for share; commit").await.unwrap();
        client.batch_execute("commit").await.unwrap();
        drop((client, other));
        let folder = tempfile::tempdir().unwrap();
        let resetwal = cluster.installation().program("pg_resetwal");
        if !resetwal.exists() {
            print_stderr(&format!("wraparound of ids: at lowered limits on {major}, which has no pg_resetwal"));
            let lowered = "[check.xid-wraparound]\nwarning = 1\n[check.multixact]\nwarning = 1\n[check.xmin-horizon]\nwarning = 1\n";
            let config = write_config(folder.path(), lowered);
            let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none", "--config", &config]);
            let checks = name_set(&["xid-wraparound", "multixact", "xmin-horizon"]);
            assert!(checks_with_status(&report, "warning").is_superset(&checks), "on {major}: {report}");
            return;
        }
        cluster.stop(StopMode::Fast).unwrap();
        let data = cluster.data_directory();
        let owner = data.metadata().unwrap();
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={}", owner.uid()), format!("--regid={}", owner.gid())]);
        command.args(["--clear-groups", "--"]).arg(&resetwal);
        let mut command = if owner.uid() == 0 || !is_root() { Command::new(&resetwal) } else { command };
        let ran = command.args(["-f", "-x", "600000000", "-m", "600000000,1", "-D"]).arg(&data).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        // A file has 32 pages; a page has 32,768 transactions or 2,048 multixacts, from 19 on 1,024.
        write_zero_file(&cluster, "pg_xact/023C");
        write_zero_file(&cluster, if major < 19 { "pg_multixact/offsets/23C3" } else { "pg_multixact/offsets/4786" });
        cluster.start_server().unwrap_or_else(|error| panic!("{error:?}\n{}", cluster.log()));
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_eq!(exit, 2, "{report}");
        assert_result(&report, FOUND, DEFAULT_LIMITS, &["xid-wraparound", "multixact", "xmin-horizon"]);
        let critical = checks_with_status(&report, "critical");
        assert!(critical.contains("xmin-horizon") && !critical.contains("xid-wraparound"), "{report}");
    })
    .await;
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
