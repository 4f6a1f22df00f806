//! Recipients that hang, refuse, or are behind a proxy: the findings are shown, and failed notifications, too.

use super::{
    nightly_runs::{calm_snapshot, run_nightly_check, run_time, scenario_snapshot, slot_snapshot, write_config},
    webhook_receiver::{WebhookReceiver, slack_text},
};
use crate::reports::program::{ProgramOutput, pgtend_command, run_command};
use jiff::Timestamp;
use pgtend::facts::history::{Change, ChangeKind};
use pgtend::facts::{Level, Status};
use pgtend::monitor::notify::{Notification, Recipient, RecipientKind, RetryPolicy, Sender, TargetChanges};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

fn sample_notification() -> Notification {
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
    let target_changes =
        TargetChanges { target_key: "prod".into(), status: Status::Critical, server: None, changes: vec![change] };
    Notification { at: Timestamp::UNIX_EPOCH, status: Status::Critical, targets: vec![target_changes] }
}

/// Sends to that URL with a time limit. Returns the outcome.
async fn send_notification(url: &str, total: Duration) -> Result<(), String> {
    let retry_policy = RetryPolicy {
        max_attempts: 3,
        first_pause: Duration::from_millis(20),
        attempt_timeout: Duration::from_millis(500),
        total_timeout: total,
    };
    let (name, url) = ("team".to_owned(), url.to_owned());
    let to = Recipient { name, kind: RecipientKind::Slack, url, remind_seconds: 1, hygiene: false };
    Sender::new(retry_policy).unwrap().send(&to, &sample_notification()).await.map_err(|error| error.to_string())
}

const LONG_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn notify_timeout_error_omits_the_url() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hanging.local_addr().unwrap().port();
    let slow = send_notification(&format!("http://127.0.0.1:{port}/T0/hunter2"), LONG_TIMEOUT).await.unwrap_err();
    assert!(slow.contains("could not be reached") && slow.contains("timed out"), "{slow}");
    let slower = send_notification(&format!("http://127.0.0.1:{port}/T0/hunter2"), Duration::from_millis(700))
        .await
        .unwrap_err();
    assert!(slower.contains("no success within"), "{slower}");
    drop(hanging);
    let refused = send_notification(&format!("http://127.0.0.1:{port}/T0/hunter2"), LONG_TIMEOUT).await.unwrap_err();
    assert!(refused.contains("could not be reached") && refused.contains("refused"), "{refused}");
    let nowhere = send_notification("http://hunter2.invalid/x", LONG_TIMEOUT).await.unwrap_err();
    for result in [slow, slower, refused, nowhere] {
        assert!(!result.contains("hunter2"), "{result}");
    }
    for no_url in ["hunter2", "ftp://h/hunter2", "https://"] {
        let error = send_notification(no_url, LONG_TIMEOUT).await.unwrap_err();
        assert!(error.contains("invalid URL") && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn notify_retries_server_errors_only() {
    for (statuses, outcome, requests_left) in [
        (&[500, 502][..], Ok(()), 1),
        (&[500, 500, 500], Err("the server returned 500 Internal Server Error"), 0),
        (&[404], Err("the server returned 404 Not Found"), 0),
        (&[410], Err("the server returned 410 Gone"), 0),
        // A redirect is not followed: the URL is a secret, and the configuration does not name the new host.
        (&[302], Err("the server returned 302 Found"), 0),
        (&[429], Ok(()), 1),
    ] {
        let inbox = WebhookReceiver::with_statuses(statuses);
        let began = Instant::now();
        let ended = send_notification(&inbox.url("/"), LONG_TIMEOUT).await;
        assert_eq!(ended, outcome.map_err(str::to_owned), "{statuses:?}");
        assert_eq!(inbox.take_requests().len(), requests_left, "{statuses:?}");
        if statuses == [429] {
            assert!(began.elapsed() >= Duration::from_secs(1), "retried before the requested second had passed");
        }
    }
    // It requests a longer delay than the time limit.
    let inbox = WebhookReceiver::with_statuses(&[429]);
    let ended = send_notification(&inbox.url("/"), Duration::from_millis(900)).await;
    assert_eq!(ended, Err("the server returned 429 Too Many Requests".to_owned()));
}

/// Runs the check on one day of the scenario in that environment.
fn run_with_environment(
    folder: &Path,
    snapshot: &Value,
    config: &str,
    environment: &[(&str, &str)],
) -> (ProgramOutput, Value) {
    let (file, history) = (folder.join("night.json"), folder.join("history.db"));
    std::fs::write(&file, snapshot.to_string()).unwrap();
    let (file, history) = (file.to_str().unwrap(), history.to_str().unwrap());
    let arguments = ["check", "--from", file, "--history", history, "--config", config, "--format", "json"];
    let answer = run_command(pgtend_command(&arguments).envs(environment.iter().copied()));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer, report)
}

const HOOK_CONFIG: &str = "[notify.hook]\ntype = \"webhook\"\nurl = \"env:HOOK\"\n";

#[test]
fn notify_uses_proxy_environment() {
    // Only the proxy can resolve this host.
    let (http, https) = ("http://hooks.example.invalid/in", "https://hooks.example.invalid/in");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (folder, proxy) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
        let config = write_config(folder.path(), HOOK_CONFIG);
        let (_, report) = run_with_environment(
            folder.path(),
            &scenario_snapshot(11),
            &config,
            &[("HOOK", http), (name, &proxy.url(""))],
        );
        assert_eq!(report["notified"][0]["error"], Value::Null, "{name}: {report}");
        let requests = proxy.take_requests();
        assert_eq!(requests.len(), 1, "{name}");
        assert_eq!(requests[0].0, http, "{name}: the request to a proxy has the whole URL");
    }
    // Through a proxy, https uses a tunnel; this proxy closes it before the server sends its certificate.
    let (folder, proxy) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let config = write_config(folder.path(), "[notify.hook]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n");
    let (answer, report) = run_with_environment(
        folder.path(),
        &calm_snapshot(1),
        &config,
        &[("HOOK", "https://hooks.example.invalid/hunter2"), ("HTTPS_PROXY", &proxy.url(""))],
    );
    assert!(report["notified"][0]["error"].is_string() && !answer.stdout.contains("hunter2"), "{report}");
    assert!(
        proxy.take_requests().iter().any(|(path, _)| path == "hooks.example.invalid:443"),
        "{https}: no tunnel was requested"
    );
    // A proxy that does not exist and is excluded for this host.
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let config = write_config(folder.path(), HOOK_CONFIG);
    let environment =
        [("HOOK", &*inbox.url("/direct")), ("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "localhost,127.0.0.1")];
    let (_, report) = run_with_environment(folder.path(), &scenario_snapshot(11), &config, &environment);
    assert_eq!(report["notified"][0]["error"], Value::Null, "{report}");
    assert_eq!(inbox.take_requests()[0].0, "/direct");
}

#[test]
fn notify_failure_shows_in_every_format() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[404; 8]));
    let config = write_config(folder.path(), HOOK_CONFIG);
    for (snapshot, exit) in [(scenario_snapshot(11), 2), (scenario_snapshot(8), 1)] {
        let (answer, report) =
            run_with_environment(folder.path(), &snapshot, &config, &[("HOOK", &inbox.url("/hunter2"))]);
        assert_eq!(answer.exit, exit, "the findings are shown: {report}");
        assert!(!report["findings"].as_array().unwrap().is_empty());
        assert!(report["notified"][0]["error"].as_str().unwrap().contains("404"), "{report}");
        let file = folder.path().join("night.json");
        for format in ["table", "nagios", "markdown"] {
            let arguments = ["check", "--from", file.to_str().unwrap(), "--config", &config, "--format", format];
            let history = folder.path().join(format!("{format}.db"));
            let arguments = [&arguments[..], &["--history", history.to_str().unwrap()]].concat();
            let shown = self::run_command(pgtend_command(&arguments).env("HOOK", inbox.url("/hunter2")));
            assert_eq!(shown.exit, exit, "{format}: {shown:?}");
            assert!(shown.stdout.contains("hook was not notified"), "{format}: {}", shown.stdout);
            assert!(!format!("{shown:?}").contains("hunter2"), "{format}");
        }
    }
}

#[test]
fn notify_heartbeat_is_sent_for_any_result() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let config = write_config(
        folder.path(),
        "[target.gone]\nconninfo = \"host=/nonexistent user=x dbname=x\"\n\
         [notify.alive]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n",
    );
    for (snapshot, exit) in [(calm_snapshot(1), 0), (scenario_snapshot(8), 1), (scenario_snapshot(11), 2)] {
        let (answer, _) = run_with_environment(folder.path(), &snapshot, &config, &[("HOOK", &inbox.url("/beat"))]);
        assert_eq!(answer.exit, exit);
        assert_eq!(inbox.take_requests(), [("/beat".to_owned(), String::new())], "exit {exit}");
    }
    for named in [&["--target", "gone"][..], &["--all-targets"]] {
        let arguments = [&["check", "--config", &config, "--history", "none"], named].concat();
        let answer = run_command(pgtend_command(&arguments).env("HOOK", inbox.url("/beat")));
        assert_eq!(answer.exit, 3, "{answer:?}");
        assert_eq!(inbox.take_requests().len(), 1, "{named:?}");
    }
    // With --no-notify, nothing is sent.
    let arguments = ["check", "--config", &config, "--history", "none", "--target", "gone", "--no-notify"];
    run_command(pgtend_command(&arguments).env("HOOK", inbox.url("/beat")));
    assert!(inbox.take_requests().is_empty());
}

#[test]
fn notify_slack_limits_hold_for_500_findings() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let config = write_config(folder.path(), "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n");
    let mut many = scenario_snapshot(11);
    let slots = (0..500).map(|number| {
        let mut changed_slot = slot_snapshot(11, Some(3));
        changed_slot["slot_name"] = json!(format!("debezium_<{number}>_{}", "x".repeat(40)));
        changed_slot
    });
    many["slots"] = json!({"known": slots.collect::<Vec<_>>()});
    let (_, _, report) = run_nightly_check(folder.path(), &many, &config, &inbox.url("/"));
    assert!(report["findings"].as_array().unwrap().len() >= 500);
    let requests = inbox.take_requests();
    assert_eq!(requests.len(), 1);
    let text = slack_text(&requests[0].1);
    assert!(text.contains("&lt;0&gt;") && !text.contains("<0>"), "{text}");
    assert!(text.lines().last().unwrap().contains("more; run `pgtend check` to list them"), "{text}");
    // All findings were notified: nothing is sent again.
    many["collected_at"] = json!(run_time(11) + jiff::SignedDuration::from_hours(1));
    run_nightly_check(folder.path(), &many, &config, &inbox.url("/"));
    assert!(inbox.take_requests().is_empty());
}
