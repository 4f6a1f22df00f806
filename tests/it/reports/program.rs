//! Runs the program without the environment of this machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;

use assert_cmd::Command;
use serde_json::Value;

/// The reports that every snapshot has.
use crate::schemas::assert_output_is_valid;

pub const REPORT_NAMES: [&str; 6] = ["overview", "databases", "tables", "indexes", "slots", "wal"];

/// The outcome and the output of a run.
#[derive(Debug)]
pub struct ProgramOutput {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program in an empty environment.
pub fn pgtend_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command
}

/// Runs the program until it ends.
pub fn run_pgtend(arguments: &[&str]) -> ProgramOutput {
    run_command(&mut pgtend_command(arguments))
}

/// The program, copied into a folder, as a user that is subject to permissions: the account `nobody` if the tests run
/// as root.
pub fn pgtend_as_nobody(folder: &Path, arguments: &[&str]) -> Command {
    let program = folder.join("pgtend");
    if !program.exists() {
        // Copied by a separate process: a child process of a concurrent test could inherit a handle that is open for
        // writing, and such a file cannot be executed.
        let copied = process::Command::new("cp").arg(env!("CARGO_BIN_EXE_pgtend")).arg(&program).status();
        assert!(copied.expect("cp runs").success());
        for path in [folder, program.as_path()] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("the owner's");
        }
    }
    let mut command = process::Command::new(&program);
    if nix::unistd::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    command.env_clear().current_dir(folder).args(arguments);
    Command::from_std(command)
}

/// Runs a prepared command until it ends, and asserts that it did not panic.
pub fn run_command(command: &mut Command) -> ProgramOutput {
    let output = command.output().expect("the program runs");
    let text = |bytes: &[u8]| str::from_utf8(bytes).expect("the program writes UTF-8").to_owned();
    let answer = ProgramOutput {
        exit: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert!(answer.exit != 70 && !answer.stderr.contains("a bug in pgtend"), "{command:?}: {answer:?}");
    assert_output_is_valid(&output.stdout);
    answer
}

/// Returns a Python that has this module: modules of apt packages are available to Debian's own Python.
pub fn python_with(module: &str) -> Option<&'static str> {
    let has_it = |python: &&str| {
        let tried = process::Command::new(python).args(["-c", &format!("import {module}")]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has_it)
}

/// Runs a report that must succeed without output on stderr, and returns its JSON.
pub fn report_json(arguments: &[&str]) -> Value {
    let answer = run_pgtend(&[arguments, &["--format", "json"]].concat());
    assert!(answer.exit == 0 && answer.stderr.is_empty(), "{arguments:?}: {answer:?}");
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", answer.stdout))
}

/// Records a snapshot of a server for reports that read it several times.
pub fn record_snapshot(conninfo: &str) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    let answer = run_pgtend(&["snapshot", "-w", "-q", "-d", conninfo, "--output", path_text(&file)]);
    assert_eq!(answer.exit, 0, "{answer:?}");
    assert_output_is_valid(&fs::read(&file).expect("the snapshot"));
    file
}

pub fn path_text(file: &Path) -> &str {
    file.to_str().expect("a path in UTF-8")
}

/// Runs a report that must fail with this exit code and without output on stdout. Returns its stderr.
pub fn expect_failure(exit: i32, arguments: &[&str]) -> String {
    expect_command_failure(exit, &mut pgtend_command(arguments))
}

/// Like [`expect_failure`], for a prepared command.
pub fn expect_command_failure(exit: i32, command: &mut Command) -> String {
    let answer = run_command(command);
    assert_eq!((answer.exit, answer.stdout.as_str()), (exit, ""), "{command:?}: {answer:?}");
    assert!(!answer.stderr.is_empty(), "{command:?}: no error message");
    answer.stderr
}

/// The elements of a list of the report.
pub fn array_field<'a>(report: &'a Value, key: &str) -> &'a Vec<Value> {
    report[key].as_array().unwrap_or_else(|| panic!("{key} is not a list in {report}"))
}

/// Returns the element whose `key` is `name`.
pub fn find_element<'a>(report: &'a Value, list_key: &str, key: &str, name: &str) -> &'a Value {
    let found = array_field(report, list_key).iter().find(|element| element[key] == name);
    found.unwrap_or_else(|| panic!("no {key} = {name:?} in {list_key}"))
}
