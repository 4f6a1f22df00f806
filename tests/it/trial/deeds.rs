//! The same for what acts or writes: the fault may find it before, in the middle of, or after what it does.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use pgtend::sandbox::Cluster;

use super::act::{self, Act, Scene};
use super::fault::Fault;
use super::outcome::{LIMIT, nothing_is_left};
use super::{hit, of_fault, share};
use crate::check::inbox::Inbox;
use crate::clusters::{on_every_major_alone, options, say, sql};
use crate::migrations::program::files;
use crate::proxy::Proxy;

/// Each major takes every eighth of the pairs, other ones than the major before it.
const SHARE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_acts_or_writes_tells_the_truth_after_every_fault() {
    let share = share(SHARE);
    let counts = Mutex::new(BTreeMap::<(Act, String), u32>::new());
    let settings = options().set("autovacuum", "off").set("fsync", "off").set("max_connections", "12");
    on_every_major_alone("deeds by fire", settings, async |major, mut cluster| {
        super::prepare(&cluster).await;
        for batch in act::CONTENT {
            sql(&cluster, "postgres", batch).await;
        }
        let inbox = Inbox::answering(&[]);
        let migrations = whole_migration(&cluster);
        let mut dice = fastrand::Rng::with_seed(u64::from(major) + 100);
        let pairs = Act::ALL.iter().enumerate().flat_map(|(row, act)| {
            Fault::ALL.iter().enumerate().map(move |(column, fault)| (row + column, *act, *fault))
        });
        let mine = |place: usize| (place + major as usize).is_multiple_of(share);
        for (_, act, fault) in pairs.filter(|(place, _, _)| mine(*place)) {
            let ended = trial(&mut cluster, act, fault, &inbox, migrations, &mut dice).await;
            *counts.lock().expect("no panic while it is held").entry((act, ended)).or_default() += 1;
        }
    })
    .await;
    let counts = counts.into_inner().expect("whole");
    let told: Vec<_> = counts.iter().map(|((act, ended), count)| format!("{act:?} {ended} {count}")).collect();
    say(&format!("deeds by fire: {} cases: {}", counts.values().sum::<u32>(), told.join(", ")));
}

/// How many files a run writes that nothing befalls.
fn whole_migration(cluster: &Cluster) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let named = folder.path().to_str().expect("UTF-8");
    crate::migrations::program::migrate(cluster, "postgres", "diesel", folder.path(), &[]);
    let all = files(folder.path()).into_iter().filter(|path| path.is_file()).count();
    assert!(all >= 4, "{all} files in {named}");
    all
}

async fn trial(
    cluster: &mut Cluster,
    act: Act,
    fault: Fault,
    inbox: &Inbox,
    migrations: usize,
    dice: &mut fastrand::Rng,
) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut standby, cluster) = of_fault(cluster, fault);
    let cluster = standby.as_mut().unwrap_or(cluster);
    let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), fault.line());
    let scene = Scene { folder: folder.path(), proxy: &proxy, inbox, migrations };
    act.prepare(cluster, &scene).await;
    let arguments = act.arguments(cluster, &scene);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let moment = Duration::from_millis(dice.u64(5..500));
    let run = hit(cluster, &proxy, fault, &arguments, moment).await;
    let case = format!("{fault:?} after {moment:?} of {act:?}: exit {:?}, {:?}", run.code, run.stderr);
    // A history of one's own on a server far away is a hundred answers the first time.
    let limit = if fault == Fault::LineIsSlow { 3 * LIMIT } else { LIMIT };
    assert!(run.took < limit, "{case}: took {:?}", run.took);
    assert!(!run.stderr.contains("bug"), "{case}");
    nothing_is_left(cluster, &case).await;
    act.hold(cluster, &scene, fault, &run, &case).await;
    run.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"))
}
