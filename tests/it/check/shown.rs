//! Which answer of which check was seen on a real server, and why the others were not: read from the tests themselves.

use super::ask::{BLIND, CLEAR, CLOCK, DEFAULT, ELSEWHERE, FOUND};
use pgtend::judge::health::Checks;
use std::{collections::BTreeMap, fmt::Write as _};

/// The tests that call `shows`.
const SOURCES: [&str; 5] = [
    include_str!("later.rs"),
    include_str!("ruined.rs"),
    include_str!("servers.rs"),
    include_str!("sizes.rs"),
    include_str!("standbys.rs"),
];

/// Why an answer was not seen on a server: `snapshot: …`, where unit tests beside the check have it, or `never: …`.
const OTHERWISE: &[(&str, &[&str], &str)] = &[
    (FOUND, &["disk-forecast"], "snapshot: a trend takes days"),
    (CLEAR, &["disk-forecast"], "snapshot: a trend takes days"),
    (CLEAR, &["version"], "snapshot: it depends on the day"),
    (BLIND, &["stale-slot", "lagging-slot", "lost-slot", "slot-limit"], "snapshot: every role may see slots"),
    (
        BLIND,
        &["xid-wraparound", "multixact", "temp-files", "checksum-failures"],
        "snapshot: every role may see databases",
    ),
    (BLIND, &["prepared-transactions", "unsafe-settings", "pending-restart"], "snapshot: every role may see those"),
    (BLIND, &["subscription-errors"], "snapshot: every role may see those"),
    (BLIND, &["stats-lost"], "snapshot: a database that is no longer read"),
    (BLIND, &["disk-forecast"], "snapshot: a folder that cannot be asked"),
    (BLIND, &["version"], "never: the server says it at connecting"),
    (ELSEWHERE, &["version"], "snapshot: it depends on the day"),
    (ELSEWHERE, &["replication-lag"], "snapshot: a gigabyte that nobody timed"),
    (ELSEWHERE, &["lagging-slot", "lost-slot", "slot-limit", "retained-wal"], "never: it arises everywhere"),
    (
        ELSEWHERE,
        &["xid-wraparound", "multixact", "xmin-horizon", "prepared-transactions"],
        "never: it arises everywhere",
    ),
    (
        ELSEWHERE,
        &["connections", "idle-in-transaction", "unsafe-settings", "pending-restart"],
        "never: it arises everywhere",
    ),
    (ELSEWHERE, &["invalid-index", "unused-index", "duplicate-index"], "never: it arises everywhere"),
    (ELSEWHERE, &["index-heavy-table", "missing-fk-index"], "never: it arises everywhere"),
];

/// The better way of seeing comes first.
fn rank(how: &str) -> usize {
    [DEFAULT, CLOCK].iter().position(|one| *one == how).unwrap_or(2)
}

/// The calls of `shows` in a source: the answer, how it was come by, the checks.
fn claims(source: &'static str) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let calls = source.split(" shows(").skip(1).map(|rest| rest.split_once(']').expect("a list").0);
    let claim = |call: &'static str| {
        let (head, list) = call.split_once("&[").expect("a list of checks");
        let mut head = head.splitn(3, ',').skip(1).map(str::trim);
        let is = match head.next().expect("an answer") {
            "FOUND" => FOUND,
            "CLEAR" => CLEAR,
            "BLIND" => BLIND,
            "ELSEWHERE" => ELSEWHERE,
            other => panic!("{other} is no answer"),
        };
        let how = match head.next().expect("a way").trim_end_matches(',') {
            "DEFAULT" => DEFAULT,
            "CLOCK" => CLOCK,
            text => text.trim_matches('"'),
        };
        (is, how, list.split('"').skip(1).step_by(2).collect())
    };
    calls.map(claim).collect()
}

#[test]
fn every_answer_of_every_check_was_seen_or_there_is_a_reason() {
    let mut table: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (is, how, checks) in SOURCES.into_iter().flat_map(claims) {
        for check in checks {
            let best = table.entry((check, is)).or_insert(how);
            if rank(how) < rank(best) {
                *best = how;
            }
        }
    }
    for (is, checks, why) in OTHERWISE {
        for check in *checks {
            let seen = table.insert((check, is), why);
            assert_eq!(seen, None, "{check} {is} was seen after all");
        }
    }
    let (mut lines, mut missing) = (String::new(), Vec::new());
    for check in Checks::names() {
        writeln!(lines, "{check}").unwrap();
        for is in [FOUND, CLEAR, BLIND, ELSEWHERE] {
            match table.remove(&(check, is)) {
                Some(how) => writeln!(lines, "    {is}: {how}").unwrap(),
                None => missing.push(format!("{check} {is}")),
            }
        }
    }
    assert!(missing.is_empty(), "neither seen nor explained: {missing:#?}");
    assert!(table.is_empty(), "of checks that are none: {table:#?}");
    insta::assert_snapshot!("what_is_shown", lines);
}
