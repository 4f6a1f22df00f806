//! Fault injection: every command with every fault at a random moment, and hostile names and bytes. Each run ends in
//! time, reports correctly, and leaves nothing behind.

mod action_faults;
mod actions;
mod broken_snapshot;
mod disk_full;
mod fault;
mod fuzzed_files;
mod fuzzed_protocol;
mod fuzzing_proxy;
mod hostile_migrations;
mod hostile_names;
mod least_privilege;
mod outcome;
mod printed_commands;
mod quoting;
mod secrets;
mod unresponsive_store;

use std::collections::BTreeMap;
use std::time::Duration;

use pg_sandbox::{Cluster, StandbyOptions};

use crate::clusters::{cluster_options, execute_sql, is_short_run, on_every_major_alone_long, print_stderr};
use crate::collect::program_runs::{ProgramRun, pgtend_with_conninfo, wait_for_run};
use crate::collect::round_trips::proxied_conninfo;
use crate::proxy::Proxy;
use fault::Fault;
use outcome::Outcome;

const COMMANDS: [&[&str]; 9] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["tables", "--exact"],
    &["indexes"],
    &["slots"],
    &["wal"],
    &["snapshot"],
    &["history", "record"],
];

/// Each major runs every sixth pair of a command and a fault, with another offset than the previous major: six majors
/// cover all pairs.
const SHARE_OF_CASES: usize = 6;

/// The share of all cases per major: smaller in a short run; with `PGTEND_TEST_SHARE=1` each major runs all.
fn sample_share(usual: usize, short_run_factor: usize) -> usize {
    let share = if is_short_run() { usual * short_run_factor } else { usual };
    std::env::var("PGTEND_TEST_SHARE").map_or(share, |share| share.parse().expect("PGTEND_TEST_SHARE is a number"))
}

const CONTENT: &str = "
    create table kept (id int primary key, word text);
    insert into kept select n, repeat('word ', n % 40) from generate_series(1, 5000) n;
    create index kept_word on kept (word);
    analyze kept;
    select pg_create_physical_replication_slot('idle', true);";

async fn create_tables(cluster: &Cluster) {
    execute_sql(cluster, "postgres", CONTENT).await;
    let password = cluster.password();
    for alone in [
        format!("create role impatient superuser login password '{password}'"),
        "alter role impatient set statement_timeout = '1ms'".to_owned(),
        "alter role impatient set lock_timeout = '1ms'".to_owned(),
        "alter role impatient set idle_in_transaction_session_timeout = '1ms'".to_owned(),
    ] {
        execute_sql(cluster, "postgres", &alone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_every_command_ends_cleanly() {
    let share = sample_share(SHARE_OF_CASES, 3);
    let counts = std::sync::Mutex::new(BTreeMap::<(Fault, Outcome), u32>::new());
    let settings = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("fsync", "off")
        .with_setting("max_connections", "12");
    on_every_major_alone_long("faults during reports", settings, async |major, mut cluster| {
        create_tables(&cluster).await;
        let mut random = fastrand::Rng::with_seed(u64::from(major));
        for (row, arguments) in COMMANDS.iter().enumerate() {
            let of_this_major = |column: &usize| (row + column + major as usize).is_multiple_of(share);
            for fault in (0..Fault::ALL.len()).filter(of_this_major).map(|column| Fault::ALL[column]) {
                let outcome = inject_fault(&mut cluster, arguments, fault, &mut random).await;
                *counts.lock().expect("no panic while it is held").entry((fault, outcome)).or_default() += 1;
            }
        }
    })
    .await;
    let counts = counts.into_inner().expect("whole");
    let outcome_counts: Vec<_> =
        counts.iter().map(|((fault, outcome), count)| format!("{fault:?} {outcome:?} {count}")).collect();
    print_stderr(&format!(
        "faults during reports: {} cases: {}",
        counts.values().sum::<u32>(),
        outcome_counts.join(", ")
    ));
}

/// Runs one command with one fault. The slow network extends the run, so that the fault can occur at any step.
async fn inject_fault(cluster: &mut Cluster, arguments: &[&str], fault: Fault, random: &mut fastrand::Rng) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report");
    let store = folder.path().join("history.db");
    let mut arguments = arguments.to_vec();
    let file_named = file.to_str().expect("UTF-8").to_owned();
    arguments.extend(["--history", store.to_str().expect("UTF-8"), "--output", &file_named]);
    if arguments[0] != "snapshot" {
        arguments.extend(["--format", "json"]);
    }
    let delay = Duration::from_millis(random.u64(5..180));
    let (mut standby, cluster) = cluster_for_fault(cluster, fault);
    let cluster = standby.as_mut().unwrap_or(cluster);
    let proxy = Proxy::new(cluster.host(), cluster.port(), fault.network_behaviour());
    let run = run_with_fault(cluster, &proxy, fault, &arguments, delay).await;
    outcome::from_run(cluster, fault, &arguments, &run, folder.path()).await
}

/// Returns the cluster of the run: a standby can be promoted only once.
fn cluster_for_fault(cluster: &mut Cluster, fault: Fault) -> (Option<Cluster>, &mut Cluster) {
    let standby =
        (fault == Fault::Promotion).then(|| cluster.create_standby(&StandbyOptions::default()).expect("a standby"));
    (standby, cluster)
}

/// Runs the program and causes the fault while it runs. The server is repaired when this returns.
async fn run_with_fault(
    cluster: &mut Cluster,
    proxy: &Proxy,
    fault: Fault,
    arguments: &[&str],
    delay: Duration,
) -> ProgramRun {
    let before = fault.prepare(cluster).await;
    let conninfo =
        proxied_conninfo(proxy, cluster, "postgres").replace("user=postgres", &format!("user={}", fault.role()));
    let child = pgtend_with_conninfo(&conninfo, arguments).spawn().expect("the program starts");
    tokio::time::sleep(delay).await;
    fault.apply(cluster, proxy, &child).await;
    let run = wait_for_run(child).await;
    drop(before);
    fault.wait_until_repaired(cluster).await;
    run
}
