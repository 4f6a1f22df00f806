//! Asking real servers, and what an answer shows of a check.

use crate::reports::{
    program::{answer, pgtend},
    zoo::conninfo,
};
use jiff::{SignedDuration, Timestamp};
use pgtend::sandbox::Cluster;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub const FOUND: &str = "found";
pub const CLEAR: &str = "clear";
pub const BLIND: &str = "cannot tell";
pub const ELSEWHERE: &str = "not applicable";

/// How an answer was come by: by asking a real server, at the default limits.
pub const DEFAULT: &str = "a real server";
/// At the default limits, from a real server's snapshot with its clock moved.
pub const CLOCK: &str = "a real server, judged as of later";

/// The report of one run; `more` are its arguments.
pub fn check(cluster: &Cluster, role: &str, database: &str, more: &[&str]) -> (i32, Value) {
    let conninfo = conninfo(cluster, role, database);
    run(&[&["check", "-d", &conninfo, "--format", "json"], more].concat())
}

fn run(arguments: &[&str]) -> (i32, Value) {
    let answer = answer(&mut pgtend(arguments));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.exit, report)
}

/// A snapshot of the server as if it had been taken `seconds` later, or earlier.
pub fn snapshot(cluster: &Cluster, role: &str, folder: &Path, seconds: i64) -> PathBuf {
    let file = folder.join(format!("{seconds}.json"));
    let conninfo = conninfo(cluster, role, "postgres");
    let taken = answer(&mut pgtend(&["snapshot", "-d", &conninfo, "--output", file.to_str().unwrap()]));
    assert_eq!(taken.exit, 0, "{taken:?}");
    let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let at: Timestamp = snapshot["collected_at"].as_str().unwrap().parse().unwrap();
    snapshot["collected_at"] = json!(at + SignedDuration::from_secs(seconds));
    std::fs::write(&file, snapshot.to_string()).unwrap();
    file
}

/// The report of the server as if it were asked so much later.
pub fn check_later(cluster: &Cluster, seconds: i64, more: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(cluster, "postgres", folder.path(), seconds);
    run(&[&["check", "--from", file.to_str().unwrap(), "--format", "json"], more].concat())
}

/// The checks with a finding of that status.
pub fn found(report: &Value, status: &str) -> BTreeSet<String> {
    let all = report["findings"].as_array().unwrap().iter().filter(|one| one["status"] == status);
    all.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn names(report: &Value, key: &str) -> BTreeSet<String> {
    let all = report[key].as_array().unwrap().iter();
    all.map(|one| one.as_str().or(one["check"].as_str()).unwrap().to_owned()).collect()
}

/// Holds the report against what it is to show: these checks gave that answer. `how` stands in the table of `shown.rs`,
/// which reads these calls.
pub fn shows(report: &Value, is: &str, how: &str, checks: &[&str]) {
    let these = match is {
        FOUND => found(report, "warning").union(&found(report, "critical")).cloned().collect(),
        CLEAR => names(report, "clear"),
        BLIND => found(report, "unknown"),
        ELSEWHERE => names(report, "notes").difference(&names(report, "clear")).cloned().collect(),
        _ => panic!("{is} is no answer"),
    };
    for check in checks {
        assert!(these.contains(*check), "{check} is not {is} ({how}): {report:#}");
    }
}
