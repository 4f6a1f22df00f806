//! Whatever goes wrong under `check` is named, and ends with 3.

use super::nights::configuration;
use crate::reports::{
    program::{Answer, answer, pgtend, run},
    stories::story,
};

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
    assert!(calm.stdout.contains("UNKNOWN history: ") && calm.stdout.contains("23 clear"), "{calm:?}");
    let warned = run(&["check", "--from", &story("disaster"), "--history", file]);
    assert_eq!(warned.exit, 1, "what is known is not hidden: {warned:?}");
}
