//! Snapshot files: whatever a server told, a file tells again; what is no snapshot is refused by name.

use std::fs;
use std::sync::Arc;

use pgtend::inspect::{Reach, Scope, inspect};
use pgtend::judge::{
    index::judge,
    slot::{Evidence, Limits},
};
use pgtend::model::{IndexJudgement, IndexLimits, Snapshot, past::Memory};
use pgtend::pg::Session;
use pgtend::pg::conninfo::{Environment, Flags, Request, resolve};
use pgtend::report::{
    DatabaseSort, DatabasesReport, Envelope, Gaps, IndexSort, IndexesReport, OverviewReport, Report, SlotSort,
    SlotsReport, TableSort, TablesReport, View, WalReport,
};
use serde_json::Value;

use super::program::{REPORTS, json, pgtend, refusal, refused, run};
use super::stories::story;
use super::zoo::{DATABASE, conninfo, zoo};
use crate::clusters::{on_a_major_and_the_newest, on_every_installation};

/// A place where no server is.
const NOWHERE: [(&str, &str); 3] =
    [("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("DATABASE_URL", "postgres://x@127.0.0.1:1/x")];

/// Every report's JSON, made of one snapshot.
fn all_reports(snapshot: &Snapshot, all: bool) -> Vec<Value> {
    fn json<R: Report>(snapshot: &Snapshot, make: impl FnOnce(&mut Gaps) -> R) -> Value {
        let mut gaps = Gaps::default();
        let report = make(&mut gaps);
        // Through text, as the program's is: reading a fraction may round its last digit.
        let text = serde_json::to_string(&Envelope::new(snapshot, report, gaps)).unwrap();
        serde_json::from_str(&text).unwrap()
    }
    let view = View::default();
    let (memory, limits) = (Memory::default(), Limits::default());
    let evidence = Evidence { snapshot, memory: &memory, limits: &limits };
    let judged: Vec<IndexJudgement> = snapshot
        .contents
        .iter()
        .map(|contents| judge(snapshot, contents, None, &IndexLimits::default()).into_judgement())
        .collect();
    vec![
        json(snapshot, |gaps| OverviewReport::of(&evidence, gaps)),
        json(snapshot, |gaps| DatabasesReport::of(snapshot, &view, DatabaseSort::default(), gaps)),
        json(snapshot, |gaps| TablesReport::of(snapshot, all, &view, TableSort::default(), gaps)),
        json(snapshot, |gaps| IndexesReport::of(snapshot, &judged, &memory, all, &view, IndexSort::default(), gaps)),
        json(snapshot, |gaps| SlotsReport::of(&evidence, &view, SlotSort::default(), gaps)),
        json(snapshot, |gaps| WalReport::of(snapshot, &memory.wal, gaps)),
    ]
}

async fn look(conninfo: &str, all_databases: bool) -> Snapshot {
    let flags = Flags { dbname: Some(conninfo.to_owned()), ..Flags::default() };
    let conninfo = resolve(&Request { flags, environment: Environment::default(), ..Request::default() }).unwrap();
    let session = Session::open(Arc::new(conninfo.conninfo)).await.unwrap();
    let reach = if all_databases { Reach::All } else { Reach::Connected };
    inspect(&session, &Scope { reach, ..Scope::everything() }).await.unwrap()
}

#[tokio::test]
async fn a_snapshot_reads_back_to_the_identical_reports() {
    on_every_installation("snapshots read back", async |major, _| {
        let zoo = zoo(major);
        for (cluster, role, all) in [(&zoo.primary, "postgres", true), (&zoo.standby, "stranger", false)] {
            let snapshot = look(&conninfo(cluster, role, DATABASE), all).await;
            let text = serde_json::to_string(&snapshot).unwrap();
            let back = Snapshot::from_json(&text).unwrap();
            assert!(back == snapshot, "{major} as {role}");
            assert_eq!(all_reports(&back, all), all_reports(&snapshot, all), "{major} as {role}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_report_in_every_format_needs_no_server_beside_a_snapshot() {
    on_a_major_and_the_newest(13, "reports from a file", async |major, _| {
        for role in ["postgres", "stranger"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("it's a snapshot.json");
            let file = file.to_str().unwrap();
            let conninfo = conninfo(&zoo(major).standby, role, DATABASE);
            let taken = run(&["snapshot", "--output", file, "-d", &conninfo]);
            assert_eq!((taken.exit, taken.stdout.as_str(), taken.stderr.as_str()), (0, "", ""));
            let text = fs::read_to_string(file).unwrap();
            let mut facts: serde_json::Value = serde_json::from_str(&text).unwrap();
            // By which a recording tells a restart from a copy; nowhere else.
            facts.as_object_mut().unwrap().remove("address");
            let others = facts.to_string();
            assert!(
                !others.contains("host=") && !others.contains(cluster_folder(major).as_str()),
                "no place of a server in it"
            );
            let snapshot = Snapshot::from_json(&text).unwrap();
            let expected = all_reports(&snapshot, false);
            for (report, expected) in REPORTS.iter().zip(&expected) {
                assert_eq!(json(&[report, "--from", file]), *expected, "{report} of {major} as {role}");
                for format in ["table", "csv", "markdown"] {
                    let mut command = pgtend(&[report, "--format", format, "--from", file]);
                    let output = command.envs(NOWHERE).output().unwrap();
                    assert!(
                        output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty(),
                        "{output:?}"
                    );
                }
            }
            let again = run(&["snapshot", "--from", file]);
            assert_eq!(again.stdout, text, "a snapshot of a snapshot is the snapshot");
        }
    })
    .await;
}

fn cluster_folder(major: u32) -> String {
    zoo(major).standby.socket_dir().display().to_string()
}

#[test]
fn what_is_no_snapshot_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(story("disaster")).unwrap();
    let report = run(&["wal", "--format", "json", "--from", &story("disaster")]).stdout;
    let mut newer: Value = serde_json::from_str(&good).unwrap();
    newer["schema_version"] = 2.into();
    let mut wrong: Value = serde_json::from_str(&good).unwrap();
    wrong["server"]["version_num"] = "seventeen".into();
    let half = &good[..good.len() / 2];
    for (name, text, said) in [
        ("newer.json", newer.to_string(), "newer pgtend"),
        ("truncated.json", half.to_owned(), "not a snapshot"),
        ("report.json", report, "`pgtend wal`"),
        ("wrong.json", wrong.to_string(), "damaged"),
        ("empty.json", String::new(), "not a snapshot"),
        ("list.json", "[1, 2]".to_owned(), "not a snapshot"),
        ("deep.json", "[".repeat(100_000), "not a snapshot"),
        ("prose.txt", "Dear DBA,".to_owned(), "not a snapshot"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let message = refusal(1, &["tables", "--from", path.to_str().unwrap()]);
        assert!(message.contains(path.to_str().unwrap()) && message.contains(said), "{name}: {message}");
    }
    let binary = folder.path().join("binary.json");
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let missing = folder.path().join("missing.json");
    for path in [&binary, &missing, &folder.path().to_path_buf()] {
        let message = refusal(1, &["slots", "--from", path.to_str().unwrap()]);
        assert!(message.contains(path.to_str().unwrap()) && !message.contains("(os error"), "{message}");
    }
}

#[test]
fn no_cut_of_a_snapshot_makes_it_panic() {
    let good = fs::read(story("disaster")).unwrap();
    for part in 0..200 {
        let cut = &good[..good.len() * part / 200];
        assert!(Snapshot::from_json(&String::from_utf8_lossy(cut)).is_err());
    }
}

#[test]
fn an_older_snapshot_without_some_facts_says_what_it_lacks() {
    let mut old: Value = serde_json::from_str(&fs::read_to_string(story("disaster")).unwrap()).unwrap();
    let all = old.as_object_mut().unwrap();
    let kept = ["schema_version", "command", "pgtend_version", "collected_at", "server"];
    all.retain(|key, _| kept.contains(&key.as_str()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    fs::write(&path, old.to_string()).unwrap();
    for report in REPORTS {
        let json = json(&[report, "--from", path.to_str().unwrap()]);
        assert!(!json["unavailable"].as_array().unwrap().is_empty(), "{json}");
        let text = run(&[report, "--from", path.to_str().unwrap()]).stdout;
        assert!(text.contains("Not visible") || text.contains("not in this snapshot"), "{report}: {text}");
    }
}

#[test]
fn what_needs_a_server_is_refused_beside_a_file() {
    let said = refused(2, &mut pgtend(&["wal", "--sample", "1s", "--from", &story("disaster")]));
    assert!(said.contains("--sample") && said.contains("--from"), "{said}");
}
