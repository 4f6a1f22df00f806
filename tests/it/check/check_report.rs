//! Runs of `check` on real servers, and assertions on their reports.

use crate::reports::{
    fixture_servers::role_conninfo,
    program::{pgtend_command, run_command},
};
use jiff::{SignedDuration, Timestamp};
use pg_sandbox::Cluster;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub const FOUND: &str = "found";
pub const PASSED: &str = "passed";
pub const UNKNOWN: &str = "cannot tell";
pub const NOT_APPLICABLE: &str = "not applicable";

/// Evidence of a result: a real server at the default limits.
pub const DEFAULT_LIMITS: &str = "a real server";
/// At the default limits, from a real server's snapshot with shifted times.
pub const SHIFTED_CLOCK: &str = "a real server, judged as of later";

/// The report of one run; `more` are its arguments.
pub fn run_check(cluster: &Cluster, role: &str, database: &str, more: &[&str]) -> (i32, Value) {
    let conninfo = role_conninfo(cluster, role, database);
    run_json(&[&["check", "-d", &conninfo, "--format", "json"], more].concat())
}

fn run_json(arguments: &[&str]) -> (i32, Value) {
    let answer = run_command(&mut pgtend_command(arguments));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.exit, report)
}

/// Writes a snapshot of the server as if it had been taken `seconds` later, or earlier if negative.
pub fn shifted_snapshot(cluster: &Cluster, role: &str, folder: &Path, seconds: i64) -> PathBuf {
    let file = folder.join(format!("{seconds}.json"));
    let conninfo = role_conninfo(cluster, role, "postgres");
    let taken = run_command(&mut pgtend_command(&["snapshot", "-d", &conninfo, "--output", file.to_str().unwrap()]));
    assert_eq!(taken.exit, 0, "{taken:?}");
    let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let collected_at: Timestamp = snapshot["collected_at"].as_str().unwrap().parse().unwrap();
    snapshot["collected_at"] = json!(collected_at + SignedDuration::from_secs(seconds));
    std::fs::write(&file, snapshot.to_string()).unwrap();
    file
}

/// Returns the report of the server as of `seconds` later.
pub fn run_check_shifted(cluster: &Cluster, seconds: i64, more: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = shifted_snapshot(cluster, "postgres", folder.path(), seconds);
    run_json(&[&["check", "--from", file.to_str().unwrap(), "--format", "json"], more].concat())
}

/// Returns the checks that have a finding with that status.
pub fn checks_with_status(report: &Value, status: &str) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["status"] == status);
    findings.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect()
}

pub fn name_set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn check_names(report: &Value, key: &str) -> BTreeSet<String> {
    let elements = report[key].as_array().unwrap().iter();
    elements.map(|element| element.as_str().or(element["check"].as_str()).unwrap().to_owned()).collect()
}

/// Asserts that these checks have that result. `coverage.rs` reads the calls, including `evidence`.
pub fn assert_result(report: &Value, result: &str, evidence: &str, checks: &[&str]) {
    let these = match result {
        FOUND => {
            checks_with_status(report, "warning").union(&checks_with_status(report, "critical")).cloned().collect()
        }
        PASSED => check_names(report, "passed"),
        UNKNOWN => checks_with_status(report, "unknown"),
        NOT_APPLICABLE => check_names(report, "notes").difference(&check_names(report, "passed")).cloned().collect(),
        _ => panic!("{result} is not a result"),
    };
    for check in checks {
        assert!(these.contains(*check), "{check} is not {result} ({evidence}): {report:#}");
    }
}
