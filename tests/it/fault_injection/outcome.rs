//! The outcome of a run with a fault, and what it may leave behind.

use std::path::Path;
use std::time::{Duration, Instant};

use pg_sandbox::Cluster;
use serde_json::Value;

use super::fault::Fault;
use crate::clusters::query_one_text;
use crate::collect::program_runs::ProgramRun;
use crate::reports::nulls;
use crate::schemas::assert_output_is_valid;

/// Longer than any timeout of a report on a small database.
pub const LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Reported,
    Failed,
    Killed,
}

/// Classifies the outcome, after checking the conditions that hold for all of them.
pub async fn from_run(cluster: &Cluster, fault: Fault, arguments: &[&str], run: &ProgramRun, folder: &Path) -> Outcome {
    let case = format!("{fault:?} during {arguments:?}: exit {:?}, {:?}", run.code, run.stderr);
    assert!(run.elapsed < LIMIT, "{case}: took {:?}", run.elapsed);
    assert!(!run.stderr.contains("bug"), "{case}");
    assert!(run.stdout.is_empty(), "{case}: the report was printed instead of written to a file");
    let file = folder.join("report");
    let outcome = match run.code {
        Some(0) => {
            assert_report_is_complete(&file, arguments, &case);
            Outcome::Reported
        }
        Some(1) => {
            assert!(run.stderr.contains("pgtend: "), "{case}: no error message");
            assert!(!file.exists(), "{case}: a failed run wrote a report");
            Outcome::Failed
        }
        // By SIGKILL, or by a signal that came before the program handled it.
        None if matches!(fault, Fault::Killed | Fault::Terminated | Fault::Interrupted) => {
            assert!(!file.exists() || fault == Fault::Killed, "{case}: an interrupted run wrote a report");
            Outcome::Killed
        }
        _ => panic!("{case}: undocumented exit code"),
    };
    let temporary_files = std::fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.file_name());
    let temporary_files: Vec<_> =
        temporary_files.filter(|name| name.to_string_lossy().starts_with(".pgtend-")).collect();
    assert!(temporary_files.is_empty() || fault == Fault::Killed, "{case}: left {temporary_files:?}");
    assert_no_session_left(cluster, &case).await;
    outcome
}

/// Asserts that the report is complete and that every null is explained.
fn assert_report_is_complete(file: &Path, arguments: &[&str], case: &str) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{case}: no report: {error}"));
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{case}: {error}: {text}"));
    assert_output_is_valid(text.as_bytes());
    if !["snapshot", "history"].contains(&arguments[0]) {
        let faults = nulls::null_faults(&report);
        assert!(faults.is_empty(), "{case}: {}", faults.join("\n"));
    }
}

/// 13 does not detect a disconnected client while a statement runs; the reports' statements are short.
pub async fn assert_no_session_left(cluster: &Cluster, case: &str) {
    let since = Instant::now();
    let query =
        "select string_agg(state || ': ' || query, '; ') from pg_stat_activity where application_name = 'pgtend'";
    while let Some(left) = query_one_text(cluster, "postgres", query).await {
        assert!(since.elapsed() < Duration::from_secs(5), "{case}: left on the server: {left}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
