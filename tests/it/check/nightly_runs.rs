//! A month of nightly runs with the test's own clock: which notifications are sent.

use super::webhook_receiver::{WebhookReceiver, slack_text};
use crate::{
    history::on_both_dialects_long,
    reports::{
        program::{pgtend_command, run_command},
        scenarios::scenario_file,
    },
};
use jiff::{SignedDuration, Timestamp};
use pgtend::units::Lsn;
use serde_json::{Value, json};
use std::{fmt::Write as _, os::unix::fs::PermissionsExt, path::Path};

const DAY: i64 = 86_400;
const GB: u64 = 1 << 30;

/// Three in the morning, `day` days after the scenario begins.
pub fn run_time(day: i64) -> Timestamp {
    let begin: Timestamp = "2026-12-01T03:00:00Z".parse().unwrap();
    begin + SignedDuration::from_secs(day * DAY)
}

/// The calm server of the fixture on that day: it writes two gigabytes of WAL per day.
pub fn calm_snapshot(day: i64) -> Value {
    let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(scenario_file("calm")).unwrap()).unwrap();
    let lsn = |back: u64| Lsn::new((1 << 40) + day.unsigned_abs() * 2 * GB - back).to_string();
    snapshot["collected_at"] = json!(run_time(day));
    snapshot["server"]["requested_at"] = json!(run_time(day));
    snapshot["server"]["started_at"] = json!(run_time(-40));
    snapshot["wal_position"]["known"]["current_lsn"] = json!(lsn(0));
    snapshot["control"]["known"]["redo_lsn"] = json!(lsn(1 << 20));
    snapshot["control"]["known"]["checkpoint_lsn"] = json!(lsn(1 << 20));
    snapshot["control"]["known"]["checkpoint_time"] = json!(run_time(day) - SignedDuration::from_secs(60));
    // The address is the same after a crash.
    snapshot["address"] = json!("db1:5432");
    // The newest minor that pgtend knows.
    snapshot["server"]["version_num"] = json!(170_011);
    snapshot["database_snapshots"][0]["statistics_resets"]["known"] =
        json!({"database_reset": run_time(-40), "shared_reset": run_time(-40), "track_counts": true});
    snapshot
}

pub fn slot_snapshot(day: i64, since: Option<i64>) -> Value {
    let last_day = since.unwrap_or(day);
    let lsn = Lsn::new((1 << 40) + last_day.unsigned_abs() * 2 * GB - (1 << 20)).to_string();
    json!({
        "slot_name": "debezium_orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop",
        "temporary": false, "active": since.is_none(), "active_pid": since.is_none().then_some(4_711),
        "restart_lsn": lsn, "confirmed_flush_lsn": lsn, "wal_status": "extended", "safe_wal_size": null,
        "xmin_age": null, "catalog_xmin_age": 100, "inactive_since": since.map(|day| run_time(day) + SignedDuration::from_hours(9)),
    })
}

/// The scenario: a consumer is switched off on day 3; the counters are reset on day 9; the server crashes on day 12;
/// the slot is dropped on day 20.
pub fn scenario_snapshot(day: i64) -> Value {
    let mut snapshot = calm_snapshot(day);
    if day < 20 {
        snapshot["slots"] = json!({"known": [slot_snapshot(day, (day > 3).then_some(3))]});
        let held = GB + 2 * GB * (day - 3).max(0).unsigned_abs();
        snapshot["wal_directory"]["known"]["directory_bytes"] = json!(held);
    }
    // A disk of 83 GB, of which other files use a part.
    let held = snapshot["wal_directory"]["known"]["directory_bytes"].as_u64().unwrap();
    snapshot["disk"] = json!({"known": {"source": "config", "wal": null,
                                  "data": {"size_bytes": null, "free_bytes": 83 * GB - held}}});
    let resets = &mut snapshot["database_snapshots"][0]["statistics_resets"]["known"];
    if day >= 9 {
        resets["database_reset"] = json!(run_time(9) - SignedDuration::from_hours(3));
    }
    if day >= 12 {
        let crash = run_time(12) - SignedDuration::from_hours(2);
        resets["database_reset"] = Value::Null;
        resets["shared_reset"] = json!(crash);
        snapshot["server"]["started_at"] = json!(crash);
        // Each start resets it.
        if let Some(slot) = snapshot["slots"]["known"].as_array_mut().and_then(|slots| slots.first_mut()) {
            slot["inactive_since"] = json!(crash + SignedDuration::from_millis(5));
        }
    }
    snapshot
}

pub fn write_config(folder: &Path, text: &str) -> String {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs the program once. Returns its exit code, its stderr and its report.
pub fn run_nightly_check(folder: &Path, snapshot: &Value, config: &str, url: &str) -> (i32, String, Value) {
    let history = folder.join("history.db");
    run_nightly_check_with(history.to_str().unwrap(), folder, snapshot, config, url)
}

fn run_nightly_check_with(
    history: &str,
    folder: &Path,
    snapshot: &Value,
    config: &str,
    url: &str,
) -> (i32, String, Value) {
    let file = folder.join("night.json");
    std::fs::write(&file, snapshot.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let arguments = ["check", "--from", file, "--history", history, "--config", config, "--format", "json"];
    let answer = run_command(pgtend_command(&arguments).env("HOOK", url));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.exit, answer.stderr, report)
}

const SLACK_CONFIG: &str = "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\nhygiene = true\n";

#[tokio::test]
async fn nightly_month_sends_expected_messages() {
    on_both_dialects_long("nightly checks of a month", async |history| {
        let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
        let config = write_config(folder.path(), SLACK_CONFIG);
        let mut month = String::new();
        for day in 0..30 {
            let (exit, stderr, _) =
                run_nightly_check_with(history, folder.path(), &scenario_snapshot(day), &config, &inbox.url("/"));
            assert_eq!(stderr, "", "day {day}");
            let requests = inbox.take_requests();
            assert!(requests.len() <= 1, "day {day}: {requests:?}");
            for (_, body) in requests {
                writeln!(month, "night {day} (exit {exit})\n{}\n", slack_text(&body)).unwrap();
            }
        }
        insta::assert_snapshot!("a_month_of_nights", month);
    })
    .await;
}

#[test]
fn nightly_failed_message_is_sent_next_run() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[403]));
    let config = write_config(folder.path(), SLACK_CONFIG);
    let bad = scenario_snapshot(11);
    let (exit, _, report) = run_nightly_check(folder.path(), &bad, &config, &inbox.url("/secret"));
    assert_eq!(exit, 2, "{report}");
    let error = report["notified"][0]["error"].as_str().unwrap();
    assert!(error.contains("403") && !report.to_string().contains("secret"), "{report}");
    assert!(inbox.take_requests().is_empty());
    let mut next = bad.clone();
    next["collected_at"] = json!(run_time(11) + SignedDuration::from_hours(1));
    let (_, _, report) = run_nightly_check(folder.path(), &next, &config, &inbox.url("/secret"));
    assert_eq!(report["notified"][0]["error"], Value::Null);
    assert_eq!(inbox.take_requests().len(), 1);
    next["collected_at"] = json!(run_time(11) + SignedDuration::from_hours(2));
    run_nightly_check(folder.path(), &next, &config, &inbox.url("/secret"));
    assert!(inbox.take_requests().is_empty(), "nothing is notified twice");
}

#[test]
fn nightly_busy_recipient_is_retried() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[503]));
    let config = write_config(
        folder.path(),
        "[notify.hook]\ntype = \"webhook\"\nurl = \"env:HOOK\"\n[notify.alive]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n",
    );
    let (exit, _, report) = run_nightly_check(folder.path(), &scenario_snapshot(8), &config, &inbox.url("/in"));
    assert_eq!((exit, report["notified"].to_string().contains("\"error\":\"")), (1, false), "{report}");
    let requests = inbox.take_requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    let hook = requests.iter().find(|(_, body)| !body.is_empty()).expect("the changes");
    let hook: Value = serde_json::from_str(&hook.1).unwrap();
    assert_eq!(hook["targets"][0]["changes"][0]["change"], "new", "{hook}");
    let mut next = scenario_snapshot(8);
    next["collected_at"] = json!(run_time(8) + SignedDuration::from_hours(1));
    run_nightly_check(folder.path(), &next, &config, &inbox.url("/in"));
    let requests = inbox.take_requests();
    assert!(requests.len() == 1 && requests[0].1.is_empty(), "the heartbeat alone: {requests:?}");
}

#[test]
fn nightly_unreachable_recipient_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), SLACK_CONFIG);
    let calm = run_nightly_check(folder.path(), &calm_snapshot(1), &config, "http://127.0.0.1:1/secret");
    assert_eq!(calm.0, 0, "there was nothing to notify: {}", calm.2);
    let heartbeat = write_config(folder.path(), "[notify.alive]\ntype = \"heartbeat\"\nurl = \"env:NOT_SET\"\n");
    let (exit, _, report) = run_nightly_check(folder.path(), &self::calm_snapshot(2), &heartbeat, "");
    assert_eq!(exit, 3, "{report}");
    assert!(report["notified"][0]["error"].as_str().unwrap().contains("NOT_SET"), "{report}");
}
