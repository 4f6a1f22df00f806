//! The program against hostile servers: exit codes, messages, peak memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::clusters::sample_cases;

/// The peak memory in MB of a run that stores nothing, with a margin.
const BASE_PEAK_MB: u64 = 120;

struct Outcome {
    exit: i32,
    /// Standard error and standard output.
    output: String,
    peak_mb: u64,
}

/// Runs the program in an empty environment, for at most a minute, and measures its memory.
fn run_watched(server: &HostileServer, config: &str, arguments: &[&str]) -> Outcome {
    run_within("60", server, config, arguments)
}

fn run_within(timeout: &str, server: &HostileServer, config: &str, arguments: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pgtend.toml"), config).unwrap();
    let port = server.port().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pgtend"))
        .env_clear()
        .envs([("HOME", "/nonexistent"), ("PGPASSWORD", PASSWORD), ("PGCONNECT_TIMEOUT", timeout)])
        .current_dir(folder.path())
        .args(["-h", "127.0.0.1", "-p", &port, "-U", "u", "-d", "d", "--history", "none"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = read_on_thread(child.stdout.take().unwrap());
    let stderr = read_on_thread(child.stderr.take().unwrap());
    let status = format!("/proc/{}/status", child.id());
    let (since, mut peak_kb) = (Instant::now(), 0);
    let exit = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak_kb = peak_kb.max(peak.unwrap_or(0));
        if let Some(exit) = child.try_wait().unwrap() {
            break exit;
        }
        if since.elapsed() > Duration::from_secs(100) {
            child.kill().ok();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // `check` reports its errors on stdout.
    let output = stderr.join().unwrap() + &stdout.join().unwrap();
    assert!(!output.contains(PASSWORD), "{output}");
    Outcome { exit: exit.code().unwrap_or(-1), output, peak_mb: peak_kb / 1_024 }
}

fn read_on_thread(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).ok();
        text
    })
}

#[track_caller]
fn assert_outcome(outcome: &Outcome, exit: i32, message: &str, most_mb: u64) {
    let Outcome { exit: actual, output: text, peak_mb } = outcome;
    assert_eq!(*actual, exit, "{text}");
    assert!(text.contains(message), "{message:?} is missing in: {text}");
    assert!(text.len() < 60_000, "{} bytes of messages", text.len());
    eprintln!("exit {actual}, peak {peak_mb} MB: {message}");
    assert!(*peak_mb < most_mb, "{peak_mb} MB, at most {most_mb} MB");
}

/// The commands, and their exit codes for a server that cannot be read.
const COMMANDS: [(&[&str], i32); 4] =
    [(&["tables"], 1), (&["check"], 3), (&["snapshot"], 1), (&["slots", "drop", "s", "--yes", "--no-journal"], 1)];

/// Asserts that each command fails on a server with this script.
fn assert_commands_fail(
    message: &str,
    most_mb: u64,
    config: &str,
    script: impl Fn(&mut Connection<'_>) -> std::io::Result<()> + Send + Sync + 'static,
) {
    let server = HostileServer::start(script);
    for (command, exit) in sample_cases(message, COMMANDS, 2) {
        let outcome = run_watched(&server, config, command);
        assert_outcome(&outcome, exit, message, most_mb);
    }
}

#[test]
fn program_bounds_the_startup_phase() {
    assert_commands_fail("at most 65536 are accepted", BASE_PEAK_MB, "", |wire| {
        wire.startup()?;
        wire.raw(b"R\x80\0\0\0")?;
        wire.message().map(drop)
    });
    assert_commands_fail("at most 1048576 are accepted", BASE_PEAK_MB, "", |wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        (0..u32::MAX).try_for_each(|number| wire.parameter(&format!("p{number}"), &"x".repeat(10_000)))
    });
    assert_commands_fail("at most 65536 are accepted", BASE_PEAK_MB, "", |wire| {
        wire.startup()?;
        wire.scram_first(&"x".repeat(200 << 20), "s=c2FsdA==,i=4096")
    });
    assert_commands_fail("FATAL: xxx", BASE_PEAK_MB, "", |wire| {
        wire.startup()?;
        wire.error("FATAL", "28000", &"x".repeat(5_000_000))
    });
    assert_commands_fail("duplicate authentication request", BASE_PEAK_MB, "", |wire| {
        wire.startup()?;
        loop {
            wire.authentication(3, &[])?;
            wire.message()?;
        }
    });
}

#[test]
fn program_ends_slow_startup_at_timeout() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        for byte in b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0".iter().cycle() {
            wire.raw(&[*byte])?;
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    });
    for (command, exit) in sample_cases("commands that a server floods", COMMANDS, 2) {
        assert_outcome(&run_within("3", &server, "", command), exit, "timeout after 3 s", BASE_PEAK_MB);
    }
}

/// A server that sends rows of this JSON without end for every query.
fn endless_rows(json: &'static str) -> impl Fn(&mut Connection<'_>) -> std::io::Result<()> + Send + Sync + 'static {
    move |wire| {
        if wire.startup()?.len() == 16 {
            return Ok(());
        }
        wire.send_welcome("17.2")?;
        wire.serve(|wire, _| {
            wire.describe_jsonb(&["x"])?;
            let rows = Connection::jsonb_row(json).repeat(500);
            loop {
                wire.raw(&rows)?;
            }
        })
    }
}

/// A row from which the first fact of every report can be decoded.
const IDENTITY: &str = r#"{"version_num":170002,"version":"PostgreSQL 17.2","database":"d","role":"u",
    "role_is_superuser":true,"role_may_replicate":true,"role_is_monitor":true,"in_recovery":false,
    "started_at":"2026-01-01T00:00:00Z","requested_at":"2026-01-01T00:00:00Z","block_size_bytes":8192,
    "wal_segment_bytes":16777216}"#;

#[test]
fn program_bounds_rows_without_end() {
    // 16 MB per fact: memory use stays below five times as much.
    let config = "[limits]\nfact_size = \"4MB\"\nsnapshot_size = \"8MB\"\n";
    for json in sample_cases("rows without end", [IDENTITY, "{}"], 2) {
        assert_commands_fail("did not stop sending the fact", 5 * 4 + BASE_PEAK_MB, config, endless_rows(json));
    }
}

#[test]
fn program_bounds_messages_during_queries() {
    let config = "[limits]\nfact_size = \"16MB\"\nsnapshot_size = \"32MB\"\n";
    let during = |script: fn(&mut Connection<'_>) -> std::io::Result<()>| {
        move |wire: &mut Connection<'_>| {
            if wire.startup()?.len() == 16 {
                return Ok(());
            }
            wire.send_welcome("17.2")?;
            wire.serve(|wire, _| script(wire))
        }
    };
    assert_commands_fail(
        "announced a message of 2147483648 bytes",
        BASE_PEAK_MB,
        config,
        during(|wire| {
            wire.raw(b"T\x80\0\0\0\0\x01")?;
            wire.message().map(drop)
        }),
    );
    assert_commands_fail(
        "bytes of notices and parameter reports",
        BASE_PEAK_MB,
        config,
        during(|wire| {
            loop {
                wire.send(b'N', format!("SNOTICE\0C00000\0M{}\0\0", "x".repeat(7_000)).as_bytes())?;
            }
        }),
    );
    assert_commands_fail(
        "bytes of notices and parameter reports",
        BASE_PEAK_MB,
        config,
        during(|wire| {
            loop {
                wire.parameter(&format!("p{}", fastrand::u64(..)), "x")?;
            }
        }),
    );
}

#[test]
fn program_escapes_notices_under_vv() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        wire.send(b'N', b"SNO\x1b[2JTICE\0C00000\0Mclear \x1b[2J\x07\r\nerror: forged\0\0")?;
        wire.error("FATAL", "57P03", "not \x1b[2J now")
    });
    let outcome = run_watched(&server, "", &["tables", "-vv"]);
    assert_outcome(&outcome, 1, "57P03", BASE_PEAK_MB);
    assert!(outcome.output.contains("clear "), "{}", outcome.output);
    let steering = outcome.output.chars().filter(|c| c.is_control() && *c != '\n').count();
    assert_eq!(steering, 0, "{:?}", outcome.output);
    assert!(!outcome.output.contains("\nerror: forged"), "{}", outcome.output);
}

#[test]
fn program_warns_of_few_scram_iterations() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.scram_first("x", "s=c2FsdA==,i=0")?;
        wire.message().map(drop)
    });
    let outcome = run_watched(&server, "", &["tables"]);
    assert_outcome(&outcome, 1, "malformed SCRAM message (invalid iteration count)", BASE_PEAK_MB);
}

#[test]
fn program_bounds_files() {
    let server = HostileServer::start(|_| Ok(()));
    let zero = run_watched(&server, "", &["tables", "--from", "/dev/zero"]);
    assert_outcome(&zero, 1, "it is not a snapshot", BASE_PEAK_MB);
    let large = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(large.path(), "{").unwrap();
    large.as_file().set_len(64 << 20).unwrap();
    let path = large.path().display().to_string();
    let limits = "[limits]\nsnapshot_size = \"16MB\"\n";
    assert_outcome(&run_watched(&server, limits, &["tables", "--from", &path]), 1, "snapshot_size", BASE_PEAK_MB);
    for (arguments, exit, message) in [
        (&["tables", "--config", "/dev/zero"][..], 2, "larger than 16777216 bytes"),
        (&["config", "check", "--config", "/dev/zero"], 2, "larger than 16777216 bytes"),
    ] {
        assert_outcome(&run_watched(&server, "", arguments), exit, message, BASE_PEAK_MB);
    }
}

#[test]
fn program_names_what_the_server_of_a_store_breaks() {
    // A BindComplete where the description of a statement is due.
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.send_welcome("17.2")?;
        wire.serve(|_, _| Ok(()))
    });
    let store = format!("host=127.0.0.1 port={} user=u dbname=d sslmode=disable", server.port());
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pgtend"))
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir(folder.path())
        .args(["history", "list", "--history", &store])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("protocol violation by the server: an unexpected message"), "{text}");
}
