//! Real servers for the tests, found on this machine or fetched.
//!
//! The tests run on the oldest and the newest supported major. If one is missing, the next one replaces it, and stderr
//! says so. `PGTEND_TEST_MAJORS=all` or `PGTEND_TEST_MAJORS=13,17` selects majors; a missing one is then a
//! failure, except that `all` leaves out 19, and says so, on a machine that cannot get it.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

mod majors;
mod session;
mod shared;
mod short_run;
mod small_file_system;
mod wait;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use futures_util::FutureExt;
use pg_sandbox::{Cluster, ClusterOptions, Installation};

pub use majors::{installation, majors, newest_installation, package_cache};
pub use session::{connect_superuser, create_database, execute_sql, query_one_text, query_texts};
pub use shared::shared_cluster;
pub use short_run::{is_left_out, is_major_of_long_test, is_short_run, sample_cases};
pub use small_file_system::SmallFileSystem;
pub use wait::{wait_until, wait_until_blocking, wait_until_sessions_ended, wait_until_true_in};

/// Options with a cached initdb result, and the data directory in memory if the machine has enough.
pub fn cluster_options() -> ClusterOptions {
    let options = ClusterOptions { parent: cluster_parent(), ..ClusterOptions::default() };
    options.with_templates(majors::target_folder().join("templates"))
}

/// `/dev/shm` if it and the memory have 8 GB free, otherwise `/tmp`. A cluster takes less than 1 GB, and few run at
/// once.
fn cluster_parent() -> PathBuf {
    const ENOUGH_KB: u64 = 8 << 20;
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next());
    let memory_kb = available.and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or(0);
    #[allow(clippy::useless_conversion, reason = "block counts are narrower elsewhere")]
    let disk_kb = nix::sys::statvfs::statvfs("/dev/shm")
        .map_or(0, |found| u64::from(found.blocks_available()) * u64::from(found.fragment_size()) / 1024);
    PathBuf::from(if ENOUGH_KB <= disk_kb.min(memory_kb) { "/dev/shm" } else { "/tmp" })
}

/// Options of a server for bulk loading: it writes little WAL and has a large cache.
pub fn bulk_load_options() -> ClusterOptions {
    let settings = [
        ("autovacuum", "off"),
        ("shared_buffers", "256MB"),
        ("maintenance_work_mem", "64MB"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("max_wal_size", "4GB"),
        ("full_page_writes", "off"),
    ];
    settings.iter().fold(cluster_options(), |options, (name, value)| options.with_setting(name, value))
}

/// A private cluster, for tests that stop, pause or damage it.
pub fn private_cluster(installation: &Installation, options: ClusterOptions) -> Cluster {
    match Cluster::start(installation, options) {
        Ok(cluster) => cluster,
        Err(error) => panic!("Postgres {} did not start: {error:?}\n{error}", installation.version),
    }
}

/// Runs a read-only test (it may create a database of its own) on the shared cluster of every selected major.
pub async fn on_every_major(name: &str, test: impl AsyncFn(u32, &'static Cluster)) {
    on_every_installation(name, async |major, _| test(major, shared_cluster(major)).await).await;
}

/// Runs a test on a private cluster of every selected major.
pub async fn on_every_major_alone(name: &str, options: ClusterOptions, test: impl AsyncFn(u32, Cluster)) {
    on_every_installation(name, async |major, installation| {
        test(major, private_cluster(installation, options.clone())).await
    })
    .await;
}

/// Runs a long test on a private cluster of every selected major; in a short run on the newest only.
pub async fn on_every_major_alone_long(name: &str, options: ClusterOptions, test: impl AsyncFn(u32, Cluster)) {
    on_installations(name, is_major_of_long_test, async |major, installation| {
        test(major, private_cluster(installation, options.clone())).await
    })
    .await;
}

/// Runs a test with the installation of every selected major and prints on which majors it ran. A failure on one major
/// does not prevent the runs on the others.
pub async fn on_every_installation(name: &str, test: impl AsyncFn(u32, &'static Installation)) {
    on_installations(name, |_| true, test).await;
}

/// Like [`on_every_installation`], from the first major that has the tested feature.
pub async fn on_installations_from(first: u32, name: &str, test: impl AsyncFn(u32, &'static Installation)) {
    on_installations(name, |major| major >= first, test).await;
}

/// Like [`on_every_installation`], on one major and on the newest, for behaviour that does not vary otherwise. In a
/// short run only on the newest, and with `PGTEND_TEST_SHARE=1` on all.
pub async fn on_a_major_and_the_newest(first_major: u32, name: &str, test: impl AsyncFn(u32, &'static Installation)) {
    on_these_and_the_newest(&[first_major], name, test).await;
}

/// Like [`on_a_major_and_the_newest`], on their shared clusters.
pub async fn on_a_major_and_the_newest_shared(first_major: u32, name: &str, test: impl AsyncFn(u32, &'static Cluster)) {
    on_a_major_and_the_newest(first_major, name, async |major, _| test(major, shared_cluster(major)).await).await;
}

/// Like [`on_a_major_and_the_newest`], each with a private cluster.
pub async fn on_a_major_and_the_newest_alone(
    first_major: u32,
    name: &str,
    options: ClusterOptions,
    test: impl AsyncFn(u32, Cluster),
) {
    let alone = async |major, installation| test(major, private_cluster(installation, options.clone())).await;
    on_a_major_and_the_newest(first_major, name, alone).await;
}

/// Runs a test whose result does not depend on the major, on the newest one.
pub async fn on_the_newest(name: &str, test: impl AsyncFn(u32, &'static Installation)) {
    on_these_and_the_newest(&[], name, test).await;
}

/// Like [`on_the_newest`], on its shared cluster.
pub async fn on_the_newest_shared(name: &str, test: impl AsyncFn(u32, &'static Cluster)) {
    on_the_newest(name, async |major, _| test(major, shared_cluster(major)).await).await;
}

/// Like [`on_the_newest`], on a private cluster.
pub async fn on_the_newest_alone(name: &str, options: ClusterOptions, test: impl AsyncFn(u32, Cluster)) {
    let alone = async |major, installation| test(major, private_cluster(installation, options.clone())).await;
    on_the_newest(name, alone).await;
}

/// Whether tests of some of the selected majors run on all of them: `PGTEND_TEST_SHARE=1`.
pub fn every_major_wanted() -> bool {
    std::env::var("PGTEND_TEST_SHARE").is_ok_and(|share| share == "1")
}

async fn on_these_and_the_newest(wanted: &[u32], name: &str, test: impl AsyncFn(u32, &'static Installation)) {
    let newest = newest_installation().major;
    let is_wanted = |major| match every_major_wanted() {
        true => true,
        false => major == newest || !is_short_run() && wanted.contains(&major),
    };
    on_installations(name, is_wanted, test).await;
}

/// Runs a test on the selected majors for which `wanted` returns true.
pub async fn on_installations(
    name: &str,
    wanted: impl Fn(u32) -> bool,
    test: impl AsyncFn(u32, &'static Installation),
) {
    let (mut ran, mut failed) = (Vec::new(), Vec::new());
    if !majors().keys().any(|&major| wanted(major)) {
        return print_stderr(&format!("{name}: NOT RUN: needs another major than the selected ones"));
    }
    for (&major, installation) in majors().iter().filter(|(major, _)| wanted(**major)) {
        match installation {
            Ok(installation) => {
                let outcome = AssertUnwindSafe(test(major, installation)).catch_unwind().await;
                ran.push(major.to_string());
                if outcome.is_err() {
                    failed.push(major.to_string());
                }
            }
            Err(why) if majors::majors_required() => panic!("{name}: no Postgres {major}: {why}"),
            Err(why) => {
                print_stderr(&format!("{name}: NOT RUN on {major}: {}", why.lines().next().unwrap_or_default()))
            }
        }
    }
    if ran.is_empty() {
        panic!("{name}: ran on no major");
    }
    print_stderr(&format!("{name}: ran on {}", ran.join(" ")));
    assert!(failed.is_empty(), "{name}: failed on {}", failed.join(" "));
}

/// Writes to the stderr of the process: the test harness captures the output of the print macros.
pub fn print_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
