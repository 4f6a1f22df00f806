//! Every error of `check` names its cause and exits with 3.

use super::{
    nightly_runs::{scenario_snapshot, write_config},
    webhook_receiver::WebhookReceiver,
};
use crate::history::parse_address;
use crate::reports::{
    program::{ProgramOutput, pgtend_command, run_command, run_pgtend},
    scenarios::scenario_file,
};
use pgtend::history::Store;
use sqlx::{Connection as _, SqliteConnection};

fn assert_unknown(arguments: &[&str], expected: &str) -> ProgramOutput {
    let answer = run_pgtend(&[&["check"], arguments].concat());
    assert_eq!(answer.exit, 3, "{arguments:?}: {answer:?}");
    let output = format!("{}{}", answer.stdout, answer.stderr);
    assert!(output.contains(expected), "{arguments:?}: {output}");
    answer
}

#[test]
fn check_bad_usage_is_unknown() {
    assert_unknown(&["--no-such-flag"], "--no-such-flag");
    assert_unknown(&["--only", "stale-slto"], "did you mean \"stale-slot\"?");
    assert_unknown(&["--require", "lost-slot", "--skip", "lost-slot"], "this check is excluded by");
    assert_unknown(&["--time-limit", "soon"], "not a duration");
    assert_unknown(&["--from", "/nonexistent"], "cannot read /nonexistent");
    assert_unknown(&["--format", "xml"], "xml");
    assert_unknown(&["--all-targets", "-h", "x", "--history", "none"], "cannot be combined with connection options");
    assert_unknown(&["--all-targets", "--history", "none"], "no targets");
    assert_unknown(&["-h", "/nonexistent", "--history", "none"], "cannot connect");
    // Other commands exit with 2.
    assert_eq!(run_pgtend(&["overview", "--no-such-flag"]).exit, 2);
    assert_eq!(run_pgtend(&["check", "--help"]).exit, 0);
}

#[test]
fn check_config_error_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("[check\n", "line 1"),
        ("\n[check.stale-slot]\nwarning = \"10GB\"", "line 3: \"warning\" of check stale-slot must be a duration"),
        ("[notify.x]\ntype = \"slack\"\nurl = \"https://hooks.slack.com/services/T/B/hunter2\"", "is a secret"),
        ("[notify.x]\ntype = \"mail\"\nurl = \"env:X\"", "must be slack, webhook or heartbeat"),
    ] {
        let config = write_config(folder.path(), text);
        let answer = assert_unknown(&["--config", &config, "--from", &scenario_file("calm")], expected);
        assert!(!answer.stderr.contains("hunter2"), "{}", answer.stderr);
    }
    // A configuration in the working directory is not trusted with limits or recipients.
    for text in ["[check.stale-slot]\nwarning = \"1d\"", "[notify.x]\ntype = \"slack\"\nurl = \"env:HOME\""] {
        std::fs::write(folder.path().join("pgtend.toml"), text).unwrap();
        let answer =
            run_command(pgtend_command(&["check", "--from", &scenario_file("calm")]).current_dir(folder.path()));
        assert_eq!(answer.exit, 3);
        assert!(answer.stderr.contains("working directory"), "{}", answer.stderr);
    }
}

#[test]
fn check_unusable_store_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("h.db");
    std::fs::write(
        &file,
        "no database at all, but longer than a header of a hundred bytes would be, so that it is read",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let calm = run_pgtend(&["check", "--from", &scenario_file("calm"), "--history", file]);
    assert_eq!(calm.exit, 3, "{calm:?}");
    assert!(calm.stdout.contains("UNKNOWN history: ") && calm.stdout.contains("28 passed"), "{calm:?}");
    let warned = run_pgtend(&["check", "--from", &scenario_file("disaster"), "--history", file]);
    assert_eq!(warned.exit, 1, "the findings are shown: {warned:?}");
}

/// Runs the nightly check. Returns its output and the number of notifications.
fn run_and_count_requests(file: &str, history: &str, config: &str, inbox: &WebhookReceiver) -> (ProgramOutput, usize) {
    let arguments = ["check", "--from", file, "--history", history, "--config", config];
    let answer = run_command(pgtend_command(&arguments).env("HOOK", inbox.url("/")));
    (answer, inbox.take_requests().len())
}

/// Findings are shown and notified whatever the state of the store is. Once it is usable again, nothing is missing.
#[tokio::test]
async fn check_newer_or_locked_store_loses_nothing() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let config = write_config(folder.path(), "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n");
    let file = folder.path().join("night.json");
    std::fs::write(&file, scenario_snapshot(11).to_string()).unwrap();
    let (file, path) = (file.to_str().unwrap(), folder.path().join("h.db"));
    let history = path.to_str().unwrap();
    Store::open(&parse_address(history)).await.unwrap().close().await;
    let mut other = SqliteConnection::connect(history).await.unwrap();
    let version = "select max(version) from _sqlx_migrations";
    let newest: i64 = sqlx::query_scalar(version).fetch_one(&mut other).await.unwrap();

    sqlx::query("update _sqlx_migrations set version = 9999 where version = $1")
        .bind(newest)
        .execute(&mut other)
        .await
        .unwrap();
    let (newer, requests) = run_and_count_requests(file, history, &config, &inbox);
    assert_eq!((newer.exit, requests), (2, 1), "{newer:?}");
    assert!(newer.stdout.contains("UNKNOWN history: ") && newer.stdout.contains("schema version 9999"), "{newer:?}");
    sqlx::query("update _sqlx_migrations set version = $1 where version = 9999")
        .bind(newest)
        .execute(&mut other)
        .await
        .unwrap();

    // Another session locks the store for longer than the timeout.
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    let (locked, requests) = run_and_count_requests(file, history, &config, &inbox);
    assert_eq!((locked.exit, requests), (2, 1), "{locked:?}");
    assert!(locked.stdout.contains("UNKNOWN history: ") && locked.stdout.contains("locked"), "{locked:?}");
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    other.close().await.unwrap();

    let (well, requests) = run_and_count_requests(file, history, &config, &inbox);
    assert_eq!((well.exit, requests), (2, 1), "the store has no record of earlier notifications: {well:?}");
    assert!(!well.stdout.contains("UNKNOWN history"), "{well:?}");
    assert_eq!(run_and_count_requests(file, history, &config, &inbox).1, 0, "nothing is notified twice");
}
