//! File sizes: no file is longer than 500 lines, and a short one has a reason.

use super::{assert_none, source_files};

const MAX_LINES: usize = 500;
const MIN_LINES: usize = 60;

/// Folders in which each file is one element of a growing list, however short.
const ONE_THING_PER_FILE: &[(&str, &str)] = &[
    ("src/facts/", "a view or an object of PostgreSQL"),
    ("src/cli/", "a command"),
    ("src/checks/rules/", "a check"),
    ("src/actions/index_migration/tools/", "a migration tool"),
    ("src/config/", "a table of the configuration"),
    ("src/collect/", "a group of facts"),
    ("src/history/", "a table of the store"),
    ("src/postgres/conninfo/", "a kind of conninfo parameters"),
    ("src/render/", "a format or an element of one"),
    ("src/monitor/notify/", "a kind of recipient"),
    ("src/units/", "a unit"),
    ("src/quote/", "a syntax that is quoted"),
    ("src/analysis/index/", "a finding on indexes"),
];

/// Short files outside of these folders, each with its reason.
const SHORT_FILES: &[(&str, &str)] = &[
    ("src/main.rs", "the program is the library"),
    ("src/actions/error.rs", "the errors of a layer are in one place"),
    ("src/analysis/bloat/heap.rs", "the counterpart of btree.rs"),
    ("src/analysis/downsize/unscanned_tables.rs", "one blocker with its own evidence"),
    ("src/analysis/index_trees.rs", "used by checks, reports and actions"),
    ("src/app/assessment.rs", "joins configuration, history and checks"),
    ("src/app/exit_code.rs", "the codes are in one place"),
    ("src/checks/droppable_indexes.rs", "shared by two rules"),
    ("src/postgres/connect/progress.rs", "shared by all steps of a connection"),
    ("src/postgres/connect/session_attrs.rs", "one parameter with its own statements"),
    ("src/postgres/limits.rs", "shared by connection and session"),
    ("src/postgres/query.rs", "the queries of a session"),
    ("src/postgres/script.rs", "the only session that runs scripts"),
    ("src/report/finding.rs", "shared by all reports"),
    ("src/report/history/prune.rs", "a report"),
    ("src/report/overview/next.rs", "the next commands are decided in one place"),
    ("src/report/view.rs", "shared by all lists"),
];

#[test]
fn file_sizes_are_sensible() {
    let mut violations = Vec::new();
    let mut short = Vec::new();
    for (path, text) in source_files("src", ".rs") {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            violations.push(format!("{path}: {lines} lines, more than {MAX_LINES}"));
        }
        let is_one_of_a_list = ONE_THING_PER_FILE.iter().any(|(folder, _)| path.starts_with(folder));
        if lines < MIN_LINES && !path.ends_with("/mod.rs") && !is_one_of_a_list {
            if !SHORT_FILES.iter().any(|(file, _)| *file == path) {
                violations.push(format!("{path}: {lines} lines; merge it into its caller, or list it with a reason"));
            }
            short.push(path);
        }
    }
    for (file, reason) in SHORT_FILES {
        if !short.iter().any(|path| path == file) {
            violations.push(format!("{file}: listed as short ({reason}), but it is not short"));
        }
    }
    assert_none(&violations);
}
