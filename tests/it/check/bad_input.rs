//! Whatever goes wrong under `check` is named, and ends with 3.

use super::{
    inbox::Inbox,
    nights::{configuration, told},
};
use crate::history::address;
use crate::reports::{
    program::{Answer, answer, pgtend, run},
    stories::story,
};
use pgtend::history::Store;
use sqlx::{Connection as _, SqliteConnection};

fn unknown(arguments: &[&str], said: &str) -> Answer {
    let answer = run(&[&["check"], arguments].concat());
    assert_eq!(answer.exit, 3, "{arguments:?}: {answer:?}");
    let all = format!("{}{}", answer.stdout, answer.stderr);
    assert!(all.contains(said), "{arguments:?}: {all}");
    answer
}

#[test]
fn bad_usage_is_unknown() {
    unknown(&["--no-such-flag"], "--no-such-flag");
    unknown(&["--only", "stale-slto"], "did you mean \"stale-slot\"?");
    unknown(&["--require", "lost-slot", "--skip", "lost-slot"], "leaves that check out");
    unknown(&["--time-limit", "soon"], "not a duration");
    unknown(&["--from", "/nonexistent"], "cannot read /nonexistent");
    unknown(&["--format", "xml"], "xml");
    unknown(&["--all-targets", "-h", "x", "--history", "none"], "no server is named beside it");
    unknown(&["--all-targets", "--history", "none"], "no targets");
    unknown(&["-h", "/nonexistent", "--history", "none"], "cannot connect");
    // Of other commands 2 stays 2.
    assert_eq!(run(&["overview", "--no-such-flag"]).exit, 2);
    assert_eq!(run(&["check", "--help"]).exit, 0);
}

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("[check\n", "line 1"),
        ("\n[check.stale-slot]\nwarning = \"10GB\"", "line 3: \"warning\" of check stale-slot is not a duration"),
        ("[notify.x]\ntype = \"slack\"\nurl = \"https://hooks.slack.com/services/T/B/hunter2\"", "is a secret"),
        ("[notify.x]\ntype = \"mail\"\nurl = \"env:X\"", "none of slack, webhook and heartbeat"),
    ] {
        let config = configuration(folder.path(), text);
        let answer = unknown(&["--config", &config, "--from", &story("calm")], said);
        assert!(!answer.stderr.contains("hunter2"), "{}", answer.stderr);
    }
    // A file that was merely found may come from anybody.
    for text in ["[check.stale-slot]\nwarning = \"1d\"", "[notify.x]\ntype = \"slack\"\nurl = \"env:HOME\""] {
        std::fs::write(folder.path().join("pgtend.toml"), text).unwrap();
        let answer = answer(pgtend(&["check", "--from", &story("calm")]).current_dir(folder.path()));
        assert_eq!(answer.exit, 3);
        assert!(answer.stderr.contains("working directory"), "{}", answer.stderr);
    }
}

#[test]
fn a_store_that_cannot_be_used_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("h.db");
    std::fs::write(
        &file,
        "no database at all, but longer than a header of a hundred bytes would be, so that it is read",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let calm = run(&["check", "--from", &story("calm"), "--history", file]);
    assert_eq!(calm.exit, 3, "{calm:?}");
    assert!(calm.stdout.contains("UNKNOWN history: ") && calm.stdout.contains("24 clear"), "{calm:?}");
    let warned = run(&["check", "--from", &story("disaster"), "--history", file]);
    assert_eq!(warned.exit, 1, "what is known is not hidden: {warned:?}");
}

/// The night through the program; what it says, and how many letters came.
fn night(file: &str, history: &str, config: &str, inbox: &Inbox) -> (Answer, usize) {
    let arguments = ["check", "--from", file, "--history", history, "--config", config];
    let answer = answer(pgtend(&arguments).env("HOOK", inbox.url("/")));
    (answer, inbox.empty().len())
}

/// Findings are shown and told whatever the store is like, and once it is well again nothing is missing.
#[tokio::test]
async fn a_store_that_is_newer_or_locked_is_named_and_loses_nothing() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::answering(&[]));
    let config = configuration(folder.path(), "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n");
    let file = folder.path().join("night.json");
    std::fs::write(&file, told(11).to_string()).unwrap();
    let (file, path) = (file.to_str().unwrap(), folder.path().join("h.db"));
    let history = path.to_str().unwrap();
    Store::open(&address(history)).await.unwrap().close().await;
    let mut other = SqliteConnection::connect(history).await.unwrap();
    let version = "select max(version) from _sqlx_migrations";
    let newest: i64 = sqlx::query_scalar(version).fetch_one(&mut other).await.unwrap();

    sqlx::query("update _sqlx_migrations set version = 9999 where version = $1")
        .bind(newest)
        .execute(&mut other)
        .await
        .unwrap();
    let (newer, letters) = night(file, history, &config, &inbox);
    assert_eq!((newer.exit, letters), (2, 1), "{newer:?}");
    assert!(newer.stdout.contains("UNKNOWN history: ") && newer.stdout.contains("schema version 9999"), "{newer:?}");
    sqlx::query("update _sqlx_migrations set version = $1 where version = 9999")
        .bind(newest)
        .execute(&mut other)
        .await
        .unwrap();

    // Somebody keeps it for longer than anybody waits.
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    let (locked, letters) = night(file, history, &config, &inbox);
    assert_eq!((locked.exit, letters), (2, 1), "{locked:?}");
    assert!(locked.stdout.contains("UNKNOWN history: ") && locked.stdout.contains("locked"), "{locked:?}");
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    other.close().await.unwrap();

    let (well, letters) = night(file, history, &config, &inbox);
    assert_eq!((well.exit, letters), (2, 1), "the store knows of nobody who was told: {well:?}");
    assert!(!well.stdout.contains("UNKNOWN history"), "{well:?}");
    assert_eq!(night(file, history, &config, &inbox).1, 0, "nothing is told twice");
}
