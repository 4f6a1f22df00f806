//! Every report through a proxy that damages the server's messages: an answer or a clear error, in time, never a panic.

use super::{create_tables, fuzzing_proxy::FuzzingProxy};
use crate::{
    clusters::{
        cluster_options, execute_sql, is_short_run, on_a_major_and_the_newest_alone, print_stderr, query_one_text,
    },
    collect::program_runs::{ProgramRun, pgtend_with_conninfo, wait_for_run},
};
use std::{collections::BTreeMap, time::Duration};

/// Runs per command and major, one per value of `ONE_IN`; twice as many for the store. Half of them in a short run,
/// more with `PGTEND_TEST_FUZZ=200`.
const RUNS: u64 = 4;

fn runs() -> u64 {
    let runs = if is_short_run() { RUNS / 2 } else { RUNS };
    std::env::var("PGTEND_TEST_FUZZ").map_or(runs, |runs| runs.parse().expect("a number"))
}

/// How often a message is damaged, as one in so many: early in a connection, or late.
const ONE_IN: [u32; 4] = [10, 60, 300, 1_500];

/// The time limit of one run: connecting, one round trip without a reply, and the cancel request.
const LIMIT: Duration = Duration::from_secs(40);

/// The commands that read a server, and a drop that ends before it acts.
const COMMANDS: [&[&str]; 14] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["tables", "--exact", "--jobs", "2"],
    &["tables", "--all-databases"],
    &["indexes"],
    &["slots"],
    &["slots", "why", "idle"],
    &["slots", "drop", "idle", "--dry-run"],
    &["wal"],
    &["check"],
    &["audit"],
    &["snapshot"],
    &["history", "record"],
];

#[tokio::test(flavor = "multi_thread")]
async fn fuzzed_protocol_never_panics_or_hangs() {
    let exits = std::sync::Mutex::new(BTreeMap::<i32, u32>::new());
    let damages = std::sync::atomic::AtomicU32::new(0);
    on_a_major_and_the_newest_alone(13, "fuzzed protocol", cluster_options(), async |major, cluster| {
        create_tables(&cluster).await;
        for (row, arguments) in COMMANDS.iter().enumerate() {
            for number in 0..runs() {
                let seed = u64::from(major) * 1_000_000 + row as u64 * 10_000 + number;
                let proxy = FuzzingProxy::start(
                    cluster.port(),
                    seed,
                    ONE_IN[usize::try_from(number).expect("few runs") % ONE_IN.len()],
                );
                let run = run_fuzzed(&proxy, cluster.password(), arguments).await;
                let exit = assert_sound(&run, arguments, seed);
                *exits.lock().expect("whole").entry(exit).or_default() += 1;
                damages.fetch_add(proxy.damages(), std::sync::atomic::Ordering::Relaxed);
            }
        }
        let slots = "select count(*)::text from pg_replication_slots";
        assert_eq!(query_one_text(&cluster, "postgres", slots).await.as_deref(), Some("1"), "the slot is kept");
    })
    .await;
    let (exits, damages) = (exits.into_inner().expect("whole"), damages.into_inner());
    assert!(damages > 0, "the proxy damages messages");
    print_stderr(&format!(
        "fuzzed protocol: {} runs, {damages} messages damaged, exits {exits:?}",
        exits.values().sum::<u32>()
    ));
}

/// The commands that use a store, in this order: the first run creates it.
const STORE_COMMANDS: [&[&str]; 4] = [&["history", "record"], &["history", "list"], &["check"], &["history", "growth"]];

#[tokio::test(flavor = "multi_thread")]
async fn fuzzed_store_never_panics_or_hangs() {
    on_a_major_and_the_newest_alone(13, "fuzzed store", cluster_options(), async |major, cluster| {
        execute_sql(&cluster, "postgres", "create database store").await;
        let target = cluster.tcp_conninfo();
        for number in 0..runs() * 2 {
            let seed = u64::from(major) * 1_000_000 + 900_000 + number;
            let one_in = ONE_IN[usize::try_from(number).expect("few runs") % ONE_IN.len()];
            let proxy = FuzzingProxy::start(cluster.port(), seed, one_in);
            let store = format!(
                "host=127.0.0.1 port={} user=postgres dbname=store password={} sslmode=disable connect_timeout=5",
                proxy.port(),
                cluster.password()
            );
            for arguments in STORE_COMMANDS {
                let arguments = [arguments, &["--format", "json", "--history", &store]].concat();
                let run =
                    wait_for_run(pgtend_with_conninfo(&target, &arguments).spawn().expect("the program starts")).await;
                assert_sound(&run, &arguments[..2], seed);
            }
        }
    })
    .await;
}

async fn run_fuzzed(proxy: &FuzzingProxy, password: &str, arguments: &[&str]) -> ProgramRun {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("history.db");
    let conninfo = format!(
        "host=127.0.0.1 port={} user=postgres dbname=postgres password={password} sslmode=disable connect_timeout=5",
        proxy.port()
    );
    let format: &[&str] = if arguments == ["snapshot"] { &[] } else { &["--format", "json"] };
    let store = ["--history", store.to_str().expect("UTF-8")];
    let child =
        pgtend_with_conninfo(&conninfo, &[arguments, format, &store].concat()).spawn().expect("the program starts");
    wait_for_run(child).await
}

/// Asserts that a run ended in time with a documented exit code and complete output.
fn assert_sound(run: &ProgramRun, arguments: &[&str], seed: u64) -> i32 {
    let context = format!("{arguments:?}, seed {seed}: {:?} after {:?}: {}", run.code, run.elapsed, run.stderr);
    let exit = run.code.unwrap_or_else(|| panic!("ended by a signal: {context}"));
    assert!((0..=4).contains(&exit) && !run.stderr.contains("bug in pgtend"), "{context}");
    assert!(run.elapsed < LIMIT, "{context}");
    if !run.stdout.is_empty() {
        let report: Result<serde_json::Value, _> = serde_json::from_slice(&run.stdout);
        assert!(report.is_ok(), "no JSON on stdout: {context}: {}", run.stdout_text());
    } else {
        assert!(exit != 0 && !run.stderr.is_empty(), "neither a report nor an error: {context}");
    }
    exit
}
