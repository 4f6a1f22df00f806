//! pgtend killed, the connection cut, the server restarted, at every step: the journal and the report are correct, and
//! the next start settles open intents.

use crate::history::parse_address;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pg_sandbox::{Cluster, StopMode};
use pgtend::facts::history::{JournalEntry, JournalOutcomeKind};
use pgtend::history::Store;
use serde_json::Value;

use crate::clusters::{
    cluster_options, execute_sql, on_a_major_and_the_newest, print_stderr, private_cluster, query_texts, wait_until,
};
use crate::proxy::{Behaviour, Proxy};
use crate::schemas::assert_output_is_valid;

/// A text that pgtend sends in each step, and whether the server receives it before the fault.
const STEPS: [(&str, &str, bool); 8] = [
    ("collecting facts", "max_slot_wal_keep_size", true),
    ("reading the server's identity", "a.pid, a.backend_start from", true),
    ("rechecking the slots", "select to_jsonb(s) from pg_catalog.pg_replication_slots s order", true),
    ("before the drop", "pg_drop_replication_slot(s.slot_name)", false),
    ("after the drop", "pg_drop_replication_slot(s.slot_name)", true),
    ("the second slot", "then 'b'::name end", true),
    ("before the checkpoint", "CHECKPOINT", false),
    ("after the checkpoint", "CHECKPOINT", true),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// SIGKILL; bytes in transit reach the server.
    Killed,
    /// SIGKILL; bytes in transit are lost.
    KilledAndCut,
    Cut,
    Restarted,
    /// SIGINT: the current step completes, and no further one starts.
    Interrupted,
}

const FAULTS: [Fault; 5] = [Fault::Killed, Fault::KilledAndCut, Fault::Cut, Fault::Restarted, Fault::Interrupted];
pub const SLOT_NAMES: [&str; 3] = ["a", "b", "c"];

#[tokio::test]
async fn faults_journal_is_true_at_every_step() {
    on_a_major_and_the_newest(13, "faults at every step", async |major, installation| {
        let mut cluster = private_cluster(
            installation,
            cluster_options().with_setting("autovacuum", "off").with_setting("checkpoint_timeout", "1h"),
        );
        let (mut dropped, mut settled) = (0, 0);
        let pairs =
            STEPS.into_iter().enumerate().flat_map(|(position, step)| FAULTS.map(|fault| (position, step, fault)));
        // Each major runs half of the pairs, the other half than the previous major.
        let mine = |position: usize, fault: Fault| (position + fault as usize + major as usize).is_multiple_of(2);
        let share: Vec<_> = pairs.filter(|(position, _, fault)| mine(*position, *fault)).collect();
        for (_, (step, words, lets_through), fault) in &share {
            let what = format!("{fault:?} at {step}");
            let (g, s) = run_with_fault(&mut cluster, &what, words, *lets_through, *fault).await;
            (dropped, settled) = (dropped + g, settled + s);
        }
        let runs = share.len();
        print_stderr(&format!(
            "faults on {major}: {runs} runs, {dropped} slots dropped, {settled} open intents settled"
        ));
        assert!(
            dropped > runs / 2 && settled > runs / 4,
            "the faults came too early or too late: {dropped}, {settled}"
        );
    })
    .await;
}

/// Runs one fault at one step, and the next start. Returns how many slots were dropped and intents settled.
async fn run_with_fault(
    cluster: &mut Cluster,
    what: &str,
    pattern: &str,
    forwards_match: bool,
    fault: Fault,
) -> (usize, usize) {
    for name in SLOT_NAMES {
        execute_sql(cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history.db");
    let proxy = Proxy::new(cluster.host(), cluster.port(), Behaviour::default());
    proxy.stall_at(pattern, forwards_match);
    let mut arguments = vec!["slots", "drop"];
    arguments.extend(SLOT_NAMES);
    arguments.extend(["--yes", "--allow-unproven", "--checkpoint"]);
    let mut child = start_drop(cluster, &proxy, &history, &arguments);
    wait_until(&format!("{what}: stalled at {pattern:?}"), async || proxy.is_stalled()).await;
    match fault {
        Fault::Killed => {
            child.kill().unwrap();
            proxy.resume();
        }
        Fault::KilledAndCut => {
            child.kill().unwrap();
            proxy.cut_connections();
            proxy.resume();
        }
        Fault::Cut => {
            proxy.cut_connections();
            proxy.resume();
        }
        Fault::Restarted => {
            cluster.stop(StopMode::Fast).unwrap();
            cluster.start_server().unwrap();
            proxy.resume();
        }
        Fault::Interrupted => {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
            // The signal arrives while the connection stalls. No state shows that it was handled.
            tokio::time::sleep(Duration::from_millis(50)).await;
            proxy.resume();
        }
    }
    let reported = finish_drop(child, what);
    // The server may still be executing the statement.
    wait_until_idle(cluster).await;
    let remaining = slot_names(cluster).await;
    let store = Store::open(&parse_address(&history)).await.unwrap();
    let entries = store.journal_entries().await.unwrap();
    store.close().await;
    assert_journal_is_true(what, &remaining, &entries, reported.as_ref());

    let open = entries.iter().filter(|entry| entry.outcome.is_none()).count();
    let next = start_drop(cluster, &proxy, &history, &["slots", "drop", "--stale", "--yes"]);
    let output = next.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{what}, the next start: {stderr}");
    assert_eq!(stderr.matches("checked again").count(), open, "{what}: {stderr}");
    let store = Store::open(&parse_address(&history)).await.unwrap();
    let entries = store.journal_entries().await.unwrap();
    store.close().await;
    assert!(entries.iter().all(|entry| entry.outcome.is_some()), "{what}: {stderr}\n{entries:?}");
    assert_journal_is_true(what, &remaining, &entries, None);
    assert_eq!(slot_names(cluster).await, remaining, "{what}: settling changed the slots");
    for name in &remaining {
        execute_sql(cluster, "postgres", &format!("select pg_drop_replication_slot('{name}')")).await;
    }
    (SLOT_NAMES.len() - remaining.len(), open)
}

/// Asserts that dropped slots have a journal entry, and that its outcome agrees with the slots.
pub fn assert_journal_is_true(what: &str, remaining: &[String], entries: &[JournalEntry], reported: Option<&Value>) {
    for name in SLOT_NAMES {
        let entry = entries.iter().find(|entry| entry.intent.subject == name);
        let is_there = remaining.iter().any(|slot| slot == name);
        let outcome = entry.map(|entry| entry.outcome.as_ref().map(|outcome| outcome.outcome));
        match (is_there, outcome) {
            (false, None) => panic!("{what}: {name} was dropped without a journal entry: {entries:?}"),
            (true, Some(Some(JournalOutcomeKind::Done))) => {
                panic!("{what}: {name} exists and is recorded as dropped")
            }
            (false, Some(Some(JournalOutcomeKind::Failed | JournalOutcomeKind::Refused))) => {
                panic!("{what}: {name} was dropped and is recorded as not dropped: {entries:?}");
            }
            // An existing slot at the same position was not dropped: its outcome is known.
            (true, Some(Some(JournalOutcomeKind::Unknown))) => panic!("{what}: {name} exists: {entries:?}"),
            _ => {}
        }
        let Some(report) = reported else { continue };
        let line = report["drops"].as_array().unwrap().iter().find(|line| line["slot_name"] == name).unwrap();
        // A slot that the plan refuses has refusals and no outcome. If the server was restarted between plan and
        // execution, the whole plan is refused: no slot has an outcome.
        let executed = report["drops"].as_array().unwrap().iter().any(|line| line["outcome"].is_string());
        let outcome = line["outcome"].as_str().unwrap_or_else(|| {
            let is_refused = line["refusals"].as_array().is_some_and(|refusals| !refusals.is_empty());
            assert!(is_refused || !executed, "{what}: {line}");
            "refused"
        });
        match (is_there, outcome) {
            (_, "unknown") | (false, "done") | (true, "refused" | "failed" | "not_tried") => {}
            (_, reported_outcome) => {
                panic!(
                    "{what}: {name} {} and is reported as {reported_outcome}",
                    if is_there { "exists" } else { "was dropped" }
                )
            }
        }
    }
}

fn start_drop(cluster: &Cluster, proxy: &Proxy, history: &Path, arguments: &[&str]) -> Child {
    let conninfo = format!(
        "host=127.0.0.1 port={} user=postgres password={} dbname=postgres sslmode=disable",
        proxy.port(),
        cluster.password()
    );
    Command::new(env!("CARGO_BIN_EXE_pgtend"))
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(arguments)
        .args(["--format", "json", "--history", history.to_str().unwrap(), "-d", &conninfo])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the report of a run, if it printed one. A run with a fault does not exit with 0.
fn finish_drop(child: Child, what: &str) -> Option<Value> {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("a bug in pgtend") && output.status.code() != Some(70), "{what}: {stderr}");
    assert_output_is_valid(&output.stdout);
    let report: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    if let Some(report) = &report {
        let all_done = report["drops"].as_array().unwrap().iter().all(|line| line["outcome"] == "done");
        assert_eq!(output.status.success(), all_done, "{what}: {report}");
    } else {
        assert!(!output.status.success(), "{what}: {stderr}");
    }
    report
}

/// Waits until no session of an ended run is left.
async fn wait_until_idle(cluster: &Cluster) {
    let busy = "select 1 from pg_stat_activity where application_name = 'pgtend'";
    wait_until("no session of pgtend", async || query_texts(cluster, "postgres", busy).await.is_empty()).await;
}

pub async fn slot_names(cluster: &Cluster) -> Vec<String> {
    let rows = query_texts(cluster, "postgres", "select slot_name from pg_replication_slots order by 1").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}
