//! Reports do not contradict each other: a subject has the same finding, status and number of bytes everywhere.
//!
//! The snapshots: four recorded ones, which are also evaluated with a full disk and with silences; for each selected
//! major six of the fixture servers (primary and standby, three roles) and ten of incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pg_sandbox::{Cluster, ClusterOptions, StopMode};
use serde_json::{Value, json};

use super::fixture_servers::{DATABASE, ROLES, execute_batch, fixture_servers, role_conninfo, wait_until_true};
use super::program::{path_text, pgtend_command, run_command, run_pgtend};
use super::scenarios::scenario_file;
use crate::check::nightly_runs::write_config;
use crate::clusters::{
    SmallFileSystem, cluster_options, connect_superuser, execute_sql, on_every_installation, on_every_major_alone_long,
    print_stderr, private_cluster, wait_until,
};

/// The reports that show findings.
const REPORTS: [&str; 6] = ["overview", "slots", "indexes", "tables", "wal", "audit"];

/// Returns one report of a snapshot file. The exit codes of `check` and `audit` are ignored.
fn report_of(file: &str, report: &str, options: &[&str]) -> Value {
    let arguments = [&[report, "--from", file, "--format", "json"], options].concat();
    let answer = run_command(&mut pgtend_command(&arguments));
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{report}: {error}: {answer:?}"))
}

fn by_id(findings: &Value) -> BTreeMap<String, &Value> {
    let findings = findings.as_array().unwrap_or_else(|| panic!("no findings: {findings}"));
    findings.iter().map(|finding| (finding["id"].as_str().unwrap().to_owned(), finding)).collect()
}

/// Returns the rows of a list; none if it is null.
fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The number before ` %` in a text.
fn percent_in(text: &Value) -> Option<&str> {
    text.as_str()?.split_once(" %")?.0.rsplit([' ', '(']).next()
}

/// Returns every contradiction between two reports on a snapshot.
fn contradictions(file: &str, options: &[&str]) -> Vec<String> {
    let check = report_of(file, "check", options);
    let reports: BTreeMap<&str, Value> =
        REPORTS.into_iter().map(|name| (name, report_of(file, name, options))).collect();
    let expected = by_id(&check["findings"]);
    let silenced = by_id(&check["silenced"]);
    let mut found = Vec::new();
    let mut compare = |what: String, first: &Value, second: &Value| {
        if first != second && !first.is_null() && !second.is_null() {
            found.push(format!("{what}: {first} and {second}"));
        }
    };
    for (name, report) in &reports {
        let shown = by_id(&report["findings"]);
        for (id, finding) in &shown {
            match expected.get(id) {
                Some(in_check) => compare(format!("{id} in {name} and check"), finding, in_check),
                None => compare(format!("{id} in {name}, which check does not find"), finding, &false.into()),
            }
        }
    }
    // The overview has every alert of the check.
    let shown = by_id(&reports["overview"]["findings"]);
    for (id, finding) in expected.iter().filter(|(_, finding)| finding["class"] == "alert") {
        compare(format!("{id} in check and overview"), finding, shown.get(id).unwrap_or(&&false.into()));
    }
    // Rows agree with findings. A silence hides the finding and does not change the row.
    let connected = check["server"]["database"].as_str().unwrap_or_default();
    for check_id in ["invalid-index", "index-bloat"] {
        let marked = rows(&reports["indexes"]["indexes"]).filter(|row| rows(&row["findings"]).any(|id| id == check_id));
        let subject = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            format!("{}/{}.{}", row["database"].as_str().unwrap_or(connected), text("schema"), text("index"))
        };
        let marked: BTreeMap<String, &Value> = marked.map(|row| (subject(row), row)).collect();
        let named: BTreeMap<String, &Value> = (expected.values().chain(silenced.values()))
            .filter(|finding| finding["check"] == check_id && finding["status"] != "unknown")
            .map(|finding| (finding["subject"].as_str().unwrap().to_owned(), *finding))
            .collect();
        let subjects = |of: &BTreeMap<String, &Value>| format!("{:?}", of.keys().collect::<BTreeSet<_>>()).into();
        compare(format!("rows with {check_id}"), &subjects(&marked), &subjects(&named));
        for (subject, row) in marked.iter().filter(|_| check_id == "index-bloat") {
            let reason = rows(&row["reasons"]).find(|reason| reason["reason"] == "bloated");
            let in_row = reason.and_then(|reason| percent_in(&reason["message"])).expect("a reason with a share");
            let in_finding = named.get(subject).and_then(|finding| percent_in(&finding["message"]));
            compare(format!("bloat of {subject}"), &in_row.into(), &in_finding.into());
        }
    }
    // Bytes of a slot and of pg_wal are the same everywhere.
    for row in rows(&reports["overview"]["overview"]["slots"]) {
        let other = rows(&reports["slots"]["slots"]).find(|other| other["slot_name"] == row["slot_name"]);
        for key in ["retained_bytes", "reclaimable_bytes", "verdict"] {
            let other = other.map_or(&Value::Null, |other| &other[key]);
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

fn assert_consistent(name: &str, file: &str, options: &[&str]) {
    let found = contradictions(file, options);
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

const RECORDED: [&str; 4] = ["calm", "disaster", "hidden", "names"];

#[test]
fn one_assessment_recorded_snapshots() {
    for name in RECORDED {
        assert_consistent(name, &scenario_file(name), &[]);
    }
}

/// A finding that is silenced for `check` is silenced for all reports.
#[test]
fn one_assessment_with_silences() {
    let folder = tempfile::tempdir().unwrap();
    for name in RECORDED {
        let file = scenario_file(name);
        let loud = report_of(&file, "check", &[]);
        // One subject of every second check with a finding.
        let mut first_of_check = BTreeMap::new();
        for finding in rows(&loud["findings"]).filter(|finding| finding["status"] != "unknown") {
            first_of_check.entry(finding["check"].to_string()).or_insert(finding);
        }
        let chosen: Vec<&Value> = first_of_check.values().copied().step_by(2).collect();
        let silence = |finding: &&Value| {
            // In a pattern the subject's brackets would have to be quoted; "?" stands for any character.
            let subject = finding["subject"].as_str().unwrap().replace(['[', ']', '*'], "?");
            let (check, subject) = (&finding["check"], Value::from(subject));
            format!("[[silence]]\ncheck = {check}\nsubject = {subject}\nuntil = 2099-01-01\nreason = \"known\"\n")
        };
        let config = write_config(folder.path(), &chosen.iter().map(silence).collect::<String>());
        let options = ["--config", config.as_str()];
        let silenced = report_of(&file, "check", &options);
        for finding in &chosen {
            let id = finding["id"].as_str().unwrap();
            assert!(by_id(&silenced["silenced"]).contains_key(id), "{name}: {id} is not silenced");
            assert!(!by_id(&silenced["findings"]).contains_key(id), "{name}: {id} is still found");
        }
        assert!(!chosen.is_empty(), "{name}: nothing to silence");
        assert_consistent(name, &file, &options);
    }
}

/// The recorded snapshots, with a disk without free space.
#[test]
fn one_assessment_of_a_full_disk_on_record() {
    let folder = tempfile::tempdir().unwrap();
    for name in RECORDED {
        let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(scenario_file(name)).unwrap()).unwrap();
        let volume = json!({ "size_bytes": 100_u64 << 30, "free_bytes": 0 });
        snapshot["disk"] = json!({ "known": { "source": "host", "data": volume, "wal": null } });
        let file = folder.path().join(name);
        std::fs::write(&file, snapshot.to_string()).unwrap();
        assert_consistent(&format!("{name} on a full disk"), path_text(&file), &[]);
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
                assert_consistent(&name, &record(folder.path(), &name, &role_conninfo(cluster, role, DATABASE)), &[]);
            }
        }
    })
    .await;
}

/// Runs each step, then compares the reports that a role gets.
async fn assert_consistent_after(cluster: &Cluster, role: &str, folder: &Path, name: &str, statements: &[&str]) {
    for statement in statements {
        execute_batch(&connect_superuser(cluster, "postgres").await, statement).await;
    }
    assert_consistent(name, &record(folder, name, &role_conninfo(cluster, role, "postgres")), &[]);
}

fn incident_options() -> ClusterOptions {
    let mut options = cluster_options().with_setting("autovacuum", "off");
    options.initdb.push("--wal-segsize=1".to_owned());
    options
}

#[tokio::test]
async fn one_assessment_incidents() {
    let options = incident_options().with_setting("max_slot_wal_keep_size", "1MB").with_setting("max_wal_size", "2MB");
    on_every_major_alone_long("one assessment of incidents", options, async |major, mut cluster| {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let named = |name: &str| format!("{name} {major}");
        assert_consistent_after(&cluster, "postgres", folder, &named("empty"), &[]).await;
        let tables = "do $$ begin for i in 1..1000 loop execute format('create table t%s (id int primary key)', i); \
                      end loop; end $$";
        assert_consistent_after(&cluster, "postgres", folder, &named("1,000 tables"), &[tables, "analyze"]).await;

        // The limit of 100 MB is lowered, so that a small index is enough.
        let config = write_config(folder, "[check.index-bloat]\nminimum = \"1MB\"\n");
        for statement in [
            "create table grown as select i from generate_series(1, 200000) i; create index grown_i on grown (i)",
            "delete from grown where i % 10 <> 0",
            "vacuum (analyze) grown",
        ] {
            execute_batch(&connect_superuser(&cluster, "postgres").await, statement).await;
        }
        let file = record(folder, &named("bloated index"), &role_conninfo(&cluster, "postgres", "postgres"));
        let options = ["--config", config.as_str()];
        assert_consistent(&named("bloated index"), &file, &options);
        let check = report_of(&file, "check", &options);
        assert!(by_id(&check["findings"]).contains_key("index-bloat:postgres/public.grown_i"), "{check}");

        let lost = [
            "select pg_create_physical_replication_slot('gone', true)",
            "create table w as select repeat(md5(i::text), 3) from generate_series(1, 100000) i",
            "checkpoint",
        ];
        assert_consistent_after(&cluster, "postgres", folder, &named("lost slot"), &lost).await;
        let state = "select wal_status = 'lost' from pg_replication_slots where slot_name = 'gone'";
        wait_until_true(&cluster, state).await;

        // The role of a managed service: pg_monitor and the drop of slots, not a superuser.
        let managed = [
            "create role rdsadmin; create role rds_superuser",
            "create role tenant login replication createrole createdb; grant pg_monitor, rds_superuser to tenant",
        ];
        for role in ["postgres", "tenant"] {
            let statements = if role == "postgres" { &managed[..] } else { &[] };
            assert_consistent_after(&cluster, role, folder, &named(&format!("RDS look-alike {role}")), statements)
                .await;
        }

        // A build that waits for an older transaction.
        execute_sql(&cluster, "postgres", "create table b (n int); insert into b values (1)").await;
        let older = connect_superuser(&cluster, "postgres").await;
        older.batch_execute("begin; insert into b values (2)").await.unwrap();
        let builder = connect_superuser(&cluster, "postgres").await;
        let build = tokio::spawn(async move { builder.batch_execute("create index concurrently b_n on b (n)").await });
        wait_until_true(&cluster, "select exists (select from pg_index where not indisvalid)").await;
        wait_until_true(&cluster, "select exists (select from pg_stat_activity where wait_event_type = 'Lock')").await;
        assert_consistent_after(&cluster, "postgres", folder, &named("concurrent build"), &[]).await;
        older.batch_execute("commit").await.unwrap();
        build.await.unwrap().unwrap();
        drop(older);

        execute_sql(&cluster, "postgres", "insert into b select generate_series(1, 1000)").await;
        cluster.stop(StopMode::Immediate).unwrap();
        cluster.start_server().unwrap();
        assert_consistent_after(&cluster, "postgres", folder, &named("after a crash"), &[]).await;
        print_stderr(&format!("one assessment of incidents: eight on {major}"));
    })
    .await;
}

/// A data directory on a file system that the server fills.
#[tokio::test]
async fn one_assessment_of_a_full_disk() {
    on_every_installation("one assessment of a full disk", async |major, installation| {
        let Some(disk) = SmallFileSystem::mount("160m") else {
            return print_stderr(&format!("one assessment of a full disk: NOT RUN on {major}: no privilege to mount"));
        };
        let options = ClusterOptions { parent: disk.path().to_owned(), ..incident_options() };
        let cluster = private_cluster(installation, options.with_setting("max_wal_size", "2MB"));
        execute_sql(&cluster, "postgres", "select pg_create_physical_replication_slot('forgotten', true)").await;
        execute_sql(&cluster, "postgres", "create table t (n int, word text)").await;
        disk.fill_at_once();
        let fill = "insert into t select n, repeat(md5(n::text), 3) from generate_series(1, 1000000) n";
        let client = connect_superuser(&cluster, "postgres").await;
        let refused = client.batch_execute(fill).await.expect_err("the disk is full");
        print_stderr(&format!("one assessment of a full disk on {major}: {refused}"));
        drop(client);
        // A server that cannot write WAL ends all its sessions and recovers without writing.
        wait_until("the server accepting connections", async || can_connect(&cluster).await).await;
        let folder = tempfile::tempdir().unwrap();
        let file = record(folder.path(), "full", &role_conninfo(&cluster, "postgres", "postgres"));
        let snapshot: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let free = snapshot["disk"]["known"]["data"]["free_bytes"].as_u64();
        assert!(free.is_some_and(|bytes| bytes < 1 << 20), "{}", snapshot["disk"]);
        assert_consistent(&format!("full disk {major}"), &file, &[]);
    })
    .await;
}

async fn can_connect(cluster: &Cluster) -> bool {
    let config: tokio_postgres::Config = cluster.conninfo().parse().expect("conninfo");
    config.connect(tokio_postgres::NoTls).await.is_ok()
}
