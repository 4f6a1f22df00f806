//! What acts or writes, and what must be so however a run of it ended.

use crate::history::address;
use std::fs;
use std::path::Path;

use pgtend::history::Store;
use pgtend::sandbox::Cluster;
use serde_json::Value;

use super::fault::Fault;
use crate::check::inbox::Inbox;
use crate::check::nights::configuration;
use crate::clusters::{query_one_text, sql};
use crate::inspect::looks::Run;
use crate::inspect::round_trips::through;
use crate::migrations::program::files;
use crate::proxy::Proxy;
use crate::slot_drop::faults::{NAMES, slots, truthful};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    SlotsDrop,
    Migrate,
    Maintenance,
    Verify,
    Check,
    Audit,
    Record,
    RecordOnServer,
}

/// Where one run leaves what it writes, and whom it tells.
pub struct Scene<'a> {
    pub folder: &'a Path,
    pub proxy: &'a Proxy,
    pub inbox: &'a Inbox,
    /// How many files the whole migration has.
    pub migrations: usize,
}

impl Scene<'_> {
    fn place(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn store_on_server(&self, cluster: &Cluster) -> String {
        let password = cluster.password();
        format!("postgresql://postgres:{password}@127.0.0.1:{}/memory?sslmode=disable", self.proxy.port())
    }
}

/// Two of the same, which are found without any counter, one that is invalid, and a place for a history.
pub const CONTENT: [&str; 4] = [
    "create index kept_word_too on kept (word); create index kept_word_also on kept (word)",
    "create index kept_left on kept (word, id)",
    "update pg_index set indisvalid = false where indexrelid = 'kept_left'::regclass",
    "create database memory",
];

impl Act {
    pub const ALL: [Act; 8] = [
        Act::SlotsDrop,
        Act::Migrate,
        Act::Maintenance,
        Act::Verify,
        Act::Check,
        Act::Audit,
        Act::Record,
        Act::RecordOnServer,
    ];

    /// What a run of it finds.
    pub async fn prepare(self, cluster: &Cluster, scene: &Scene<'_>) {
        match self {
            Act::SlotsDrop => {
                for name in NAMES {
                    let make = format!("select pg_create_physical_replication_slot('{name}', true)");
                    sql(cluster, "postgres", &make).await;
                }
            }
            Act::Verify => {
                let migrations = scene.folder.join("m");
                fs::create_dir(&migrations).expect("a folder");
                let mark = r#"-- pgtend:index {"schema":"public","table":"kept","index":"kept_word"}"#;
                fs::write(migrations.join("1.sql"), format!("{mark}\nselect 1;\n")).expect("a migration");
            }
            _ => {}
        }
    }

    pub fn arguments(self, cluster: &Cluster, scene: &Scene<'_>) -> Vec<String> {
        let (store, output) = (scene.place("history.db"), scene.place("m"));
        let none = "none".to_owned();
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let json = |words: &[&str], history: String| {
            let mut all = list(words);
            all.extend(list(&["--format", "json", "--history"]));
            all.push(history);
            all
        };
        let limits = ["--min-observation", "0", "--min-reclaim", "0", "--yes", "--output", &output];
        match self {
            Act::SlotsDrop => {
                json(&["slots", "drop", "a", "b", "c", "--yes", "--allow-unproven", "--checkpoint"], store)
            }
            Act::Migrate => json(&[&["indexes", "migrate", "--framework", "diesel"], &limits[..]].concat(), none),
            Act::Maintenance => {
                json(&[&["indexes", "migrate", "--maintenance", "kept_left"], &limits[..]].concat(), none)
            }
            Act::Verify => json(&["indexes", "verify", &output], none),
            Act::Check => {
                let url = scene.place("url");
                fs::write(&url, scene.inbox.url("/")).expect("a secret");
                let text = format!("[notify.hook]\ntype = \"webhook\"\nurl = \"file:{url}\"\nhygiene = true\n");
                let config = configuration(scene.folder, &text);
                let file = scene.place("pgtend.prom");
                list(&["check", "--config", &config, "--history", &store, "--format", "prometheus", "--output", &file])
            }
            Act::Audit => json(&["audit", "--target-size", "10TB", "--wal-per-hour", "1GB", "--growth", "0"], none),
            Act::Record => json(&["history", "record"], store),
            Act::RecordOnServer => json(&["history", "record"], scene.store_on_server(cluster)),
        }
    }

    /// Exit codes with a meaning, beside 1 for "failed": none of them may be a lie.
    fn exits(self) -> &'static [i32] {
        match self {
            Act::SlotsDrop => &[0, 1, 3, 4],
            Act::Migrate | Act::Maintenance => &[0, 1, 4],
            Act::Verify | Act::Record | Act::RecordOnServer => &[0, 1],
            Act::Check => &[0, 1, 2, 3],
            // A terabyte is enough for anything here, so 1 is no answer.
            Act::Audit => &[0, 3],
        }
    }

    /// Whatever happened: what is told is so, what is written is whole, and what was begun is told at the next start.
    pub async fn hold(self, cluster: &Cluster, scene: &Scene<'_>, fault: Fault, run: &Run, case: &str) {
        match run.code {
            Some(code) => assert!(self.exits().contains(&code), "{case}: no such exit"),
            None => assert!(matches!(fault, Fault::Killed | Fault::Terminated | Fault::Interrupted), "{case}"),
        }
        let is_done = run.code == Some(0);
        if !is_done && self != Act::Check {
            let is_told = run.stderr.contains("pgtend: ") || !run.stdout.is_empty();
            assert!(run.code.is_none() || is_told, "{case}: no word");
        }
        match self {
            Act::SlotsDrop => dropped(cluster, scene, run, case).await,
            Act::Migrate => all_or_none(scene, scene.migrations, is_done, fault, case),
            Act::Maintenance => all_or_none(scene, 1, is_done, fault, case),
            Act::Check => checked(cluster, scene, fault, run, case),
            Act::Verify | Act::Audit => {
                let report = serde_json::from_slice::<Value>(&run.stdout);
                assert!(report.is_ok() || run.stdout.is_empty() && !is_done, "{case}: {}", run.text());
            }
            Act::Record => {
                let store = Store::open(&address(&scene.place("history.db"))).await;
                let store = store.unwrap_or_else(|error| panic!("{case}: the store is ruined: {error}"));
                let samples = store.samples(None).await.expect("samples").len();
                store.close().await;
                assert!(samples <= 1 && (!is_done || samples == 1), "{case}: {samples} samples");
            }
            Act::RecordOnServer => {
                let exists = "select to_regclass('pgtend.sample')::text";
                if query_one_text(cluster, "memory", exists).await.is_none() {
                    assert!(!is_done, "{case}: nothing was recorded");
                    return;
                }
                let count = "select count(*)::text from pgtend.sample";
                let samples = query_one_text(cluster, "memory", count).await;
                assert!(samples.as_deref() == Some("1") || !is_done, "{case}: {samples:?} samples");
                let is_standby = "select pg_is_in_recovery()::text";
                if query_one_text(cluster, "memory", is_standby).await.as_deref() == Some("false") {
                    sql(cluster, "memory", "drop schema pgtend cascade").await;
                }
            }
        }
    }
}

/// The slots, the journal and the report tell the same, and so does the next start, which drops nothing.
async fn dropped(cluster: &Cluster, scene: &Scene<'_>, run: &Run, case: &str) {
    let history = scene.place("history.db");
    let left = slots(cluster).await;
    let left: Vec<String> = left.into_iter().filter(|name| NAMES.contains(&name.as_str())).collect();
    let store = Store::open(&address(&history)).await.expect("the store");
    let deeds = store.deeds().await.expect("the journal");
    store.close().await;
    let report = serde_json::from_slice::<Value>(&run.stdout).ok();
    let done = report.as_ref().filter(|report| report["is_plan"] != true);
    truthful(case, &left, &deeds, done);
    assert!(run.code != Some(0) || left.is_empty(), "{case}: {left:?} are there");
    let open = deeds.iter().filter(|deed| deed.outcome.is_none()).count();
    let conninfo = through(scene.proxy, cluster, "postgres");
    let arguments = ["slots", "drop", "--stale", "--yes", "--history", &history];
    let next = crate::inspect::looks::run(&conninfo, &arguments).await;
    assert_eq!(next.code, Some(0), "{case}, the next start: {}", next.stderr);
    assert_eq!(next.stderr.matches("looked again").count(), open, "{case}: {}", next.stderr);
    let now = slots(cluster).await;
    assert!(left.iter().all(|name| now.contains(name)), "{case}: the next start dropped one of {left:?}");
    for name in &left {
        sql(cluster, "postgres", &format!("select pg_drop_replication_slot('{name}')")).await;
    }
}

fn all_or_none(scene: &Scene<'_>, all: usize, is_done: bool, fault: Fault, case: &str) {
    let folder = scene.folder.join("m");
    let written = if folder.exists() { files(&folder) } else { Vec::new() };
    let (beside, written): (Vec<_>, Vec<_>) = written
        .into_iter()
        .filter(|path| path.is_file())
        .partition(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".pgtend-")));
    assert!(beside.is_empty() || fault == Fault::Killed, "{case}: left {beside:?}");
    let expected = if is_done { all..=all } else { 0..=0 };
    let is_right = expected.contains(&written.len()) || fault == Fault::Killed && written.len() == all;
    assert!(is_right, "{case}: {} of {all} files: {written:?}", written.len());
    for path in written.iter().filter(|path| path.extension().is_some_and(|it| it == "sql")) {
        let text = fs::read_to_string(path).expect("text");
        assert!(text.contains("pgtend:index") || text.contains("pgtend"), "{case}: {text}");
        assert!(text.ends_with(";\n") || text.ends_with("\n"), "{case}: cut short: {text}");
    }
}

/// The metrics tell the exit code, letters are whole, and the next night finds the place free.
fn checked(cluster: &Cluster, scene: &Scene<'_>, fault: Fault, run: &Run, case: &str) {
    let metrics = fs::read_to_string(scene.folder.join("pgtend.prom")).ok();
    if let Some(metrics) = &metrics {
        assert!(metrics.ends_with('\n'), "{case}: cut short: {metrics}");
        let status = metrics.lines().find_map(|line| line.strip_prefix("pgtend_check_status "));
        let status = status.unwrap_or_else(|| panic!("{case}: no status: {metrics}"));
        assert!(run.code.is_none_or(|code| status == code.to_string()), "{case}: the metrics say {status}");
    } else {
        assert!(matches!(run.code, None | Some(3)), "{case}: an answer without its metrics");
    }
    for (_, letter) in scene.inbox.empty() {
        serde_json::from_str::<Value>(&letter).unwrap_or_else(|error| panic!("{case}: {error}: {letter}"));
    }
    if fault != Fault::Killed {
        let arguments = Act::Check.arguments(cluster, scene);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let conninfo = through(scene.proxy, cluster, "postgres");
        let mut next = crate::inspect::looks::command(&conninfo, &arguments);
        let next = next.as_std_mut().output().expect("it runs");
        let said = String::from_utf8_lossy(&next.stderr).into_owned();
        assert!(!said.contains("another check"), "{case}: the place was not given back: {said}");
        assert!(next.status.code().is_some_and(|code| code < 3), "{case}, the next night: {:?} {said}", next.status);
    }
}
