//! Recorded snapshots, one a story, and what people read of them.

use std::path::Path;

use pgtend::sandbox::disaster;

use super::program::{REPORTS, answer, pgtend, run};
use super::zoo::{DATABASE, conninfo, zoo};
use crate::clusters::{connect, installation, options, private};

/// The file of a story.
pub fn story(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(format!("{name}.json"));
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// What each story is about.
const STORIES: [&str; 3] = ["disaster", "hidden", "names"];

#[test]
fn every_report_of_every_story_reads_as_it_did() {
    for name in STORIES {
        for report in REPORTS {
            let arguments = [report, "--limit", "20", "--from", &story(name)];
            let arguments =
                if matches!(report, "overview" | "wal") { &[report, "--from", arguments[4]] } else { &arguments[..] };
            let text = answer(pgtend(arguments).env("COLUMNS", "80")).stdout;
            insta::assert_snapshot!(format!("{name}_{report}"), text);
        }
    }
}

#[test]
fn no_story_tells_of_the_machine_it_was_recorded_on() {
    for name in STORIES {
        let text = std::fs::read_to_string(story(name)).unwrap();
        for trace in
            ["/tmp", "/home", "/root", "/usr", "/var", "pgtend-", "host=", "localhost", "127.0.0.1", "password"]
        {
            assert!(!text.contains(trace), "{trace} in {name}");
        }
        assert!(text.len() < 400_000, "{name}: {} bytes", text.len());
    }
}

/// Records the stories anew: `cargo test --test it -- --ignored record_the_stories`.
#[tokio::test]
#[ignore = "writes the fixtures"]
async fn record_the_stories() {
    let record = |name: &str, conninfo: &str| {
        let answer = run(&["snapshot", "-q", "--output", &story(name), "-d", conninfo]);
        assert_eq!(answer.exit, 0, "{answer:?}");
        // The compiler's name and its machine's are nobody's business.
        let mut snapshot: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(story(name)).unwrap()).unwrap();
        let version = snapshot["server"]["version"].as_str().unwrap().to_owned();
        snapshot["server"]["version"] = version.split(" on ").next().unwrap().into();
        // So are its disk and its place.
        let facts = snapshot.as_object_mut().unwrap();
        facts.retain(|fact, _| fact != "disk" && fact != "address");
        std::fs::write(story(name), format!("{snapshot}\n")).unwrap();
    };
    std::fs::create_dir_all(Path::new(&story("x")).parent().unwrap()).unwrap();
    let cluster = private(installation(17), options().set("cluster_name", "shop"));
    let client = connect(&cluster, "postgres").await;
    client.batch_execute("create database shop").await.unwrap();
    let client = connect(&cluster, "shop").await;
    for step in disaster::steps() {
        let result = client.batch_execute(&step.sql).await;
        assert_eq!(result.is_err(), step.fails.is_some(), "{}: {result:?}", step.name);
    }
    record("disaster", &conninfo(&cluster, "postgres", "shop"));
    record("hidden", &conninfo(&zoo(13).standby, "stranger", DATABASE));
    record("names", &conninfo(&zoo(18).primary, "watcher", DATABASE));
}
