//! Recipients that hang, refuse, or stand behind a proxy: what was found is shown, and who was not told, too.

use super::{
    inbox::{Inbox, as_seen},
    nights::{calm, configuration, night, run, slot, told},
};
use crate::reports::program::{Answer, answer, pgtend};
use jiff::Timestamp;
use pgtend::{
    model::{
        Level, Status,
        past::{Change, ChangeKind},
    },
    notify::{Kind, Letter, Patience, PlaceChanges, Recipient, Sender},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

fn letter() -> Letter {
    let change = Change {
        kind: ChangeKind::New,
        finding_id: "stale-slot:s".into(),
        check: "stale-slot".into(),
        subject: "s".into(),
        level: Level::Critical,
        since: Timestamp::UNIX_EPOCH,
        message: "slot s is stale".into(),
        advice: None,
    };
    let place = PlaceChanges { place: "prod".into(), status: Status::Critical, server: None, changes: vec![change] };
    Letter { at: Timestamp::UNIX_EPOCH, status: Status::Critical, places: vec![place] }
}

/// How sending to that URL ends, with little patience.
async fn sent(url: &str, total: Duration) -> Result<(), String> {
    let patience = Patience { tries: 3, pause: Duration::from_millis(20), each: Duration::from_millis(500), total };
    let (name, url) = ("team".to_owned(), url.to_owned());
    let to = Recipient { name, kind: Kind::Slack, url, remind_seconds: 1, hygiene: false };
    Sender::new(patience).unwrap().send(&to, &letter()).await.map_err(|error| error.to_string())
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn who_hangs_or_refuses_is_given_up_on_and_named_without_the_url() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hanging.local_addr().unwrap().port();
    let slow = sent(&format!("http://127.0.0.1:{port}/T0/hunter2"), LONG).await.unwrap_err();
    assert!(slow.contains("cannot be reached") && slow.contains("timed out"), "{slow}");
    let slower = sent(&format!("http://127.0.0.1:{port}/T0/hunter2"), Duration::from_millis(700)).await.unwrap_err();
    assert!(slower.contains("longer than"), "{slower}");
    drop(hanging);
    let refused = sent(&format!("http://127.0.0.1:{port}/T0/hunter2"), LONG).await.unwrap_err();
    assert!(refused.contains("cannot be reached") && refused.contains("refused"), "{refused}");
    let nowhere = sent("http://hunter2.invalid/x", LONG).await.unwrap_err();
    for told in [slow, slower, refused, nowhere] {
        assert!(!told.contains("hunter2"), "{told}");
    }
    for no_url in ["hunter2", "ftp://h/hunter2", "https://"] {
        let told = sent(no_url, LONG).await.unwrap_err();
        assert!(told.contains("its URL is none") && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_tried_again_and_one_that_says_no_is_not() {
    for (statuses, outcome, left) in [
        (&[500, 502][..], Ok(()), 1),
        (&[500, 500, 500], Err("it answered 500 Internal Server Error"), 0),
        (&[404], Err("it answered 404 Not Found"), 0),
        (&[410], Err("it answered 410 Gone"), 0),
        // A secret must not follow to where nobody named.
        (&[302], Err("it answered 302 Found"), 0),
        (&[429], Ok(()), 1),
    ] {
        let inbox = Inbox::answering(statuses);
        let began = Instant::now();
        let ended = sent(&inbox.url("/"), LONG).await;
        assert_eq!(ended, outcome.map_err(str::to_owned), "{statuses:?}");
        assert_eq!(inbox.empty().len(), left, "{statuses:?}");
        if statuses == [429] {
            assert!(began.elapsed() >= Duration::from_secs(1), "it asked for a second");
        }
    }
    // It asks for more time than there is.
    let inbox = Inbox::answering(&[429]);
    let ended = sent(&inbox.url("/"), Duration::from_millis(900)).await;
    assert_eq!(ended, Err("it answered 429 Too Many Requests".to_owned()));
}

/// A night of the story through the program, in that environment.
fn through(folder: &Path, snapshot: &Value, config: &str, environment: &[(&str, &str)]) -> (Answer, Value) {
    let (file, history) = (folder.join("night.json"), folder.join("history.db"));
    std::fs::write(&file, snapshot.to_string()).unwrap();
    let (file, history) = (file.to_str().unwrap(), history.to_str().unwrap());
    let arguments = ["check", "--from", file, "--history", history, "--config", config, "--format", "json"];
    let answer = answer(pgtend(&arguments).envs(environment.iter().copied()));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer, report)
}

const HOOK: &str = "[notify.hook]\ntype = \"webhook\"\nurl = \"env:HOOK\"\n";

#[test]
fn the_proxy_of_the_environment_is_used_and_its_exceptions_hold() {
    // Nobody but the proxy could find this host.
    let (http, https) = ("http://hooks.example.invalid/in", "https://hooks.example.invalid/in");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (folder, proxy) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
        let config = configuration(folder.path(), HOOK);
        let (_, report) = through(folder.path(), &told(11), &config, &[("HOOK", http), (name, &proxy.url(""))]);
        assert_eq!(report["notified"][0]["error"], Value::Null, "{name}: {report}");
        let letters = proxy.empty();
        assert_eq!(letters.len(), 1, "{name}");
        assert_eq!(letters[0].0, http, "{name}: a proxy is asked for the whole URL");
    }
    // Through a proxy https is a tunnel; this one ends before the server's certificate is seen.
    let (folder, proxy) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
    let config = configuration(folder.path(), "[notify.hook]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n");
    let (answer, report) = through(
        folder.path(),
        &calm(1),
        &config,
        &[("HOOK", "https://hooks.example.invalid/hunter2"), ("HTTPS_PROXY", &proxy.url(""))],
    );
    assert!(report["notified"][0]["error"].is_string() && !answer.stdout.contains("hunter2"), "{report}");
    assert!(
        proxy.empty().iter().any(|(path, _)| path == "hooks.example.invalid:443"),
        "{https}: no tunnel was asked for"
    );
    // One that must not be used for this host, and is not there.
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
    let config = configuration(folder.path(), HOOK);
    let environment =
        [("HOOK", &*inbox.url("/direct")), ("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "localhost,127.0.0.1")];
    let (_, report) = through(folder.path(), &told(11), &config, &environment);
    assert_eq!(report["notified"][0]["error"], Value::Null, "{report}");
    assert_eq!(inbox.empty()[0].0, "/direct");
}

#[test]
fn who_was_not_told_shows_beside_what_was_found_in_every_format() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[404; 8]));
    let config = configuration(folder.path(), HOOK);
    for (snapshot, exit) in [(told(11), 2), (told(8), 1)] {
        let (answer, report) = through(folder.path(), &snapshot, &config, &[("HOOK", &inbox.url("/hunter2"))]);
        assert_eq!(answer.exit, exit, "what is known is not hidden: {report}");
        assert!(!report["findings"].as_array().unwrap().is_empty());
        assert!(report["notified"][0]["error"].as_str().unwrap().contains("404"), "{report}");
        let file = folder.path().join("night.json");
        for format in ["table", "nagios", "markdown"] {
            let arguments = ["check", "--from", file.to_str().unwrap(), "--config", &config, "--format", format];
            let history = folder.path().join(format!("{format}.db"));
            let arguments = [&arguments[..], &["--history", history.to_str().unwrap()]].concat();
            let shown = self::answer(pgtend(&arguments).env("HOOK", inbox.url("/hunter2")));
            assert_eq!(shown.exit, exit, "{format}: {shown:?}");
            assert!(shown.stdout.contains("hook was not told"), "{format}: {}", shown.stdout);
            assert!(!format!("{shown:?}").contains("hunter2"), "{format}");
        }
    }
}

#[test]
fn the_heart_beats_whatever_was_found_and_for_a_server_that_is_gone() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
    let config = configuration(
        folder.path(),
        "[target.gone]\nconninfo = \"host=/nonexistent user=x dbname=x\"\n\
         [notify.alive]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n",
    );
    for (snapshot, exit) in [(calm(1), 0), (told(8), 1), (told(11), 2)] {
        let (answer, _) = through(folder.path(), &snapshot, &config, &[("HOOK", &inbox.url("/beat"))]);
        assert_eq!(answer.exit, exit);
        assert_eq!(inbox.empty(), [("/beat".to_owned(), String::new())], "exit {exit}");
    }
    for named in [&["--target", "gone"][..], &["--all-targets"]] {
        let arguments = [&["check", "--config", &config, "--history", "none"], named].concat();
        let answer = answer(pgtend(&arguments).env("HOOK", inbox.url("/beat")));
        assert_eq!(answer.exit, 3, "{answer:?}");
        assert_eq!(inbox.empty().len(), 1, "{named:?}");
    }
    // Asked to tell nobody, it tells nobody.
    let arguments = ["check", "--config", &config, "--history", "none", "--target", "gone", "--no-notify"];
    answer(pgtend(&arguments).env("HOOK", inbox.url("/beat")));
    assert!(inbox.empty().is_empty());
}

#[test]
fn five_hundred_findings_are_one_message_within_slacks_limits() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
    let config = configuration(folder.path(), "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n");
    let mut many = told(11);
    let slots = (0..500).map(|number| {
        let mut one = slot(11, Some(3));
        one["slot_name"] = json!(format!("debezium_<{number}>_{}", "x".repeat(40)));
        one
    });
    many["slots"] = json!({"known": slots.collect::<Vec<_>>()});
    let (_, _, report) = run(folder.path(), &many, &config, &inbox.url("/"));
    assert!(report["findings"].as_array().unwrap().len() >= 500);
    let letters = inbox.empty();
    assert_eq!(letters.len(), 1);
    let seen = as_seen(&letters[0].1);
    assert!(seen.contains("&lt;0&gt;") && !seen.contains("<0>"), "{seen}");
    assert!(seen.lines().last().unwrap().contains("more; `pgtend check` lists them all"), "{seen}");
    // All of it was told: nothing is told again.
    many["collected_at"] = json!(night(11) + jiff::SignedDuration::from_hours(1));
    run(folder.path(), &many, &config, &inbox.url("/"));
    assert!(inbox.empty().is_empty());
}
