//! `pgtend demo`: the tour, and the cluster of `--keep`.

use crate::clusters::newest_installation;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with its state below `home`.
fn run_program(home: &Path, variables: &[(String, String)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command
        .env_clear()
        .env("HOME", home)
        .env("COLUMNS", "80")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(variables.iter().cloned()).args(arguments).output().expect("the program starts")
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn demo_refuses_server_options() {
    let home = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("--host", "db1"),
        ("--port", "5432"),
        ("--username", "app"),
        ("--dbname", "shop"),
        ("--target", "prod"),
        ("--from", "snapshot.json"),
        ("--since", "snapshot.json"),
        ("--history", "none"),
    ] {
        let ended = run_program(home.path(), &[], &["demo", option, value]);
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{option}: {stderr}");
        assert!(stderr.contains(&format!("{option} cannot be used with `demo`")), "{stderr}");
    }
}

#[test]
fn demo_tour_is_short() {
    let home = tempfile::tempdir().unwrap();
    let installation = newest_installation();
    let bin = installation.bin.to_string_lossy().into_owned();
    let ended = run_program(home.path(), &[], &["demo", "--offline", "--pg-bin", &bin]);
    let (stdout, stderr) = (stdout_of(&ended), String::from_utf8_lossy(&ended.stderr).into_owned());
    assert!(ended.status.success(), "{stderr}");
    let lines = stdout.lines().count() + stderr.lines().count();
    assert!(lines < 120, "{lines} lines:\n{stdout}");
    for command in ["overview", "slots drop", "indexes", "check"] {
        assert!(stdout.contains(&format!("$ pgtend {command}")), "{command}: {stdout}");
    }
}

#[test]
fn demo_keep_runs_until_stop() {
    let home = tempfile::tempdir().unwrap();
    let installation = newest_installation();
    let bin = installation.bin.to_string_lossy().into_owned();
    let keep = ["demo", "--keep", "--offline", "--pg-bin", &bin];
    let kept = run_program(home.path(), &[], &keep);
    let line = stdout_of(&kept);
    assert!(kept.status.success() && line.lines().count() == 1, "{kept:?}");
    let assignments = line.trim_end().strip_prefix("export ").expect("an export line");
    let variables: Vec<(String, String)> = assignments
        .split(' ')
        .map(|assignment| assignment.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .map(|assignment| assignment.expect("an assignment"))
        .collect();
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"]);

    assert_eq!(stdout_of(&run_program(home.path(), &[], &keep)), line, "the same cluster");
    let slots = run_program(home.path(), &variables, &["slots"]);
    assert!(stdout_of(&slots).contains("debezium"), "{slots:?}");

    let stopped = run_program(home.path(), &[], &["demo", "--stop"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(!Path::new(&variables[0].1).exists(), "the folder is removed");
    assert_eq!(run_program(home.path(), &[], &["demo", "--stop"]).status.code(), Some(1));
}
