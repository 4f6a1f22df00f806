//! The steps of `docker compose up` on private clusters: the same scripts, a standby, and the reports of the same role.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use pg_sandbox::{Cluster, StandbyOptions};
use serde_json::Value;

use super::clusters::{cluster_options, execute_sql, on_the_newest_alone};

fn compose_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/compose")
}

/// The statements of the primary's scripts, in the order in which the image runs them.
fn script_statements() -> Vec<String> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(compose_folder().join("primary")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    assert_eq!(files.len(), 3);
    let texts = files.iter().map(|path| std::fs::read_to_string(path).unwrap());
    let split = |text: String| text.split_inclusive(";\n").map(str::to_owned).collect::<Vec<_>>();
    texts.flat_map(split).filter(|statement| !statement.trim().is_empty()).collect()
}

/// Runs a report as the monitoring role with `--strict`, so that an unreadable fact is a failure.
fn report_as_monitor(cluster: &Cluster, arguments: &[&str]) -> String {
    let conninfo = cluster.conninfo().replace("user=postgres", "user=pgtend");
    let mut pgtend = Command::cargo_bin("pgtend").unwrap();
    let output = pgtend.args(arguments).args(["--strict", "-d", &conninfo]).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    crate::schemas::assert_output_is_valid(&output.stdout);
    String::from_utf8(output.stdout).unwrap()
}

fn find_slot<'a>(report: &'a Value, name: &str) -> &'a Value {
    let slots = report["slots"].as_array().unwrap();
    slots.iter().find(|slot| slot["slot_name"] == name).unwrap_or_else(|| panic!("no slot {name} in {report}"))
}

#[tokio::test]
async fn compose_servers_show_the_stuck_slot() {
    on_the_newest_alone("stuck slot of the compose servers", cluster_options(), async |_, mut primary| {
        for statement in script_statements() {
            execute_sql(&primary, "postgres", &statement).await;
        }
        let with_slot = StandbyOptions { primary_slot_name: Some("standby".to_owned()), ..StandbyOptions::default() };
        let standby = primary.create_standby(&with_slot).unwrap();

        for server in [&primary, &standby] {
            let overview = report_as_monitor(server, &["overview"]);
            assert!(overview.contains("public.orders"), "{overview}");
        }
        assert!(report_as_monitor(&primary, &["overview"]).contains("cdc_retired"));
        let slots: Value = serde_json::from_str(&report_as_monitor(&primary, &["slots", "--format", "json"])).unwrap();
        let stuck = find_slot(&slots, "cdc_retired");
        assert_eq!(stuck["active"], false);
        assert!(stuck["retained_bytes"].as_u64().unwrap() > 90_000_000, "{stuck}");
        find_slot(&slots, "standby");
        let slots: Value = serde_json::from_str(&report_as_monitor(&standby, &["slots", "--format", "json"])).unwrap();
        assert_eq!(slots["slots"].as_array().map(Vec::len), Some(0), "a copy has no slots of its own");
    })
    .await;
}

#[test]
fn compose_tour_runs_the_tested_reports() {
    let tour = std::fs::read_to_string(compose_folder().join("tour.sh")).unwrap();
    assert!(tour.contains("for report in overview slots; do"));
}

/// Files that are compiled in from outside `src` must be part of the image's build context.
#[test]
fn compose_image_has_all_compiled_in_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignore = std::fs::read_to_string(root.join(".dockerignore")).unwrap();
    let let_through: BTreeSet<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut compiled_in = BTreeSet::from(["Cargo.toml", "Cargo.lock", "build.rs", "src"].map(str::to_owned));
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                // The paths in `include_str!`, such as `"../../queries/slots.sql"`.
                let literals = text.split('"').filter(|literal| literal.starts_with("../"));
                let outside = literals.filter(|literal| folder.join(literal).exists()).filter_map(|literal| {
                    let path = folder.join(literal).canonicalize().unwrap();
                    let within = path.strip_prefix(root.canonicalize().unwrap()).unwrap();
                    within.components().next().map(|first| first.as_os_str().to_str().unwrap().to_owned())
                });
                compiled_in.extend(outside);
            }
        }
    }
    assert!(compiled_in.contains("queries") && compiled_in.contains("migrations"), "{compiled_in:?}");
    let missing: Vec<_> = compiled_in.iter().filter(|name| !let_through.contains(name.as_str())).collect();
    assert!(missing.is_empty(), ".dockerignore excludes: {missing:?}");
}
