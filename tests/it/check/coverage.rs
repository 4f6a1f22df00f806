//! Which result of which check occurred on a real server, and why the others did not: read from the tests' source.

use super::check_report::{DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, SHIFTED_CLOCK, UNKNOWN};
use pgtend::checks::runner::Checks;
use std::{collections::BTreeMap, fmt::Write as _};

/// The tests that call `assert_result`.
const SOURCES: [&str; 7] = [
    include_str!("aged_snapshots.rs"),
    include_str!("char_indexes.rs"),
    include_str!("corruption.rs"),
    include_str!("post_update.rs"),
    include_str!("servers.rs"),
    include_str!("sizes.rs"),
    include_str!("standbys.rs"),
];

/// Why a result did not occur on a server: `snapshot: …` if unit tests of the check have it, or `never: …`.
const NOT_SEEN: &[(&str, &[&str], &str)] = &[
    (FOUND, &["disk-forecast"], "snapshot: a trend takes days"),
    (PASSED, &["disk-forecast"], "snapshot: a trend takes days"),
    (PASSED, &["version"], "snapshot: it depends on the date"),
    (
        UNKNOWN,
        &["stale-slot", "lagging-slot", "lost-slot", "slot-limit", "failover-slot-sync"],
        "snapshot: every role may see slots",
    ),
    (
        UNKNOWN,
        &["xid-wraparound", "multixact", "temp-files", "checksum-failures"],
        "snapshot: every role may see databases",
    ),
    (UNKNOWN, &["prepared-transactions", "unsafe-settings", "pending-restart"], "snapshot: every role may see those"),
    (UNKNOWN, &["subscription-errors"], "snapshot: every role may see those"),
    (UNKNOWN, &["stats-lost"], "snapshot: a database that is no longer read"),
    (UNKNOWN, &["disk-forecast"], "snapshot: a folder that cannot be read"),
    (UNKNOWN, &["version"], "snapshot: a major newer than the table"),
    (NOT_APPLICABLE, &["version"], "snapshot: it depends on the date"),
    (NOT_APPLICABLE, &["lagging-slot", "lost-slot", "slot-limit", "retained-wal"], "never: it arises everywhere"),
    (
        NOT_APPLICABLE,
        &["xid-wraparound", "multixact", "xmin-horizon", "prepared-transactions"],
        "never: it arises everywhere",
    ),
    (
        NOT_APPLICABLE,
        &["connections", "idle-in-transaction", "lock-waits", "unsafe-settings", "pending-restart"],
        "never: it arises everywhere",
    ),
    (NOT_APPLICABLE, &["invalid-index", "unused-index", "duplicate-index"], "never: it arises everywhere"),
    (NOT_APPLICABLE, &["index-heavy-table", "missing-fk-index"], "never: it arises everywhere"),
];

/// Better evidence has a lower rank.
fn evidence_rank(evidence: &str) -> usize {
    [DEFAULT_LIMITS, SHIFTED_CLOCK].iter().position(|known| *known == evidence).unwrap_or(2)
}

/// Returns the calls of `assert_result` in a source: the result, the evidence, the checks.
fn asserted_results(source: &'static str) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let calls = source.split(" assert_result(").skip(1).map(|rest| rest.split_once(']').expect("a list").0);
    let parse_call = |call: &'static str| {
        let (head, list) = call.split_once("&[").expect("a list of checks");
        let mut head = head.splitn(3, ',').skip(1).map(str::trim);
        let result = match head.next().expect("a result") {
            "FOUND" => FOUND,
            "PASSED" => PASSED,
            "UNKNOWN" => UNKNOWN,
            "NOT_APPLICABLE" => NOT_APPLICABLE,
            other => panic!("{other} is not a result"),
        };
        let evidence = match head.next().expect("evidence").trim_end_matches(',') {
            "DEFAULT_LIMITS" => DEFAULT_LIMITS,
            "SHIFTED_CLOCK" => SHIFTED_CLOCK,
            text => text.trim_matches('"'),
        };
        (result, evidence, list.split('"').skip(1).step_by(2).collect())
    };
    calls.map(parse_call).collect()
}

#[test]
fn coverage_of_every_check_result() {
    let mut table: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (result, evidence, checks) in SOURCES.into_iter().flat_map(asserted_results) {
        for check in checks {
            let best = table.entry((check, result)).or_insert(evidence);
            if evidence_rank(evidence) < evidence_rank(best) {
                *best = evidence;
            }
        }
    }
    for (result, checks, reason) in NOT_SEEN {
        for check in *checks {
            let previous = table.insert((check, result), reason);
            assert_eq!(previous, None, "{check} {result} has evidence and an exception");
        }
    }
    let (mut lines, mut missing) = (String::new(), Vec::new());
    for check in Checks::names() {
        writeln!(lines, "{check}").unwrap();
        for result in [FOUND, PASSED, UNKNOWN, NOT_APPLICABLE] {
            match table.remove(&(check, result)) {
                Some(how) => writeln!(lines, "    {result}: {how}").unwrap(),
                None => missing.push(format!("{check} {result}")),
            }
        }
    }
    assert!(missing.is_empty(), "neither evidence nor exception: {missing:#?}");
    assert!(table.is_empty(), "exceptions for unknown checks: {table:#?}");
    insta::assert_snapshot!("what_is_shown", lines);
}
