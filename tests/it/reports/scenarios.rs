//! Recorded snapshots, one per scenario, and the text of their reports.

use std::path::Path;

use pg_sandbox::disaster;

use super::fixture_servers::{DATABASE, fixture_servers, role_conninfo};
use super::program::{REPORT_NAMES, pgtend_command, run_command, run_pgtend};
use crate::clusters::{cluster_options, connect_superuser, installation, private_cluster};

/// Returns the file of a scenario.
pub fn scenario_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(format!("{name}.json"));
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// The scenarios whose texts are compared.
const SCENARIOS: [&str; 3] = ["disaster", "hidden", "names"];

#[test]
fn scenarios_reports_match_snapshots() {
    for name in SCENARIOS {
        for report in REPORT_NAMES {
            let arguments = [report, "--limit", "20", "--from", &scenario_file(name)];
            let arguments =
                if matches!(report, "overview" | "wal") { &[report, "--from", arguments[4]] } else { &arguments[..] };
            let text = run_command(pgtend_command(arguments).env("COLUMNS", "80")).stdout;
            insta::assert_snapshot!(format!("{name}_{report}"), text);
        }
    }
}

#[test]
fn scenarios_hold_no_machine_details() {
    for name in SCENARIOS {
        let text = std::fs::read_to_string(scenario_file(name)).unwrap();
        for trace in
            ["/tmp", "/home", "/root", "/usr", "/var", "pgtend-", "host=", "localhost", "127.0.0.1", "password"]
        {
            assert!(!text.contains(trace), "{trace} in {name}");
        }
        assert!(text.len() < 400_000, "{name}: {} bytes", text.len());
    }
}

/// Records the scenarios: `cargo test --test it -- --ignored scenarios_record`.
#[tokio::test]
#[ignore = "writes the fixtures"]
async fn scenarios_record() {
    let record = |name: &str, conninfo: &str| {
        let answer = run_pgtend(&["snapshot", "-q", "--output", &scenario_file(name), "-d", conninfo]);
        assert_eq!(answer.exit, 0, "{answer:?}");
        // Details of the compiler's machine are removed.
        let mut snapshot: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(scenario_file(name)).unwrap()).unwrap();
        let version = snapshot["server"]["version"].as_str().unwrap().to_owned();
        snapshot["server"]["version"] = version.split(" on ").next().unwrap().into();
        // So are its disk and its address.
        let facts = snapshot.as_object_mut().unwrap();
        facts.retain(|fact, _| fact != "disk" && fact != "address");
        std::fs::write(scenario_file(name), format!("{snapshot}\n")).unwrap();
    };
    std::fs::create_dir_all(Path::new(&scenario_file("x")).parent().unwrap()).unwrap();
    let cluster = private_cluster(installation(17), cluster_options().with_setting("cluster_name", "shop"));
    let client = connect_superuser(&cluster, "postgres").await;
    client.batch_execute("create database shop").await.unwrap();
    let client = connect_superuser(&cluster, "shop").await;
    for step in disaster::steps() {
        let result = client.batch_execute(&step.sql).await;
        assert_eq!(result.is_err(), step.expected_sqlstate.is_some(), "{}: {result:?}", step.name);
    }
    record("disaster", &role_conninfo(&cluster, "postgres", "shop"));
    record("hidden", &role_conninfo(&fixture_servers(13).standby, "stranger", DATABASE));
    record("names", &role_conninfo(&fixture_servers(18).primary, "watcher", DATABASE));
}
