//! Faults during commands that act or write: before, during or after the action.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use pg_sandbox::Cluster;

use super::actions::{self, Action, ActionFolders};
use super::fault::Fault;
use super::outcome::{LIMIT, assert_no_session_left};
use super::{cluster_for_fault, run_with_fault, sample_share};
use crate::check::webhook_receiver::WebhookReceiver;
use crate::clusters::{cluster_options, execute_sql, on_every_major_alone_long, print_stderr};
use crate::migrations::program::files_below;
use crate::proxy::Proxy;

/// Each major runs every eighth pair, with another offset than the previous major.
const SHARE_OF_CASES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn faults_actions_report_the_truth() {
    let share = sample_share(SHARE_OF_CASES, 4);
    let counts = Mutex::new(BTreeMap::<(Action, String), u32>::new());
    let settings = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("fsync", "off")
        .with_setting("max_connections", "12");
    on_every_major_alone_long("faults during actions", settings, async |major, mut cluster| {
        super::create_tables(&cluster).await;
        for batch in actions::SCHEMA {
            execute_sql(&cluster, "postgres", batch).await;
        }
        let inbox = WebhookReceiver::with_statuses(&[]);
        let migrations = count_migration_files(&cluster);
        let mut random = fastrand::Rng::with_seed(u64::from(major) + 100);
        let pairs = Action::ALL.iter().enumerate().flat_map(|(row, act)| {
            Fault::ALL.iter().enumerate().map(move |(column, fault)| (row + column, *act, *fault))
        });
        let mine = |place: usize| (place + major as usize).is_multiple_of(share);
        for (_, act, fault) in pairs.filter(|(place, _, _)| mine(*place)) {
            let ended = inject_fault(&mut cluster, act, fault, &inbox, migrations, &mut random).await;
            *counts.lock().expect("no panic while it is held").entry((act, ended)).or_default() += 1;
        }
    })
    .await;
    let counts = counts.into_inner().expect("whole");
    let outcome_counts: Vec<_> =
        counts.iter().map(|((act, ended), count)| format!("{act:?} {ended} {count}")).collect();
    print_stderr(&format!(
        "faults during actions: {} cases: {}",
        counts.values().sum::<u32>(),
        outcome_counts.join(", ")
    ));
}

/// Returns the number of files that a run without faults writes.
fn count_migration_files(cluster: &Cluster) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let named = folder.path().to_str().expect("UTF-8");
    crate::migrations::program::write_migrations(cluster, "postgres", "diesel", folder.path(), &[]);
    let files = files_below(folder.path()).into_iter().filter(|path| path.is_file()).count();
    assert!(files >= 4, "{files} files in {named}");
    files
}

async fn inject_fault(
    cluster: &mut Cluster,
    act: Action,
    fault: Fault,
    inbox: &WebhookReceiver,
    migrations: usize,
    random: &mut fastrand::Rng,
) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut standby, cluster) = cluster_for_fault(cluster, fault);
    let cluster = standby.as_mut().unwrap_or(cluster);
    let proxy = Proxy::new(cluster.host(), cluster.port(), fault.network_behaviour());
    let scene = ActionFolders { folder: folder.path(), proxy: &proxy, receiver: inbox, migrations };
    act.prepare(cluster, &scene).await;
    let arguments = act.arguments(cluster, &scene);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let delay = Duration::from_millis(random.u64(5..500));
    let run = run_with_fault(cluster, &proxy, fault, &arguments, delay).await;
    let case = format!("{fault:?} after {delay:?} of {act:?}: exit {:?}, {:?}", run.code, run.stderr);
    // Creating a history on a slow connection needs a hundred round trips.
    let limit = if fault == Fault::SlowConnection { 3 * LIMIT } else { LIMIT };
    assert!(run.elapsed < limit, "{case}: took {:?}", run.elapsed);
    assert!(!run.stderr.contains("bug"), "{case}");
    assert_no_session_left(cluster, &case).await;
    act.assert_result(cluster, &scene, fault, &run, &case).await;
    run.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"))
}
