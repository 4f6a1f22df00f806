//! No report contradicts another: the same subject has one finding, one status and one number of bytes everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pg_sandbox::{Cluster, StopMode};
use serde_json::Value;

use super::fixture_servers::{DATABASE, ROLES, execute_batch, fixture_servers, role_conninfo, wait_until_true};
use super::program::{pgtend_command, run_command, run_pgtend};
use super::scenarios::scenario_file;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_installation,
    print_stderr,
};

/// The reports that show findings.
const REPORTS: [&str; 6] = ["overview", "slots", "indexes", "tables", "wal", "audit"];

/// One report of a snapshot file. The exit codes of `check` and `audit` are not of interest.
fn report_of(file: &str, report: &str) -> Value {
    let answer = run_command(&mut pgtend_command(&[report, "--from", file, "--format", "json"]));
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{report}: {error}: {answer:?}"))
}

fn findings(report: &Value) -> BTreeMap<String, &Value> {
    let all = report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {report}"));
    all.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one)).collect()
}

/// The subjects of a check, as `database/schema.index`.
fn subjects(report: &Value, check: &str) -> BTreeSet<String> {
    let all = report["findings"].as_array().unwrap().iter();
    let found = all.filter(|one| one["check"] == check && one["status"] != "unknown");
    found.map(|one| one["subject"].as_str().unwrap().to_owned()).collect()
}

/// Every contradiction between two reports on a snapshot.
fn contradictions(file: &str) -> Vec<String> {
    let check = report_of(file, "check");
    let reports: BTreeMap<&str, Value> = REPORTS.into_iter().map(|name| (name, report_of(file, name))).collect();
    let expected = findings(&check);
    let mut found = Vec::new();
    let mut compare = |what: String, here: &Value, there: &Value| {
        if here != there && !here.is_null() && !there.is_null() {
            found.push(format!("{what}: {here} and {there}"));
        }
    };
    for (name, report) in &reports {
        let shown = findings(report);
        for (id, finding) in &shown {
            match expected.get(id) {
                Some(one) => compare(format!("{id} in {name} and check"), finding, one),
                None => compare(format!("{id} in {name}, which check does not find"), finding, &false.into()),
            }
        }
    }
    // The overview has every alert that the check has.
    let shown = findings(&reports["overview"]);
    for (id, finding) in expected.iter().filter(|(_, one)| one["class"] == "alert") {
        compare(format!("{id} in check and overview"), finding, shown.get(id).unwrap_or(&&false.into()));
    }
    // Rows agree with findings.
    for id in ["invalid-index", "index-bloat"] {
        let rows = reports["indexes"]["indexes"].as_array().into_iter().flatten();
        let marked = rows.filter(|row| row["findings"].as_array().unwrap().contains(&id.into()));
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let connected = check["server"]["database"].as_str().unwrap_or_default().to_owned();
        let database = |row: &Value| row["database"].as_str().map_or_else(|| connected.clone(), str::to_owned);
        let marked: BTreeSet<String> =
            marked.map(|row| format!("{}/{}.{}", database(row), text(row, "schema"), text(row, "index"))).collect();
        let named = subjects(&check, id);
        compare(format!("rows with {id}"), &format!("{marked:?}").into(), &format!("{named:?}").into());
    }
    // Bytes of a slot and of pg_wal are the same everywhere.
    let slots = &reports["slots"]["slots"];
    for row in reports["overview"]["overview"]["slots"].as_array().into_iter().flatten() {
        let other = slots.as_array().into_iter().flatten().find(|one| one["slot_name"] == row["slot_name"]);
        for key in ["retained_bytes", "reclaimable_bytes", "verdict"] {
            let other = other.map_or(&Value::Null, |one| &one[key]);
            compare(format!("{key} of slot {}", row["slot_name"]), &row[key], other);
        }
    }
    let wal = &reports["wal"]["wal"]["directory_bytes"];
    compare("pg_wal".to_owned(), &reports["overview"]["overview"]["wal_bytes"], wal);
    for (id, finding) in &expected {
        if id == "retained-wal:pg_wal" && finding["status"] != "unknown" {
            compare(id.clone(), &finding["measured"], wal);
        }
    }
    found
}

fn assert_consistent(name: &str, file: &str) {
    let found = contradictions(file);
    assert!(found.is_empty(), "{name}: {} contradictions: {found:#?}", found.len());
}

/// Records a snapshot of a server.
fn record(folder: &Path, name: &str, conninfo: &str) -> String {
    let file = folder.join(format!("{name}.json"));
    let file = file.to_str().unwrap().to_owned();
    let answer = run_pgtend(&["snapshot", "-q", "--output", &file, "-d", conninfo]);
    assert_eq!(answer.exit, 0, "{answer:?}");
    file
}

#[test]
fn one_assessment_recorded_snapshots() {
    for name in ["calm", "disaster", "hidden", "names"] {
        assert_consistent(name, &scenario_file(name));
    }
}

#[tokio::test]
async fn one_assessment_fixture_servers() {
    let folder = tempfile::tempdir().unwrap();
    on_every_installation("one assessment", async |major, _| {
        let servers = fixture_servers(major);
        for (kind, cluster) in [("primary", &servers.primary), ("standby", &servers.standby)] {
            for role in ROLES {
                let name = format!("{kind} {major} {role}");
                assert_consistent(&name, &record(folder.path(), &name, &role_conninfo(cluster, role, DATABASE)));
            }
        }
    })
    .await;
}

/// Runs each step, then compares the reports.
async fn assert_consistent_after(cluster: &Cluster, folder: &Path, name: &str, statements: &[&str]) {
    for statement in statements {
        execute_batch(&connect_superuser(cluster, "postgres").await, statement).await;
    }
    assert_consistent(name, &record(folder, name, &role_conninfo(cluster, "postgres", "postgres")));
}

#[tokio::test]
async fn one_assessment_incidents() {
    let options = cluster_options().with_setting("max_slot_wal_keep_size", "1MB").with_setting("autovacuum", "off");
    on_a_major_and_the_newest_alone(13, "one assessment of incidents", options, async |major, mut cluster| {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let named = |name: &str| format!("{name} {major}");
        assert_consistent_after(&cluster, folder, &named("empty"), &[]).await;
        let tables = "do $$ begin for i in 1..1000 loop execute format('create table t%s (id int primary key)', i); \
                      end loop; end $$";
        assert_consistent_after(&cluster, folder, &named("1,000 tables"), &[tables, "analyze"]).await;
        let lost = [
            "select pg_create_physical_replication_slot('gone', true)",
            "create table w (); select pg_switch_wal()",
            "create table x (); select pg_switch_wal()",
            "checkpoint",
        ];
        assert_consistent_after(&cluster, folder, &named("lost slot"), &lost).await;
        let rds = ["create role rdsadmin; create role rds_superuser"];
        assert_consistent_after(&cluster, folder, &named("RDS look-alike"), &rds).await;

        // A build that waits for an older transaction.
        execute_sql(&cluster, "postgres", "create table b (n int); insert into b values (1)").await;
        let older = connect_superuser(&cluster, "postgres").await;
        older.batch_execute("begin; insert into b values (2)").await.unwrap();
        let builder = connect_superuser(&cluster, "postgres").await;
        let build = tokio::spawn(async move { builder.batch_execute("create index concurrently b_n on b (n)").await });
        wait_until_true(&cluster, "select exists (select from pg_index where not indisvalid)").await;
        wait_until_true(&cluster, "select exists (select from pg_stat_activity where wait_event_type = 'Lock')").await;
        assert_consistent_after(&cluster, folder, &named("concurrent build"), &[]).await;
        older.batch_execute("commit").await.unwrap();
        build.await.unwrap().unwrap();
        drop(older);

        execute_sql(&cluster, "postgres", "insert into b select generate_series(1, 1000)").await;
        cluster.stop(StopMode::Immediate).unwrap();
        cluster.start_server().unwrap();
        assert_consistent_after(&cluster, folder, &named("after a crash"), &[]).await;
        print_stderr(&format!("six incidents on {major}"));
    })
    .await;
}
