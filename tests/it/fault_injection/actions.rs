//! Commands that act or write, and the conditions that hold however a run ends.

use crate::history::parse_address;
use std::fs;
use std::path::Path;

use pg_sandbox::Cluster;
use pgtend::history::Store;
use serde_json::Value;

use super::fault::Fault;
use crate::check::nightly_runs::write_config;
use crate::check::webhook_receiver::WebhookReceiver;
use crate::clusters::{execute_sql, query_one_text};
use crate::collect::program_runs::ProgramRun;
use crate::collect::round_trips::proxied_conninfo;
use crate::migrations::program::files_below;
use crate::proxy::Proxy;
use crate::slot_drop::faults::{SLOT_NAMES, assert_journal_is_true, slot_names};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    SlotsDrop,
    Migrate,
    Maintenance,
    Verify,
    Check,
    Audit,
    Record,
    RecordOnServer,
}

/// The folders to which one run writes, and its notification recipient.
pub struct ActionFolders<'a> {
    pub folder: &'a Path,
    pub proxy: &'a Proxy,
    pub receiver: &'a WebhookReceiver,
    /// The number of files of the complete migration.
    pub migrations: usize,
}

impl ActionFolders<'_> {
    fn path_of(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn store_on_server(&self, cluster: &Cluster) -> String {
        let password = cluster.password();
        format!("postgresql://postgres:{password}@127.0.0.1:{}/memory?sslmode=disable", self.proxy.port())
    }
}

/// Two duplicate indexes, which are found without statistics, an invalid one, and a database for a history.
pub const SCHEMA: [&str; 4] = [
    "create index kept_word_too on kept (word); create index kept_word_also on kept (word)",
    "create index kept_left on kept (word, id)",
    "update pg_index set indisvalid = false where indexrelid = 'kept_left'::regclass",
    "create database memory",
];

impl Action {
    pub const ALL: [Action; 8] = [
        Action::SlotsDrop,
        Action::Migrate,
        Action::Maintenance,
        Action::Verify,
        Action::Check,
        Action::Audit,
        Action::Record,
        Action::RecordOnServer,
    ];

    /// Creates the objects that the action needs.
    pub async fn prepare(self, cluster: &Cluster, scene: &ActionFolders<'_>) {
        match self {
            Action::SlotsDrop => {
                for name in SLOT_NAMES {
                    let make = format!("select pg_create_physical_replication_slot('{name}', true)");
                    execute_sql(cluster, "postgres", &make).await;
                }
            }
            Action::Verify => {
                let migrations = scene.folder.join("m");
                fs::create_dir(&migrations).expect("a folder");
                let mark = r#"-- pgtend:index {"schema":"public","table":"kept","index":"kept_word"}"#;
                fs::write(migrations.join("1.sql"), format!("{mark}\nselect 1;\n")).expect("a migration");
            }
            _ => {}
        }
    }

    pub fn arguments(self, cluster: &Cluster, scene: &ActionFolders<'_>) -> Vec<String> {
        let (store, output) = (scene.path_of("history.db"), scene.path_of("m"));
        let none = "none".to_owned();
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let json = |words: &[&str], history: String| {
            let mut arguments = list(words);
            arguments.extend(list(&["--format", "json", "--history"]));
            arguments.push(history);
            arguments
        };
        let limits = ["--min-observation", "0", "--min-reclaim", "0", "--yes", "--output", &output];
        match self {
            Action::SlotsDrop => {
                json(&["slots", "drop", "a", "b", "c", "--yes", "--allow-unproven", "--checkpoint"], store)
            }
            Action::Migrate => json(&[&["indexes", "migrate", "--framework", "diesel"], &limits[..]].concat(), none),
            Action::Maintenance => {
                json(&[&["indexes", "migrate", "--maintenance", "kept_left"], &limits[..]].concat(), none)
            }
            Action::Verify => json(&["indexes", "verify", &output], none),
            Action::Check => {
                let url = scene.path_of("url");
                fs::write(&url, scene.receiver.url("/")).expect("a secret");
                let text = format!("[notify.hook]\ntype = \"webhook\"\nurl = \"file:{url}\"\nhygiene = true\n");
                let config = write_config(scene.folder, &text);
                let file = scene.path_of("pgtend.prom");
                list(&["check", "--config", &config, "--history", &store, "--format", "prometheus", "--output", &file])
            }
            Action::Audit => json(&["audit", "--target-size", "10TB", "--wal-per-hour", "1GB", "--growth", "0"], none),
            Action::Record => json(&["history", "record"], store),
            Action::RecordOnServer => json(&["history", "record"], scene.store_on_server(cluster)),
        }
    }

    /// Exit codes with a meaning, besides 1 for "failed": each of them must be correct.
    fn exit_codes(self) -> &'static [i32] {
        match self {
            Action::SlotsDrop => &[0, 1, 3, 4],
            Action::Migrate | Action::Maintenance => &[0, 1, 4],
            Action::Verify | Action::Record | Action::RecordOnServer => &[0, 1],
            Action::Check => &[0, 1, 2, 3],
            // A terabyte is always enough, so 1 is wrong.
            Action::Audit => &[0, 3],
        }
    }

    /// However the run ended: reports are correct, files are complete, and an interrupted action is reported at the
    /// next start.
    pub async fn assert_result(
        self,
        cluster: &Cluster,
        scene: &ActionFolders<'_>,
        fault: Fault,
        run: &ProgramRun,
        case: &str,
    ) {
        match run.code {
            Some(code) => assert!(self.exit_codes().contains(&code), "{case}: undocumented exit code"),
            None => assert!(matches!(fault, Fault::Killed | Fault::Terminated | Fault::Interrupted), "{case}"),
        }
        let is_done = run.code == Some(0);
        if !is_done && self != Action::Check {
            let is_explained = run.stderr.contains("pgtend: ") || !run.stdout.is_empty();
            assert!(run.code.is_none() || is_explained, "{case}: no message");
        }
        match self {
            Action::SlotsDrop => assert_drop_is_true(cluster, scene, run, case).await,
            Action::Migrate => assert_all_or_none(scene, scene.migrations, is_done, fault, case),
            Action::Maintenance => assert_all_or_none(scene, 1, is_done, fault, case),
            Action::Check => assert_check_is_true(cluster, scene, fault, run, case),
            Action::Verify | Action::Audit => {
                let report = serde_json::from_slice::<Value>(&run.stdout);
                assert!(report.is_ok() || run.stdout.is_empty() && !is_done, "{case}: {}", run.stdout_text());
            }
            Action::Record => {
                let store = Store::open(&parse_address(&scene.path_of("history.db"))).await;
                let store = store.unwrap_or_else(|error| panic!("{case}: the store is damaged: {error}"));
                let samples = store.samples(None).await.expect("samples").len();
                store.close().await;
                assert!(samples <= 1 && (!is_done || samples == 1), "{case}: {samples} samples");
            }
            Action::RecordOnServer => {
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
                    execute_sql(cluster, "memory", "drop schema pgtend cascade").await;
                }
            }
        }
    }
}

/// Asserts that the slots, the journal and the report agree, and that the next start reports the same and drops
/// nothing.
async fn assert_drop_is_true(cluster: &Cluster, scene: &ActionFolders<'_>, run: &ProgramRun, case: &str) {
    let history = scene.path_of("history.db");
    let remaining = slot_names(cluster).await;
    let remaining: Vec<String> = remaining.into_iter().filter(|name| SLOT_NAMES.contains(&name.as_str())).collect();
    let store = Store::open(&parse_address(&history)).await.expect("the store");
    let entries = store.journal_entries().await.expect("the journal");
    store.close().await;
    let report = serde_json::from_slice::<Value>(&run.stdout).ok();
    let done = report.as_ref().filter(|report| report["is_plan"] != true);
    assert_journal_is_true(case, &remaining, &entries, done);
    assert!(run.code != Some(0) || remaining.is_empty(), "{case}: {remaining:?} are there");
    let open = entries.iter().filter(|entry| entry.outcome.is_none()).count();
    let conninfo = proxied_conninfo(scene.proxy, cluster, "postgres");
    let arguments = ["slots", "drop", "--stale", "--yes", "--history", &history];
    let next = crate::collect::program_runs::run_with_conninfo(&conninfo, &arguments).await;
    assert_eq!(next.code, Some(0), "{case}, the next start: {}", next.stderr);
    assert_eq!(next.stderr.matches("checked again").count(), open, "{case}: {}", next.stderr);
    let now = slot_names(cluster).await;
    assert!(remaining.iter().all(|name| now.contains(name)), "{case}: the next start dropped one of {remaining:?}");
    for name in &remaining {
        execute_sql(cluster, "postgres", &format!("select pg_drop_replication_slot('{name}')")).await;
    }
}

fn assert_all_or_none(scene: &ActionFolders<'_>, complete: usize, is_done: bool, fault: Fault, case: &str) {
    let folder = scene.folder.join("m");
    let written = if folder.exists() { files_below(&folder) } else { Vec::new() };
    let (temporary_files, written): (Vec<_>, Vec<_>) = written
        .into_iter()
        .filter(|path| path.is_file())
        .partition(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".pgtend-")));
    assert!(temporary_files.is_empty() || fault == Fault::Killed, "{case}: left {temporary_files:?}");
    let expected = if is_done { complete..=complete } else { 0..=0 };
    let is_right = expected.contains(&written.len()) || fault == Fault::Killed && written.len() == complete;
    assert!(is_right, "{case}: {} of {complete} files: {written:?}", written.len());
    for path in written.iter().filter(|path| path.extension().is_some_and(|extension| extension == "sql")) {
        let text = fs::read_to_string(path).expect("text");
        assert!(text.contains("pgtend:index") || text.contains("pgtend"), "{case}: {text}");
        assert!(text.ends_with(";\n") || text.ends_with("\n"), "{case}: cut short: {text}");
    }
}

/// Asserts that the metrics have the exit code, notifications are complete, and the next run can check the target.
fn assert_check_is_true(cluster: &Cluster, scene: &ActionFolders<'_>, fault: Fault, run: &ProgramRun, case: &str) {
    let metrics = fs::read_to_string(scene.folder.join("pgtend.prom")).ok();
    if let Some(metrics) = &metrics {
        assert!(metrics.ends_with('\n'), "{case}: cut short: {metrics}");
        let status = metrics.lines().find_map(|line| line.strip_prefix("pgtend_check_status "));
        let status = status.unwrap_or_else(|| panic!("{case}: no status: {metrics}"));
        assert!(run.code.is_none_or(|code| status == code.to_string()), "{case}: the metrics say {status}");
    } else {
        assert!(matches!(run.code, None | Some(3)), "{case}: a result without metrics");
    }
    for (_, body) in scene.receiver.take_requests() {
        serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{case}: {error}: {body}"));
    }
    if fault != Fault::Killed {
        let arguments = Action::Check.arguments(cluster, scene);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let conninfo = proxied_conninfo(scene.proxy, cluster, "postgres");
        let mut next = crate::collect::program_runs::pgtend_with_conninfo(&conninfo, &arguments);
        let next = next.as_std_mut().output().expect("it runs");
        let stderr = String::from_utf8_lossy(&next.stderr).into_owned();
        assert!(!stderr.contains("another check"), "{case}: the lease was not released: {stderr}");
        assert!(next.status.code().is_some_and(|code| code < 3), "{case}, the next run: {:?} {stderr}", next.status);
    }
}
