//! Output for other programs: monitoring plugins, node_exporter, JSON, CSV, Markdown.

use crate::{
    clusters::print_stderr,
    reports::{
        fixture_servers::NAMES,
        program::{pgtend_command, python_with, run_pgtend},
        scenarios::scenario_file,
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn check_scenario(story_name: &str, format: &str) -> (i32, String) {
    let answer = run_pgtend(&["check", "--from", &scenario_file(story_name), "--format", format]);
    assert_eq!(answer.stderr, "");
    (answer.exit, answer.stdout)
}

#[test]
fn outputs_exit_code_is_the_status() {
    for (name, exit) in [("calm", 0), ("disaster", 1), ("hidden", 1)] {
        for format in ["table", "json", "csv", "markdown", "nagios", "prometheus"] {
            let (found, text) = check_scenario(name, format);
            assert_eq!(found, exit, "{name} as {format}: {text}");
        }
    }
}

#[test]
fn outputs_json_has_documented_keys() {
    let answer = run_pgtend(&["check", "--from", &scenario_file("disaster"), "--format", "json"]);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&report["command"], &report["status"]), (&"check".into(), &"WARNING".into()));
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let keys = ["id", "check", "class", "status", "subject", "message", "measured", "unit", "threshold", "advice"];
        for key in keys {
            assert!(finding.get(key).is_some(), "{key} of {finding}");
        }
        assert!(finding["id"].as_str().unwrap().starts_with(finding["check"].as_str().unwrap()));
    }
    assert!(report["notes"].is_array() && report["passed"].is_array());
}

#[test]
fn outputs_for_people_and_nagios() {
    for name in ["calm", "disaster"] {
        let people =
            pgtend_command(&["check", "--from", &scenario_file(name)]).env("COLUMNS", "100").output().unwrap().stdout;
        insta::assert_snapshot!(format!("{name}_people"), String::from_utf8(people).unwrap());
        insta::assert_snapshot!(format!("{name}_nagios"), check_scenario(name, "nagios").1);
    }
}

#[test]
fn outputs_nagios_first_line_is_well_formed() {
    for name in ["calm", "disaster", "hidden", "names"] {
        let (_, text) = check_scenario(name, "nagios");
        let (line, long) = text.split_once('\n').unwrap();
        assert!(!long.contains('|'), "{long}");
        let (message, data) = line.split_once(" | ").unwrap_or((line, ""));
        assert!(message.starts_with("PGTEND ") && !message.contains('|'), "{line}");
        for datum in data.split(' ').filter(|datum| !datum.is_empty()) {
            let (label, values) = datum.split_once('=').unwrap();
            assert!(label.starts_with('\'') && label.ends_with('\''), "{datum}");
            let value = values.split(';').next().unwrap().trim_end_matches(['B', 's', '%']);
            assert!(value.parse::<f64>().is_ok(), "{datum}");
        }
    }
}

#[test]
fn outputs_check_formats_are_refused_elsewhere() {
    let answer = run_pgtend(&["overview", "--from", &scenario_file("calm"), "--format", "nagios"]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (2, ""));
    assert!(answer.stderr.contains("pgtend check"), "{}", answer.stderr);
}

/// Asserts that Prometheus accepts the metrics: no series occurs twice, and promtool reports nothing where it is
/// installed.
pub fn assert_valid_metrics(text: &str) {
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let names: BTreeSet<&str> = series.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert!(!series.is_empty() && names.len() == series.len(), "a series occurs twice: {text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    let Ok(mut tool) =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
    else {
        print_stderr("metrics by promtool: NOT RUN, prometheus is not installed");
        return;
    };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let tool_output = tool.wait_with_output().unwrap();
    assert!(tool_output.status.success() && tool_output.stderr.is_empty(), "{tool_output:?}\n{text}");
}

/// The calm server, with that name for every object.
fn snapshot_with_name(name: &str, folder: &Path) -> String {
    let mut snapshot: Value =
        serde_json::from_str(&std::fs::read_to_string(scenario_file("disaster")).unwrap()).unwrap();
    let slot = json!({
        "slot_name": name, "plugin": name, "slot_type": "logical", "database": name, "temporary": false,
        "active": false, "active_pid": null, "restart_lsn": "0/1000000", "confirmed_flush_lsn": "0/1000000",
        "wal_status": "lost", "invalidation_reason": "wal_removed", "safe_wal_size": null, "xmin_age": null,
        "catalog_xmin_age": null, "inactive_since": null,
    });
    snapshot["slots"] = json!({"known": [slot]});
    snapshot["prepared_transactions"] = json!({"known": [
        {"gid": name, "database": name, "owner": name, "prepared": "2026-11-01T00:00:00Z", "xid_age": 5}]});
    snapshot["databases"]["known"][0]["database"] = json!(name);
    snapshot["databases"]["known"][0]["xid_age"] = json!(600_000_000);
    let file = folder.join("hostile.json");
    std::fs::write(&file, snapshot.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn outputs_survive_hostile_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut nasty: Vec<&str> = NAMES.to_vec();
    nasty.extend(["a|b=1;2;3", "x\" } 1\nup 1", "# HELP\n", "\\", "| --- |\n| x |", "<img src=x onerror=alert(1)>"]);
    let mut pages = Vec::new();
    for name in nasty {
        let file = snapshot_with_name(name, folder.path());
        let check_in = |format: &str| {
            let answer = run_pgtend(&["check", "--from", &file, "--format", format]);
            assert_eq!((answer.exit, answer.stderr.as_str()), (2, ""), "{name:?} as {format}");
            assert!(!answer.stdout.contains(|c: char| c.is_control() && c != '\n'), "{name:?}: {:?}", answer.stdout);
            answer.stdout
        };
        let plugin = check_in("nagios");
        assert!(plugin.len() < 4_096, "{name:?}: {plugin}");
        assert_eq!(plugin.matches('|').count(), 1, "{name:?}: {plugin}");
        let data = plugin.lines().next().unwrap().split_once(" | ").unwrap().1;
        assert_eq!(data.split(' ').count(), data.matches('=').count(), "{name:?}: {data}");
        assert_valid_metrics(&check_in("prometheus"));
        pages.push((name, check_in("markdown")));
    }
    assert_names_are_text_in_markdown(&pages);
}

/// Rendered by Python's Markdown where it is installed: a name creates no element.
fn assert_names_are_text_in_markdown(pages: &[(&str, String)]) {
    let render = "import json, sys, markdown; \
                  json.dump([markdown.markdown(page, extensions=['tables']) for _, page in json.load(sys.stdin)], sys.stdout)";
    let Some(python) = python_with("markdown") else {
        print_stderr("markdown by Python's Markdown: NOT RUN, python3-markdown is not installed");
        return;
    };
    let mut python =
        Command::new(python).args(["-c", render]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(json!(pages).to_string().as_bytes()).unwrap();
    let rendered: Vec<String> = serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(rendered.len(), pages.len());
    let own = BTreeSet::from(["p", "h1", "h2", "code", "ul", "li"]);
    for ((name, _), html) in pages.iter().zip(rendered) {
        let elements =
            html.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ', '/']).find(|part| !part.is_empty()));
        let elements: BTreeSet<&str> = elements.collect();
        assert!(elements.is_subset(&own), "{name:?} made {elements:?}: {html}");
    }
}

#[test]
fn outputs_nagios_text_is_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(scenario_file("calm")).unwrap()).unwrap();
    let prepared = |n: u32| {
        json!({"gid": format!("g{n}"), "database": "shop", "owner": "app",
                                   "prepared": "2026-11-01T00:00:00Z", "xid_age": 5})
    };
    snapshot["prepared_transactions"] = json!({"known": (0..300).map(prepared).collect::<Vec<_>>()});
    let file = folder.path().join("many.json");
    std::fs::write(&file, snapshot.to_string()).unwrap();
    let answer = run_pgtend(&["check", "--from", file.to_str().unwrap(), "--format", "nagios"]);
    assert_eq!(answer.exit, 2);
    assert!(answer.stdout.len() <= 4_000, "{}", answer.stdout.len());
    assert!(
        answer.stdout.contains("300 critical,") && answer.stdout.contains(" more; run `pgtend check` to list them"),
        "{}",
        answer.stdout
    );
}

/// Returns node_exporter as Debian packages it.
fn find_node_exporter() -> Option<&'static str> {
    ["/usr/bin/prometheus-node-exporter"].into_iter().find(|path| Path::new(path).exists())
}

fn scrape(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    // An HTTP/1.1 response may be chunked, with lengths between the lines.
    write!(stream, "GET /metrics HTTP/1.0\r\nhost: x\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn outputs_node_exporter_serves_metrics() {
    let Some(program) = find_node_exporter() else {
        print_stderr("node_exporter serves what check writes: NOT RUN, prometheus-node-exporter is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgtend.prom");
    for name in ["disaster", "names"] {
        let answer = run_pgtend(&[
            "check",
            "--from",
            &scenario_file(name),
            "--format",
            "prometheus",
            "--output",
            file.to_str().unwrap(),
        ]);
        assert!(answer.stdout.is_empty() && answer.exit < 3, "{answer:?}");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut exporter = Command::new(program)
            .arg("--collector.disable-defaults")
            .arg("--collector.textfile")
            .arg(format!("--collector.textfile.directory={}", folder.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{free}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("node_exporter starts");
        let deadline = Instant::now() + Duration::from_secs(20);
        let served = loop {
            match scrape(free) {
                Some(text) => break text,
                None if Instant::now() > deadline => break String::new(),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        exporter.kill().ok();
        exporter.wait().ok();
        assert!(served.contains("node_textfile_scrape_error 0"), "{served}");
        let written = std::fs::read_to_string(&file).unwrap();
        for line in written.lines().filter(|line| !line.starts_with('#') && !line.contains("\\\\")) {
            let (metric, _) = line.rsplit_once(' ').unwrap();
            let name = metric.split('{').next().unwrap();
            let is_served = served.contains(&format!("\n{name}{{")) || served.contains(&format!("\n{name} "));
            assert!(is_served, "{line} is not served");
        }
    }
    print_stderr("node_exporter serves what check writes: ran");
}
