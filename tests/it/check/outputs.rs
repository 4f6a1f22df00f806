//! What other programs read: monitoring plugins, node_exporter, JSON, CSV, Markdown.

use crate::{
    clusters::say,
    reports::{
        program::{json, pgtend, run},
        stories::story,
    },
};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn check(story_name: &str, format: &str) -> (i32, String) {
    let answer = run(&["check", "--from", &story(story_name), "--format", format]);
    assert_eq!(answer.stderr, "");
    (answer.exit, answer.stdout)
}

#[test]
fn the_exit_code_is_the_status_in_every_format() {
    for (name, exit) in [("calm", 0), ("disaster", 1), ("hidden", 1)] {
        for format in ["table", "json", "csv", "markdown", "nagios", "prometheus"] {
            let (found, text) = check(name, format);
            assert_eq!(found, exit, "{name} as {format}: {text}");
        }
    }
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let answer = run(&["check", "--from", &story("disaster"), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
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
    assert!(report["notes"].is_array() && report["clear"].is_array());
    let _ = json(&["overview", "--from", &story("calm")]);
}

#[test]
fn people_and_plugins_read_this() {
    for name in ["calm", "disaster"] {
        let people = pgtend(&["check", "--from", &story(name)]).env("COLUMNS", "100").output().unwrap().stdout;
        insta::assert_snapshot!(format!("{name}_people"), String::from_utf8(people).unwrap());
        insta::assert_snapshot!(format!("{name}_nagios"), check(name, "nagios").1);
    }
}

#[test]
fn a_plugins_first_line_has_one_bar_and_every_datum_is_well_formed() {
    for name in ["calm", "disaster", "hidden", "names"] {
        let (_, text) = check(name, "nagios");
        let (line, long) = text.split_once('\n').unwrap();
        assert!(!long.contains('|'), "{long}");
        let (words, data) = line.split_once(" | ").unwrap_or((line, ""));
        assert!(words.starts_with("PGTEND ") && !words.contains('|'), "{line}");
        for datum in data.split(' ').filter(|datum| !datum.is_empty()) {
            let (label, values) = datum.split_once('=').unwrap();
            assert!(label.starts_with('\'') && label.ends_with('\''), "{datum}");
            let value = values.split(';').next().unwrap().trim_end_matches(['B', 's', '%']);
            assert!(value.parse::<f64>().is_ok(), "{datum}");
        }
    }
}

#[test]
fn formats_of_check_are_no_other_commands() {
    let answer = run(&["overview", "--from", &story("calm"), "--format", "nagios"]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (2, ""));
    assert!(answer.stderr.contains("pgtend check"), "{}", answer.stderr);
}

/// node_exporter as Debian packages it.
fn node_exporter() -> Option<&'static str> {
    ["/usr/bin/prometheus-node-exporter"].into_iter().find(|path| Path::new(path).exists())
}

fn scrape(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn node_exporter_serves_what_check_writes() {
    let Some(program) = node_exporter() else {
        say("node_exporter serves what check writes: NOT RUN, prometheus-node-exporter is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgtend.prom");
    for name in ["disaster", "names"] {
        let answer =
            run(&["check", "--from", &story(name), "--format", "prometheus", "--output", file.to_str().unwrap()]);
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
    say("node_exporter serves what check writes: ran");
}
