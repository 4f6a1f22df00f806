//! A check declares exactly the groups of facts that it needs.

use std::collections::BTreeMap;
use std::fs;

use pgtend::checks::runner::Checks;
use pgtend::checks::{CHECKS, Check, CheckOutcome, Evidence};
use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::history::{Growth, HistoryView, SizePoint, Subject, SubjectKind};
use pgtend::facts::{FactGroup, FactGroups, Snapshot};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::clusters::on_the_newest;
use crate::collect::program_runs::{collect_from_conninfo, open_session};
use crate::reports::fixture_servers::{DATABASE, fixture_servers, role_conninfo};
use crate::reports::scenarios::scenario_file;

/// Groups that change an outcome only where indexes have been watched for months, or were built by an earlier release.
const NOT_SHOWN: [(&str, FactGroup); 4] = [
    ("deduplicated-char-index", FactGroup::IndexBloat),
    ("duplicate-index", FactGroup::IndexFacts),
    ("index-bloat", FactGroup::IndexFacts),
    ("unused-index", FactGroup::IndexFacts),
];

/// The reason of a fact that is outside the scope.
const NOT_COLLECTED: &str = "not requested by this report";

/// Removes from a snapshot what a partial one has not collected.
fn hide_uncollected(snapshot: &mut Value, partial: &Value) {
    let (Some(snapshot), Some(partial)) = (snapshot.as_object_mut(), partial.as_object()) else { return };
    for (key, partial) in partial {
        if partial["unavailable"]["reason"] == NOT_COLLECTED {
            snapshot.insert(key.clone(), partial.clone());
        } else if key == "database_snapshots" {
            let databases = snapshot[key].as_array_mut().expect("a list of databases");
            match partial.get(0) {
                Some(partial) => databases.iter_mut().for_each(|database| hide_uncollected(database, partial)),
                None => databases.clear(),
            }
        } else if partial.get("known").is_none()
            && let Some(value) = snapshot.get_mut(key)
        {
            hide_uncollected(value, partial);
        }
    }
}

/// Sizes of ten days, of a growing server.
fn growing() -> HistoryView {
    let growth = [SubjectKind::Cluster, SubjectKind::Wal].map(|kind| Growth {
        subject: Subject { kind, database: None, schema: None, name: None },
        points: (0..10)
            .map(|day| SizePoint {
                at: jiff::Timestamp::from_second(1_790_000_000 + day * 86_400).expect("a time"),
                bytes: (1 << 40) + (day as u64) * (1 << 30),
            })
            .collect(),
    });
    HistoryView { growth: growth.into(), ..HistoryView::default() }
}

fn evidence(snapshot: &Snapshot) -> Evidence<'_> {
    Evidence::new(snapshot, growing())
}

/// Returns the outcome of each selected check, by name.
fn evaluate(evidence: &Evidence<'_>, is_selected: impl Fn(&Check) -> bool) -> BTreeMap<&'static str, CheckOutcome> {
    let results = Checks::default().run_checks(evidence, is_selected);
    results.into_iter().map(|result| (result.check.name, result.outcome)).collect()
}

fn evaluate_one(evidence: &Evidence<'_>, check: &Check) -> CheckOutcome {
    evaluate(evidence, |rule| rule.name == check.name).remove(check.name).expect("an outcome")
}

fn without(facts: FactGroups, group: FactGroup) -> FactGroups {
    facts.without(FactGroups::new(&[group]))
}

fn set_setting(snapshot: &mut Value, name: &str, value: &str) {
    let settings = snapshot["settings"]["known"].as_array_mut().expect("settings");
    settings.retain(|setting| setting["name"] != name);
    settings.push(json!({"name": name, "setting": value, "unit": null, "source": "default", "pending_restart": false}));
}

/// The recorded snapshots, and one with a full disk, an archiver and a running index build.
fn recorded_snapshots() -> Vec<Value> {
    let read = |name| serde_json::from_str::<Value>(&fs::read_to_string(scenario_file(name)).unwrap()).unwrap();
    let mut snapshots: Vec<Value> = ["disaster", "calm", "names", "hidden"].map(read).into();
    let mut full = snapshots[0].clone();
    set_setting(&mut full, "archive_mode", "on");
    set_setting(&mut full, "archive_command", "cp %p /archive/%f");
    full["temporary_files"] = json!({"known": {"files": 1, "bytes": 150_u64 << 30}});
    let database = &mut full["database_snapshots"][0];
    database["indexes"]["known"][0]["is_valid"] = json!(false);
    let table = database["indexes"]["known"][0]["table_oid"].clone();
    database["index_facts"]["builds"] = json!({"known": [table]});
    full["wal_directory"]["known"]["directory_bytes"] = json!(200_u64 << 30);
    full["disk"] = json!({"known": {"source": "config", "data": {"size_bytes": 400_u64 << 30, "free_bytes": null},
                                    "wal": null}});
    snapshots.push(full);
    snapshots
}

/// A check, and the group that it declares but that is not collected.
type CheckWithout = (&'static Check, Option<FactGroup>);

#[tokio::test]
async fn declared_facts_are_those_a_check_needs() {
    // Each set of collected groups, with the checks that declare it, or declare it and one more group.
    let mut sets: Vec<(FactGroups, Vec<CheckWithout>)> = Vec::new();
    for check in CHECKS.iter().filter(|check| check.nightly.is_some()) {
        let fewer = check.facts.iter().map(|group| (without(check.facts, group), Some(group)));
        for (facts, missing) in fewer.chain([(check.facts, None)]) {
            match sets.iter_mut().find(|(known, _)| *known == facts) {
                Some((_, checks)) => checks.push((check, missing)),
                None => sets.push((facts, vec![(check, missing)])),
            }
        }
    }
    on_the_newest("facts that checks declare", async |major, _| {
        let servers = fixture_servers(major);
        let mut snapshots = recorded_snapshots();
        for cluster in [&servers.primary, &servers.standby] {
            let conninfo = role_conninfo(cluster, "postgres", DATABASE);
            let snapshot = collect_from_conninfo(&conninfo, &Scope::nightly()).await;
            snapshots.push(serde_json::to_value(&snapshot).unwrap());
        }
        let read = |value: &Value| Snapshot::deserialize(value).unwrap_or_else(|error| panic!("{error}"));
        let expected: Vec<_> = snapshots.iter().map(|value| evaluate(&evidence(&read(value)), |_| true)).collect();
        let session = open_session(&role_conninfo(&servers.primary, "postgres", DATABASE)).await;
        let (mut incomplete, mut needless) = (Vec::new(), Vec::new());
        for (facts, checks) in &sets {
            let collected =
                collect_snapshot(&session, &Scope { facts: *facts, ..Scope::nightly() }).await.expect("a snapshot");
            let partial = serde_json::to_value(&collected).unwrap();
            let hidden: Vec<Snapshot> = snapshots
                .iter()
                .map(|snapshot| {
                    let mut snapshot = snapshot.clone();
                    hide_uncollected(&mut snapshot, &partial);
                    read(&snapshot)
                })
                .collect();
            let hidden: Vec<Evidence<'_>> = hidden.iter().map(evidence).collect();
            for (check, missing) in checks {
                let mut pairs = hidden.iter().zip(&expected);
                let difference = pairs.find_map(|(hidden, expected)| {
                    let (outcome, expected) = (evaluate_one(hidden, check), &expected[check.name]);
                    (outcome != *expected).then(|| format!("{}: {outcome:?}\n  and {expected:?}", check.name))
                });
                match (missing, difference) {
                    // Without relations there is no database to evaluate.
                    (Some(FactGroup::Relations), None) => {}
                    (Some(group), None) => needless.push((check.name, *group)),
                    (None, Some(difference)) => incomplete.push(difference),
                    _ => {}
                }
                let unknown = evaluate_one(&evidence(&collected), check).unknown;
                if missing.is_none() && unknown.iter().any(|why| why.reason.contains(NOT_COLLECTED)) {
                    incomplete.push(format!("{}: {unknown:?}", check.name));
                }
            }
        }
        assert!(incomplete.is_empty(), "{major}: facts that a check does not declare:\n{}", incomplete.join("\n"));
        needless.sort_by_key(|(check, _)| *check);
        assert_eq!(needless, NOT_SHOWN, "{major}: facts that a check does not need");
    })
    .await;
}

#[test]
fn declared_facts_are_collected_by_a_nightly_run() {
    for check in CHECKS {
        assert_eq!(check.facts.without(Scope::nightly().facts), FactGroups::NONE, "{}", check.name);
    }
}
