//! Output of reports: a file is written completely or not at all, and a reader that closes the pipe early is not an
//! error.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};

use super::program::{expect_failure, pgtend_command, run_pgtend};
use super::scenarios::scenario_file;
use crate::clusters::print_stderr;

/// Arguments of a large report that needs no server.
fn report_arguments(output: &Path) -> Vec<String> {
    let output = output.to_str().unwrap().to_owned();
    ["indexes", "--format", "json", "--from", &scenario_file("disaster"), "--output", &output]
        .map(str::to_owned)
        .to_vec()
}

fn assert_output_refused(output: &Path) -> String {
    let arguments = report_arguments(output);
    let message = expect_failure(1, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(message.contains(output.to_str().unwrap()), "the file is named: {message}");
    assert!(!message.contains("(os error"), "{message}");
    message
}

fn count_files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn output_replaces_the_file_atomically() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    for _ in 0..2 {
        let arguments = report_arguments(&path);
        let answer = run_pgtend(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((answer.exit, answer.stdout.as_str(), answer.stderr.as_str()), (0, "", ""));
        let text = fs::read_to_string(&path).unwrap();
        crate::schemas::assert_output_is_valid(text.as_bytes());
        assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["indexes"].is_array());
        fs::write(&path, "x".repeat(1 << 20)).unwrap();
    }
    assert_eq!(count_files(folder.path()), 1);
}

#[test]
fn output_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(assert_output_refused(&folder.path().join("missing/report.json")).contains("No such file"));
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    assert_output_refused(&file.join("report.json"));
    assert_output_refused(folder.path());
    assert_eq!((count_files(folder.path()), fs::read_to_string(&file).unwrap()), (1, "kept".to_owned()));
}

#[test]
fn output_to_full_device_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return print_stderr("full device: NOT RUN, there is no /dev/full");
    }
    assert!(assert_output_refused(Path::new("/dev/full")).contains("No space left"));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let arguments = ["tables", "--from", &scenario_file("disaster")];
    let output = Command::new(env!("CARGO_BIN_EXE_pgtend")).args(arguments).env_clear().stdout(full).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("No space left"), "{message}");
}

#[test]
fn output_on_full_disk_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let mount_point = folder.path().to_str().unwrap();
    let mounted = Uid::effective().is_root()
        && Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs", mount_point])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    if !mounted {
        return print_stderr("full disk: NOT RUN, no privilege to mount");
    }
    let path = folder.path().join("report.json");
    fs::write(&path, "what was there").unwrap();
    let message = std::panic::catch_unwind(|| assert_output_refused(&path));
    let left = (count_files(folder.path()), fs::read_to_string(&path));
    assert!(Command::new("umount").arg(mount_point).status().unwrap().success());
    assert!(message.unwrap().contains("No space left"));
    assert!(matches!(left, (1, Ok(text)) if text == "what was there"));
}

#[test]
fn output_read_only_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("pgtend");
    // Copied by a separate process: a child process of a concurrent test must not inherit a handle that is open for
    // writing.
    let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_pgtend")).arg(&program).status();
    assert!(copied.unwrap().success());
    let snapshot = folder.path().join("snapshot.json");
    fs::copy(scenario_file("disaster"), &snapshot).unwrap();
    let mut command = Command::new(&program);
    if Uid::effective().is_root() {
        let Ok(Some(nobody)) = User::from_name("nobody") else {
            return print_stderr("read-only folder: NOT RUN, there is no account nobody");
        };
        command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
        chown(folder.path(), Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let path = folder.path().join("report.json");
    command.args(["tables", "--from"]).arg(&snapshot).arg("--output").arg(&path).env_clear();
    let output = command.output().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("Permission denied") && message.contains(path.to_str().unwrap()), "{message}");
    assert_eq!(count_files(folder.path()), 2);
}

#[test]
fn output_to_closed_reader_is_no_error() {
    for format in ["table", "json", "csv", "markdown"] {
        for report in ["tables", "overview", "snapshot"] {
            let arguments = [report, "--format", format, "--from", &scenario_file("disaster")];
            let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
            let mut run = command.args(arguments).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
            run = run.stdin(Stdio::null());
            let mut child = run.spawn().unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), message.as_str()), (Some(0), ""), "{arguments:?}");
        }
    }
}

#[test]
fn output_verbose_adds_facts_of_newer_versions_only() {
    let usual = run_pgtend(&["slots", "--from", &scenario_file("disaster")]);
    for flag in ["-q", "-v", "-vv"] {
        let other = run_pgtend(&["slots", flag, "--from", &scenario_file("disaster")]);
        let (text, version_note) = match other.stdout.find("PostgreSQL 17 does not have: ") {
            Some(position) => other.stdout.split_at(position),
            None => (other.stdout.as_str(), ""),
        };
        assert_eq!((other.exit, text), (0, usual.stdout.as_str()), "{flag}");
        assert_eq!(version_note.is_empty(), flag == "-q", "{flag}: {version_note}");
    }
    assert!(pgtend_command(&["--version"]).output().unwrap().stdout.starts_with(b"pgtend "));
}

#[test]
fn output_keeps_mode_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link, other) = (folder.path().join("target"), folder.path().join("link"), folder.path().join("other"));
    fs::write(&target, "old").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("target", &link).unwrap();
    for is_hard_linked in [false, true] {
        if is_hard_linked {
            fs::hard_link(&target, &other).unwrap();
        }
        let arguments = report_arguments(&link);
        let answer = run_pgtend(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((answer.exit, answer.stderr.as_str()), (0, ""));
        assert!(link.is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&target).unwrap().starts_with('{'));
    }
    assert_eq!(fs::read(&target).unwrap(), fs::read(&other).unwrap());
    assert_eq!(count_files(folder.path()), 3);
}

#[test]
fn output_writable_file_in_read_only_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("closed");
    fs::create_dir(&inner).unwrap();
    let snapshot = folder.path().join("snapshot.json");
    fs::copy(scenario_file("disaster"), &snapshot).unwrap();
    let (writable, readable) = (inner.join("writable"), inner.join("readable"));
    for (path, mode) in [(&writable, 0o666), (&readable, 0o444)] {
        fs::write(path, "old").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let run = |path: &Path| {
        let arguments = ["tables", "--from", snapshot.to_str().unwrap(), "--output", path.to_str().unwrap()];
        super::program::run_command(&mut super::program::pgtend_as_nobody(folder.path(), &arguments))
    };
    // In a sticky folder of another user a rename over the file is refused; in a read-only one no file can be created.
    for folder_mode in [0o1777, 0o555] {
        fs::set_permissions(&inner, fs::Permissions::from_mode(folder_mode)).unwrap();
        fs::write(&writable, "old").unwrap();
        let answer = run(&writable);
        assert_eq!((answer.exit, answer.stderr.as_str()), (0, ""), "{folder_mode:o}");
        assert!(fs::read_to_string(&writable).unwrap().len() > 3);
        let answer = run(&readable);
        assert!(answer.exit == 1 && answer.stderr.contains("Permission denied"), "{answer:?}");
        assert_eq!(fs::read_to_string(&readable).unwrap(), "old");
        assert_eq!(count_files(&inner), 2);
    }
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Commands that write to stdout and need no server.
fn stdout_commands() -> Vec<Vec<String>> {
    let from = scenario_file("disaster");
    let commands = [
        "--help",
        "--version",
        "demo --help",
        "slots drop --help",
        "completions bash",
        "man",
        "explain",
        "explain stale-slot",
        "config init -",
        "config grants",
        "tables --output -",
        "tables --output /dev/stdout",
    ];
    let formats = ["table", "json", "csv", "html", "markdown"].map(|format| format!("tables --format {format}"));
    let commands = commands.map(str::to_owned).into_iter().chain(formats);
    commands
        .map(|command| {
            let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            if words[0] == "tables" {
                words.extend(["--from".to_owned(), from.clone()]);
            }
            words
        })
        .collect()
}

fn run_with_stdout(redirection: &str, arguments: &[String]) -> (Option<i32>, String) {
    let script = format!("exec \"$0\" \"$@\" {redirection}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_pgtend")]).args(arguments).env_clear().stdin(Stdio::null());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn output_closed_or_full_stdout_is_an_error() {
    for arguments in stdout_commands() {
        for redirection in [">&-", "> /dev/full"] {
            let (exit, message) = run_with_stdout(redirection, &arguments);
            assert_eq!(exit, Some(1), "{arguments:?} {redirection}: {message}");
            assert!(message.contains("cannot write"), "{arguments:?} {redirection}: {message}");
        }
        assert_eq!(run_with_stdout("> /dev/null", &arguments), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn output_closed_pipe_ends_quietly() {
    for arguments in stdout_commands() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
        command.args(&arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn signal_ends_a_run_whose_output_has_no_reader() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.args(report_arguments(&fifo)).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // Opening the pipe blocks because it has no reader; no state shows this.
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it waits for a reader");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            panic!("SIGTERM did not end the program");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_ne!(child.wait().unwrap().code(), Some(0));
}
