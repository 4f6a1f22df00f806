//! A month of nights by a clock of the test's own: exactly the messages that a person wants.

use super::inbox::{Inbox, as_seen};
use crate::{
    history::on_both_dialects,
    reports::{
        program::{answer, pgtend},
        stories::story,
    },
};
use jiff::{SignedDuration, Timestamp};
use pgtend::model::Lsn;
use serde_json::{Value, json};
use std::{fmt::Write as _, os::unix::fs::PermissionsExt, path::Path};

const DAY: i64 = 86_400;
const GB: u64 = 1 << 30;

/// Three in the morning, `day` days after the story begins.
pub fn night(day: i64) -> Timestamp {
    let begin: Timestamp = "2026-12-01T03:00:00Z".parse().unwrap();
    begin + SignedDuration::from_secs(day * DAY)
}

/// The calm server of the fixture at that night: it writes two gigabytes of WAL a day.
pub fn calm(day: i64) -> Value {
    let mut it: Value = serde_json::from_str(&std::fs::read_to_string(story("calm")).unwrap()).unwrap();
    let lsn = |back: u64| Lsn((1 << 40) + day.unsigned_abs() * 2 * GB - back).to_string();
    it["collected_at"] = json!(night(day));
    it["server"]["asked_at"] = json!(night(day));
    it["server"]["started_at"] = json!(night(-40));
    it["wal_position"]["known"]["current_lsn"] = json!(lsn(0));
    it["control"]["known"]["redo_lsn"] = json!(lsn(1 << 20));
    it["control"]["known"]["checkpoint_lsn"] = json!(lsn(1 << 20));
    it["control"]["known"]["checkpoint_time"] = json!(night(day) - SignedDuration::from_secs(60));
    // Who is known by an address is the same after a crash.
    it["address"] = json!("db1:5432");
    // The newest minor there is, as far as pgtend knows.
    it["server"]["version_num"] = json!(170_011);
    it["contents"][0]["statistics_resets"]["known"] =
        json!({"database_reset": night(-40), "shared_reset": night(-40), "track_counts": true});
    it
}

pub fn slot(day: i64, since: Option<i64>) -> Value {
    let at = since.unwrap_or(day);
    let lsn = Lsn((1 << 40) + at.unsigned_abs() * 2 * GB - (1 << 20)).to_string();
    json!({
        "slot_name": "debezium_orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop",
        "temporary": false, "active": since.is_none(), "active_pid": since.is_none().then_some(4_711),
        "restart_lsn": lsn, "confirmed_flush_lsn": lsn, "wal_status": "extended", "safe_wal_size": null,
        "xmin_age": null, "catalog_xmin_age": 100, "inactive_since": since.map(|day| night(day) + SignedDuration::from_hours(9)),
    })
}

/// The story: a consumer is switched off on day 3; somebody resets the counters on day 9; on day 12 the server crashes;
/// on day 20 the slot is dropped.
pub fn told(day: i64) -> Value {
    let mut it = calm(day);
    if day < 20 {
        it["slots"] = json!({"known": [slot(day, (day > 3).then_some(3))]});
        let held = GB + 2 * GB * (day - 3).max(0).unsigned_abs();
        it["wal_directory"]["known"]["directory_bytes"] = json!(held);
    }
    // A disk of 83 GB, and something else on it.
    let held = it["wal_directory"]["known"]["directory_bytes"].as_u64().unwrap();
    it["disk"] = json!({"known": {"source": "config", "wal": null,
                                  "data": {"size_bytes": null, "free_bytes": 83 * GB - held}}});
    let resets = &mut it["contents"][0]["statistics_resets"]["known"];
    if day >= 9 {
        resets["database_reset"] = json!(night(9) - SignedDuration::from_hours(3));
    }
    if day >= 12 {
        let crash = night(12) - SignedDuration::from_hours(2);
        resets["database_reset"] = Value::Null;
        resets["shared_reset"] = json!(crash);
        it["server"]["started_at"] = json!(crash);
        // Every start sets it anew.
        if let Some(slot) = it["slots"]["known"].as_array_mut().and_then(|all| all.first_mut()) {
            slot["inactive_since"] = json!(crash + SignedDuration::from_millis(5));
        }
    }
    it
}

pub fn configuration(folder: &Path, text: &str) -> String {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// One night through the program; answers with its exit code and what it said on stderr.
pub fn run(folder: &Path, snapshot: &Value, config: &str, url: &str) -> (i32, String, Value) {
    let history = folder.join("history.db");
    run_with(history.to_str().unwrap(), folder, snapshot, config, url)
}

fn run_with(history: &str, folder: &Path, snapshot: &Value, config: &str, url: &str) -> (i32, String, Value) {
    let file = folder.join("night.json");
    std::fs::write(&file, snapshot.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let arguments = ["check", "--from", file, "--history", history, "--config", config, "--format", "json"];
    let answer = answer(pgtend(&arguments).env("HOOK", url));
    let report = serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.exit, answer.stderr, report)
}

const SLACK: &str = "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\nhygiene = true\n";

#[tokio::test]
async fn a_month_of_nights_sends_the_messages_a_person_wants() {
    on_both_dialects("a month of nights", async |history| {
        let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
        let config = configuration(folder.path(), SLACK);
        let mut month = String::new();
        for day in 0..30 {
            let (exit, stderr, _) = run_with(history, folder.path(), &told(day), &config, &inbox.url("/"));
            assert_eq!(stderr, "", "night {day}");
            let letters = inbox.empty();
            assert!(letters.len() <= 1, "night {day}: {letters:?}");
            for (_, body) in letters {
                writeln!(month, "night {day} (exit {exit})\n{}\n", as_seen(&body)).unwrap();
            }
        }
        insta::assert_snapshot!("a_month_of_nights", month);
    })
    .await;
}

#[test]
fn what_did_not_get_through_is_told_the_next_night_and_shows_meanwhile() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[403]));
    let config = configuration(folder.path(), SLACK);
    let bad = told(11);
    let (exit, _, report) = run(folder.path(), &bad, &config, &inbox.url("/secret"));
    assert_eq!(exit, 2, "{report}");
    let error = report["notified"][0]["error"].as_str().unwrap();
    assert!(error.contains("403") && !report.to_string().contains("secret"), "{report}");
    assert!(inbox.empty().is_empty());
    let mut next = bad.clone();
    next["collected_at"] = json!(night(11) + SignedDuration::from_hours(1));
    let (_, _, report) = run(folder.path(), &next, &config, &inbox.url("/secret"));
    assert_eq!(report["notified"][0]["error"], Value::Null);
    assert_eq!(inbox.empty().len(), 1);
    next["collected_at"] = json!(night(11) + SignedDuration::from_hours(2));
    run(folder.path(), &next, &config, &inbox.url("/secret"));
    assert!(inbox.empty().is_empty(), "nothing is told twice");
}

#[test]
fn a_busy_recipient_is_tried_again_and_a_heartbeat_beats_every_night() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[503]));
    let config = configuration(
        folder.path(),
        "[notify.hook]\ntype = \"webhook\"\nurl = \"env:HOOK\"\n[notify.alive]\ntype = \"heartbeat\"\nurl = \"env:HOOK\"\n",
    );
    let (exit, _, report) = run(folder.path(), &told(8), &config, &inbox.url("/in"));
    assert_eq!((exit, report["notified"].to_string().contains("\"error\":\"")), (1, false), "{report}");
    let letters = inbox.empty();
    assert_eq!(letters.len(), 2, "{letters:?}");
    let hook = letters.iter().find(|(_, body)| !body.is_empty()).expect("the changes");
    let hook: Value = serde_json::from_str(&hook.1).unwrap();
    assert_eq!(hook["targets"][0]["changes"][0]["change"], "new", "{hook}");
    let mut next = told(8);
    next["collected_at"] = json!(night(8) + SignedDuration::from_hours(1));
    run(folder.path(), &next, &config, &inbox.url("/in"));
    let letters = inbox.empty();
    assert!(letters.len() == 1 && letters[0].1.is_empty(), "the heartbeat alone: {letters:?}");
}

#[test]
fn nobody_there_shows_in_the_result_and_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), SLACK);
    let calm = run(folder.path(), &calm(1), &config, "http://127.0.0.1:1/secret");
    assert_eq!(calm.0, 0, "there was nothing to tell: {}", calm.2);
    let heartbeat = configuration(folder.path(), "[notify.alive]\ntype = \"heartbeat\"\nurl = \"env:NOT_SET\"\n");
    let (exit, _, report) = run(folder.path(), &self::calm(2), &heartbeat, "");
    assert_eq!(exit, 3, "{report}");
    assert!(report["notified"][0]["error"].as_str().unwrap().contains("NOT_SET"), "{report}");
}
