//! Work that release notes ask for, on servers before and after the release.

use super::check_report::{DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, assert_result, run_check};
use crate::{
    clusters::{cluster_options, connect_superuser, execute_sql, on_every_major_alone, print_stderr, query_one_text},
    reports::{
        fixture_servers::role_conninfo,
        program::{pgtend_command, run_command},
    },
};
use serde_json::Value;

/// Indexes that the notes of 2026-08-13 concern, and one that they do not.
const SETUP: &[&str] = &[
    "create extension btree_gist",
    "create extension ltree",
    "create table measured (value float8, flags bit(3), path ltree, name text)",
    "create index measured_value on measured using gist (value)",
    "create index measured_flags on measured using gist (flags)",
    "create index measured_path on measured (path)",
    "create index measured_name on measured using gist (name)",
];

fn subjects(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let tasks = findings.iter().filter(|finding| finding["check"] == "post-update-tasks");
    tasks.map(|finding| finding["subject"].as_str().expect("a subject").to_owned()).collect()
}

/// The first minor release of 2026-08-13.
fn has_changes_of_august_2026(version_num: u32) -> bool {
    let minor = version_num % 10_000;
    match version_num / 10_000 {
        14 => minor >= 24,
        15 => minor >= 19,
        16 => minor >= 15,
        17 => minor >= 11,
        18 => minor >= 6,
        major => major >= 19,
    }
}

#[tokio::test]
async fn post_update_indexes_are_named() {
    on_every_major_alone("indexes that release notes concern", cluster_options(), async |major, cluster| {
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        // The notes of 14.4 concern every server of 14.
        if major != 14 {
            assert_result(&report, PASSED, DEFAULT_LIMITS, &["post-update-tasks"]);
        }
        if let Err(error) = connect_superuser(&cluster, "postgres").await.batch_execute(SETUP[0]).await {
            return print_stderr(&format!("indexes that release notes concern: NOT RUN on {major}: {error}"));
        }
        for statement in &SETUP[1..] {
            execute_sql(&cluster, "postgres", statement).await;
        }
        let version = query_one_text(&cluster, "postgres", "select current_setting('server_version_num')").await;
        let version_num: u32 = version.expect("a version").parse().expect("a number");
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_eq!(exit, 0, "no alert: {report}");
        let found = subjects(&report);
        if has_changes_of_august_2026(version_num) {
            let mut expected = vec!["postgres/btree-gist-bits", "postgres/btree-gist-floats", "postgres/ltree-labels"];
            if major >= 18 {
                expected.push("postgres/ltree-case");
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "on {major}: {report}");
            assert_result(&report, FOUND, DEFAULT_LIMITS, &["post-update-tasks"]);
        } else {
            assert!(found.iter().all(|subject| subject == "postgres/ltree-case"), "on {major}: {report}");
        }
        if (13..=16).contains(&major) {
            let notes = report["notes"].to_string();
            assert!(notes.contains("rebuild GiST indexes") && notes.contains("public.measured_name"), "{notes}");
        }
        let conninfo = role_conninfo(&cluster, "postgres", "postgres");
        let snapshot = run_command(&mut pgtend_command(&["snapshot", "-d", &conninfo]));
        let snapshot: Value = serde_json::from_str(&snapshot.stdout).expect("JSON");
        let marks = &snapshot["database_snapshots"][0]["post_update"]["known"];
        print_stderr(&format!("post-update marks on {version_num}: {marks}"));
        // A cluster that initdb of a fixed release created has the fixed view.
        if major >= 14 {
            assert_eq!(marks["restricts_stats_ext"], true, "on {major}");
        }
        // Commands are those that the server accepts.
        for finding in report["findings"].as_array().expect("findings") {
            let advice = finding["advice"].as_str().unwrap_or_default();
            if let (true, Some(command)) = (finding["check"] == "post-update-tasks", advice.split('`').nth(1)) {
                execute_sql(&cluster, "postgres", command).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn post_update_old_releases_are_notes() {
    on_every_major_alone("old release notes", cluster_options(), async |major, cluster| {
        execute_sql(&cluster, "postgres", "create table spans (length interval)").await;
        execute_sql(&cluster, "postgres", "create index spans_length on spans (length)").await;
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        if major <= 16 {
            assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["post-update-tasks"]);
            assert!(report["notes"].to_string().contains("public.spans_length"), "{report}");
        } else {
            assert_result(&report, PASSED, DEFAULT_LIMITS, &["post-update-tasks"]);
        }
    })
    .await;
}
