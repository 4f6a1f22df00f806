//! A server that repeats the password: no message, trace or report shows it.

use super::Machine;
use crate::{
    hostile_server::{HostileServer, Wire},
    reports::program::answer,
};
use std::io;

const PASSWORD: &str = "hun'ter2 \"of\" \\ada";

/// The password as a server may write it.
fn encodings() -> Vec<String> {
    let percent: String = PASSWORD.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        PASSWORD.to_owned(),
        PASSWORD.replace('\'', "''"),
        format!("{PASSWORD:?}"),
        percent,
        "aHVuJ3RlcjIgIm9mIiBcYWRh".to_owned(),
    ]
}

/// Parts of it that no text may hold.
const PARTS: [&str; 5] = ["hun'ter2", "hun''ter2", "of\\\" ", "%68%75", "aHVuJ3Rlc"];

fn repeated() -> String {
    format!("you said {}", encodings().join(" and "))
}

/// Sends the password in every field of an ErrorResponse or NoticeResponse.
fn repeat(wire: &mut Wire<'_>, tag: u8, severity: &str, sqlstate: &str) -> io::Result<()> {
    let text = repeated();
    let fields = format!(
        "S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0DDetail: {text}\0HHint: {text}\0WWhere: {text}\0s{text}\0t{text}\0\0"
    );
    wire.send(tag, fields.as_bytes())
}

fn greet(wire: &mut Wire<'_>) -> io::Result<()> {
    wire.startup()?;
    wire.authentication(3, &[])?;
    wire.message().map(drop)
}

/// Every statement that reads fails with the password in the message; those of a transaction succeed.
fn failing(wire: &mut Wire<'_>) -> io::Result<()> {
    greet(wire)?;
    wire.welcome("17.2")?;
    wire.parameter("application_name", &repeated())?;
    loop {
        match wire.message()?.first() {
            Some(b'Q') => {
                repeat(wire, b'N', "NOTICE", "00000")?;
                wire.send(b'C', b"BEGIN\0")?;
                wire.ready()?;
            }
            Some(b'S') => {
                repeat(wire, b'E', "ERROR", "42501")?;
                wire.ready()?;
            }
            Some(b'X') | None => return Ok(()),
            Some(_) => {}
        }
    }
}

fn shows_nothing(server: &HostileServer, arguments: &[&str]) -> String {
    let machine = Machine::new();
    let conninfo = format!("host=127.0.0.1 port={} user=app dbname=shop sslmode=disable", server.port());
    let mut command = machine.pgtend(arguments);
    command.args(["-vv", "-w", "--history", "none", "-d", &conninfo]).env("PGPASSWORD", PASSWORD);
    let ended = answer(&mut command);
    let text = format!("{}{}", ended.stdout, ended.stderr);
    for part in PARTS {
        assert!(!text.contains(part), "{arguments:?} shows {part}: {text}");
    }
    assert!(server.was_sent(PASSWORD.as_bytes()), "{arguments:?}: the server knows it");
    text
}

#[test]
fn refusal_of_the_connection_is_redacted() {
    for sqlstate in ["28P01", "28000", "XX000", "53300", "57P03"] {
        let server = HostileServer::start(move |wire| {
            greet(wire)?;
            repeat(wire, b'E', "FATAL", sqlstate)
        });
        let text = shows_nothing(&server, &["slots"]);
        assert!(text.contains("you said …") && text.contains("DETAIL: Detail: you said …"), "{text}");
        let has_server_hint = matches!(sqlstate, "28000" | "XX000");
        assert_eq!(text.contains("hint: Hint: you said …"), has_server_hint, "{text}");
    }
}

#[test]
fn too_old_server_version_is_redacted() {
    let server = HostileServer::start(|wire| {
        greet(wire)?;
        wire.welcome(&format!("9.6 {}", repeated()))?;
        wire.message().map(drop)
    });
    let text = shows_nothing(&server, &["slots"]);
    assert!(text.contains("this is 9.6 you said …"), "{text}");
}

#[test]
fn refused_transaction_is_redacted() {
    let server = HostileServer::start(|wire| {
        greet(wire)?;
        wire.welcome("17.2")?;
        loop {
            match wire.message()?.first() {
                Some(b'Q' | b'S') => {
                    repeat(wire, b'E', "ERROR", "42501")?;
                    wire.ready()?;
                }
                Some(b'X') | None => return Ok(()),
                Some(_) => {}
            }
        }
    });
    let text = shows_nothing(&server, &["slots"]);
    assert!(text.contains("you said …"), "{text}");
}

#[test]
fn facts_notices_and_reports_are_redacted() {
    for arguments in [
        &["overview"][..],
        &["overview", "--format", "json"],
        &["snapshot"],
        &["check"],
        &["check", "--format", "json"],
        &["check", "--format", "nagios"],
        &["slots", "--format", "html"],
        &["indexes", "--format", "csv"],
        &["slots", "drop", "s1", "--yes", "--no-journal"],
    ] {
        let server = HostileServer::start(failing);
        let text = shows_nothing(&server, arguments);
        assert!(text.contains("you said …"), "{arguments:?}: {text}");
    }
}

/// Short passwords leave the words around them readable.
#[test]
fn short_password_leaves_messages_readable() {
    let server = HostileServer::start(|wire| {
        greet(wire)?;
        wire.error("FATAL", "28P01", "a password \"a\" is bad for an app")
    });
    let machine = Machine::new();
    let conninfo = format!("host=127.0.0.1 port={} user=app dbname=shop sslmode=disable", server.port());
    let ended = answer(machine.pgtend(&["slots", "-w", "-d", &conninfo]).env("PGPASSWORD", "a"));
    assert!(ended.stderr.contains("FATAL: … password \"…\" is bad for an app (SQLSTATE 28P01)"), "{ended:?}");
    assert!(ended.stderr.contains("cannot connect to database \"shop\" as user \"app\""), "{ended:?}");
}

#[test]
fn history_server_is_redacted() {
    let server = HostileServer::start(|wire| {
        greet(wire)?;
        repeat(wire, b'E', "FATAL", "28P01")
    });
    let encoded: String = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("postgresql://app:{encoded}@127.0.0.1:{}/store?sslmode=disable", server.port());
    let machine = Machine::new();
    let ended = answer(&mut machine.pgtend(&["history", "list", "-vv", "--history", &url]));
    assert!(server.was_sent(PASSWORD.as_bytes()), "{ended:?}");
    assert!(ended.stderr.contains("you said …"), "{ended:?}");
    for part in PARTS {
        assert!(!ended.stderr.contains(part), "{part}: {ended:?}");
    }
}
