//! Snapshot files: a file gives the same reports as the server; other files are refused by name.

use std::fs;
use std::sync::Arc;

use pgtend::checks::runner::Checks;
use pgtend::checks::summary::SummaryOptions;
use pgtend::checks::{Evidence, ReportName, assess};
use pgtend::collect::{DatabaseSelection, Scope, collect_snapshot};
use pgtend::facts::Snapshot;
use pgtend::facts::history::HistoryView;
use pgtend::postgres::Session;
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
use pgtend::report::{
    DatabaseSort, DatabasesReport, Envelope, Gaps, IndexSort, IndexesReport, OverviewReport, Report, SlotSort,
    SlotsReport, TableSort, TablesReport, View, WalReport,
};
use serde_json::Value;

use super::fixture_servers::{DATABASE, fixture_servers, role_conninfo};
use super::program::{REPORT_NAMES, expect_command_failure, expect_failure, pgtend_command, report_json, run_pgtend};
use super::scenarios::scenario_file;
use crate::clusters::{on_a_major_and_the_newest, on_every_installation};

/// An address without a server.
const UNREACHABLE_SERVER: [(&str, &str); 3] =
    [("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("DATABASE_URL", "postgres://x@127.0.0.1:1/x")];

/// Returns every report's JSON for one snapshot.
fn all_reports(snapshot: &Snapshot, all_databases: bool) -> Vec<Value> {
    fn render_json<R: Report>(snapshot: &Snapshot, make: impl FnOnce(&mut Gaps) -> R) -> Value {
        let mut gaps = Gaps::default();
        let report = make(&mut gaps);
        // Parsed from text like the program's output: reading a fraction may round its last digit.
        let text = serde_json::to_string(&Envelope::new(snapshot, report, gaps)).unwrap();
        serde_json::from_str(&text).unwrap()
    }
    let view = View::default();
    let evidence = Evidence::new(snapshot, HistoryView::default());
    let assess_for = |report: ReportName| {
        assess(&Checks::default(), &evidence, |check| check.concerns(report), &SummaryOptions::default())
    };
    let with_findings = |mut value: Value, report: ReportName| {
        let envelope = Envelope::new(
            snapshot,
            DatabasesReport::new(snapshot, &view, DatabaseSort::default(), &mut Gaps::default()),
            Gaps::default(),
        );
        let findings = serde_json::to_string(&envelope.with_findings(&assess_for(report).summary.findings)).unwrap();
        value["findings"] = serde_json::from_str::<Value>(&findings).unwrap()["findings"].take();
        value
    };
    let (verdicts, history) = (evidence.index_assessments(), &evidence.history);
    let overview = assess_for(ReportName::Overview);
    let overview = render_json(snapshot, |gaps| OverviewReport::new(&evidence, &overview, gaps));
    let tables =
        render_json(snapshot, |gaps| TablesReport::new(snapshot, all_databases, &view, TableSort::default(), gaps));
    let indexes = render_json(snapshot, |gaps| {
        IndexesReport::new(snapshot, verdicts, history, all_databases, &view, IndexSort::default(), gaps)
    });
    vec![
        with_findings(overview, ReportName::Overview),
        render_json(snapshot, |gaps| DatabasesReport::new(snapshot, &view, DatabaseSort::default(), gaps)),
        with_findings(tables, ReportName::Tables),
        with_findings(indexes, ReportName::Indexes),
        with_findings(
            render_json(snapshot, |gaps| SlotsReport::new(&evidence, &view, SlotSort::default(), gaps)),
            ReportName::Slots,
        ),
        with_findings(render_json(snapshot, |gaps| WalReport::new(snapshot, &history.wal, gaps)), ReportName::Wal),
    ]
}

async fn collect_from_conninfo(conninfo: &str, all_databases: bool) -> Snapshot {
    let flags = ConnectionFlags { dbname: Some(conninfo.to_owned()), ..ConnectionFlags::default() };
    let conninfo =
        resolve(&ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() })
            .unwrap();
    let session = Session::open(Arc::new(conninfo.conninfo)).await.unwrap();
    let selection = if all_databases { DatabaseSelection::All } else { DatabaseSelection::Connected };
    collect_snapshot(&session, &Scope { database_selection: selection, ..Scope::everything() }).await.unwrap()
}

#[tokio::test]
async fn snapshot_gives_identical_reports() {
    on_every_installation("reports of a snapshot", async |major, _| {
        let zoo = fixture_servers(major);
        for (cluster, role, all_databases) in [(&zoo.primary, "postgres", true), (&zoo.standby, "stranger", false)] {
            let snapshot = collect_from_conninfo(&role_conninfo(cluster, role, DATABASE), all_databases).await;
            let text = serde_json::to_string(&snapshot).unwrap();
            let back = Snapshot::from_json(&text).unwrap();
            assert!(back == snapshot, "{major} as {role}");
            assert_eq!(all_reports(&back, all_databases), all_reports(&snapshot, all_databases), "{major} as {role}");
        }
    })
    .await;
}

#[tokio::test]
async fn snapshot_reports_need_no_server() {
    on_a_major_and_the_newest(13, "reports without a server", async |major, _| {
        for role in ["postgres", "stranger"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("it's a snapshot.json");
            let file = file.to_str().unwrap();
            let conninfo = role_conninfo(&fixture_servers(major).standby, role, DATABASE);
            let taken = run_pgtend(&["snapshot", "--output", file, "-d", &conninfo]);
            assert_eq!((taken.exit, taken.stdout.as_str(), taken.stderr.as_str()), (0, "", ""));
            let text = fs::read_to_string(file).unwrap();
            let mut facts: serde_json::Value = serde_json::from_str(&text).unwrap();
            // Used by the history to distinguish a restart from a copy.
            facts.as_object_mut().unwrap().remove("address");
            let others = facts.to_string();
            assert!(
                !others.contains("host=") && !others.contains(copied_data_directory(major).as_str()),
                "an address of a server in it"
            );
            let snapshot = Snapshot::from_json(&text).unwrap();
            let expected = all_reports(&snapshot, false);
            for (report, expected) in REPORT_NAMES.iter().zip(&expected) {
                assert_eq!(report_json(&[report, "--from", file]), *expected, "{report} of {major} as {role}");
                for format in ["table", "csv", "markdown"] {
                    let mut command = pgtend_command(&[report, "--format", format, "--from", file]);
                    let output = command.envs(UNREACHABLE_SERVER).output().unwrap();
                    assert!(
                        output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty(),
                        "{output:?}"
                    );
                }
            }
            let again = run_pgtend(&["snapshot", "--from", file]);
            assert_eq!(again.stdout, text, "a snapshot of a snapshot differs");
        }
    })
    .await;
}

fn copied_data_directory(major: u32) -> String {
    fixture_servers(major).standby.socket_dir().display().to_string()
}

#[test]
fn snapshot_invalid_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(scenario_file("disaster")).unwrap();
    let report = run_pgtend(&["wal", "--format", "json", "--from", &scenario_file("disaster")]).stdout;
    let mut newer: Value = serde_json::from_str(&good).unwrap();
    newer["schema_version"] = 2.into();
    let mut wrong: Value = serde_json::from_str(&good).unwrap();
    wrong["server"]["version_num"] = "seventeen".into();
    let half = &good[..good.len() / 2];
    for (name, text, expected) in [
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
        let message = expect_failure(1, &["tables", "--from", path.to_str().unwrap()]);
        assert!(message.contains(path.to_str().unwrap()) && message.contains(expected), "{name}: {message}");
    }
    let binary = folder.path().join("binary.json");
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let missing = folder.path().join("missing.json");
    for path in [&binary, &missing, &folder.path().to_path_buf()] {
        let message = expect_failure(1, &["slots", "--from", path.to_str().unwrap()]);
        assert!(message.contains(path.to_str().unwrap()) && !message.contains("(os error"), "{message}");
    }
}

#[test]
fn snapshot_truncated_does_not_panic() {
    let good = fs::read(scenario_file("disaster")).unwrap();
    for part in 0..200 {
        let cut = &good[..good.len() * part / 200];
        assert!(Snapshot::from_json(&String::from_utf8_lossy(cut)).is_err());
    }
}

#[test]
fn snapshot_of_older_version_lists_gaps() {
    let mut old: Value = serde_json::from_str(&fs::read_to_string(scenario_file("disaster")).unwrap()).unwrap();
    let fields = old.as_object_mut().unwrap();
    let kept = ["schema_version", "command", "pgtend_version", "collected_at", "server"];
    fields.retain(|key, _| kept.contains(&key.as_str()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    fs::write(&path, old.to_string()).unwrap();
    for report in REPORT_NAMES {
        let json = report_json(&[report, "--from", path.to_str().unwrap()]);
        assert!(!json["unavailable"].as_array().unwrap().is_empty(), "{json}");
        let text = run_pgtend(&[report, "--from", path.to_str().unwrap()]).stdout;
        assert!(text.contains("Not visible") || text.contains("not in this snapshot"), "{report}: {text}");
    }
}

#[test]
fn snapshot_refuses_options_that_need_a_server() {
    let message = expect_command_failure(
        2,
        &mut pgtend_command(&["wal", "--sample", "1s", "--from", &scenario_file("disaster")]),
    );
    assert!(message.contains("--sample") && message.contains("--from"), "{message}");
}
