//! Trial by fire: every command hit by every fault, at a random moment; names and bytes made to do harm. It ends in
//! time, truthfully, and leaves nothing behind.

mod act;
mod broken_snapshot;
mod bytes;
mod deeds;
mod disk_full;
mod fault;
mod fuzzed_protocol;
mod fuzzing_proxy;
mod hostile;
mod hostile_migrations;
mod least;
mod outcome;
mod printed_commands;
mod quoting;
mod secrets;
mod silent_store;

use std::collections::BTreeMap;
use std::time::Duration;

use pgtend::sandbox::{Cluster, StandbyOptions};

use crate::clusters::{on_every_major_alone, options, say, sql};
use crate::inspect::looks::{Run, command, end};
use crate::inspect::round_trips::through;
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

/// Each major takes every third of the pairs of a command and a fault, other ones than the major before it.
const SHARE: usize = 3;

/// Which part of all cases a major takes: `PGTEND_TEST_SHARE=1` has each take them all.
fn share(usual: usize) -> usize {
    std::env::var("PGTEND_TEST_SHARE").map_or(usual, |share| share.parse().expect("PGTEND_TEST_SHARE is a number"))
}

const CONTENT: &str = "
    create table kept (id int primary key, word text);
    insert into kept select n, repeat('word ', n % 40) from generate_series(1, 5000) n;
    create index kept_word on kept (word);
    analyze kept;
    select pg_create_physical_replication_slot('idle', true);";

async fn prepare(cluster: &Cluster) {
    sql(cluster, "postgres", CONTENT).await;
    let password = cluster.password();
    for alone in [
        format!("create role impatient superuser login password '{password}'"),
        "alter role impatient set statement_timeout = '1ms'".to_owned(),
        "alter role impatient set lock_timeout = '1ms'".to_owned(),
        "alter role impatient set idle_in_transaction_session_timeout = '1ms'".to_owned(),
    ] {
        sql(cluster, "postgres", &alone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_survives_every_fault() {
    let share = share(SHARE);
    let counts = std::sync::Mutex::new(BTreeMap::<(Fault, Outcome), u32>::new());
    let settings = options().set("autovacuum", "off").set("fsync", "off").set("max_connections", "12");
    on_every_major_alone("trial by fire", settings, async |major, mut cluster| {
        prepare(&cluster).await;
        let mut dice = fastrand::Rng::with_seed(u64::from(major));
        for (row, arguments) in COMMANDS.iter().enumerate() {
            let of_this_major = |column: &usize| (row + column + major as usize).is_multiple_of(share);
            for fault in (0..Fault::ALL.len()).filter(of_this_major).map(|column| Fault::ALL[column]) {
                let outcome = trial(&mut cluster, arguments, fault, &mut dice).await;
                *counts.lock().expect("no panic while it is held").entry((fault, outcome)).or_default() += 1;
            }
        }
    })
    .await;
    let counts = counts.into_inner().expect("whole");
    let told: Vec<_> =
        counts.iter().map(|((fault, outcome), count)| format!("{fault:?} {outcome:?} {count}")).collect();
    say(&format!("trial by fire: {} cases: {}", counts.values().sum::<u32>(), told.join(", ")));
}

/// One command, one fault. The delayed line stretches a run, so that the fault finds it at any step.
async fn trial(cluster: &mut Cluster, arguments: &[&str], fault: Fault, dice: &mut fastrand::Rng) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report");
    let store = folder.path().join("history.db");
    let mut arguments = arguments.to_vec();
    let file_named = file.to_str().expect("UTF-8").to_owned();
    arguments.extend(["--history", store.to_str().expect("UTF-8"), "--output", &file_named]);
    if arguments[0] != "snapshot" {
        arguments.extend(["--format", "json"]);
    }
    let moment = Duration::from_millis(dice.u64(5..180));
    let (mut standby, cluster) = of_fault(cluster, fault);
    let cluster = standby.as_mut().unwrap_or(cluster);
    let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), fault.line());
    let run = hit(cluster, &proxy, fault, &arguments, moment).await;
    outcome::of(cluster, fault, &arguments, &run, folder.path()).await
}

/// Only a standby can be promoted, and only once.
fn of_fault(cluster: &mut Cluster, fault: Fault) -> (Option<Cluster>, &mut Cluster) {
    let standby = (fault == Fault::Promotion).then(|| cluster.standby(&StandbyOptions::default()).expect("a standby"));
    (standby, cluster)
}

/// Runs the program, and the fault strikes at that moment. The server is well again when this returns.
async fn hit(cluster: &mut Cluster, proxy: &Proxy, fault: Fault, arguments: &[&str], moment: Duration) -> Run {
    let before = fault.prepare(cluster).await;
    let conninfo = through(proxy, cluster, "postgres").replace("user=postgres", &format!("user={}", fault.role()));
    let child = command(&conninfo, arguments).spawn().expect("the program starts");
    tokio::time::sleep(moment).await;
    fault.strike(cluster, proxy, &child).await;
    let run = end(child).await;
    drop(before);
    fault.repair(cluster).await;
    run
}
