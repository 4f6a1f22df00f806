//! A server that repeats the password: no message, trace or report contains it.

use super::HomeFolders;
use crate::{
    hostile_server::{Connection, HostileServer},
    reports::program::run_command,
};
use std::io;

const PASSWORD: &str = "hun'ter2 \"of\" \\ada";

/// The encodings of the password that a server may send.
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

/// Parts of the password that no text may contain.
const PASSWORD_PARTS: [&str; 5] = ["hun'ter2", "hun''ter2", "of\\\" ", "%68%75", "aHVuJ3Rlc"];

fn repeated_password() -> String {
    format!("you said {}", encodings().join(" and "))
}

/// Sends the password in every field of an ErrorResponse or NoticeResponse.
fn send_password(wire: &mut Connection<'_>, tag: u8, severity: &str, sqlstate: &str) -> io::Result<()> {
    let text = repeated_password();
    let fields = format!(
        "S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0DDetail: {text}\0HHint: {text}\0WWhere: {text}\0s{text}\0t{text}\0\0"
    );
    wire.send(tag, fields.as_bytes())
}

fn send_greeting(wire: &mut Connection<'_>) -> io::Result<()> {
    wire.startup()?;
    wire.authentication(3, &[])?;
    wire.message().map(drop)
}

/// Every statement that reads fails with the password in the message; transaction commands succeed.
fn fail_with_password(wire: &mut Connection<'_>) -> io::Result<()> {
    send_greeting(wire)?;
    wire.send_welcome("17.2")?;
    wire.parameter("application_name", &repeated_password())?;
    loop {
        match wire.message()?.first() {
            Some(b'Q') => {
                send_password(wire, b'N', "NOTICE", "00000")?;
                wire.send(b'C', b"BEGIN\0")?;
                wire.ready()?;
            }
            Some(b'S') => {
                send_password(wire, b'E', "ERROR", "42501")?;
                wire.ready()?;
            }
            Some(b'X') | None => return Ok(()),
            Some(_) => {}
        }
    }
}

fn assert_password_hidden(server: &HostileServer, arguments: &[&str]) -> String {
    let machine = HomeFolders::new();
    let conninfo = format!("host=127.0.0.1 port={} user=app dbname=shop sslmode=disable", server.port());
    let mut command = machine.pgtend_command(arguments);
    command.args(["-vv", "-w", "--history", "none", "-d", &conninfo]).env("PGPASSWORD", PASSWORD);
    let ended = run_command(&mut command);
    let text = format!("{}{}", ended.stdout, ended.stderr);
    for part in PASSWORD_PARTS {
        assert!(!text.contains(part), "{arguments:?} shows {part}: {text}");
    }
    assert!(server.was_sent(PASSWORD.as_bytes()), "{arguments:?}: the server did not receive the password");
    text
}

#[test]
fn redaction_of_connection_refusal() {
    for sqlstate in ["28P01", "28000", "XX000", "53300", "57P03"] {
        let server = HostileServer::start(move |wire| {
            send_greeting(wire)?;
            send_password(wire, b'E', "FATAL", sqlstate)
        });
        let text = assert_password_hidden(&server, &["slots"]);
        assert!(text.contains("you said …") && text.contains("DETAIL: Detail: you said …"), "{text}");
        let has_server_hint = matches!(sqlstate, "28000" | "XX000");
        assert_eq!(text.contains("hint: Hint: you said …"), has_server_hint, "{text}");
    }
}

#[test]
fn redaction_of_server_version() {
    let server = HostileServer::start(|wire| {
        send_greeting(wire)?;
        wire.send_welcome(&format!("9.6 {}", repeated_password()))?;
        wire.message().map(drop)
    });
    let text = assert_password_hidden(&server, &["slots"]);
    assert!(text.contains("this server is 9.6 you said …"), "{text}");
}

#[test]
fn redaction_of_refused_transaction() {
    let server = HostileServer::start(|wire| {
        send_greeting(wire)?;
        wire.send_welcome("17.2")?;
        loop {
            match wire.message()?.first() {
                Some(b'Q' | b'S') => {
                    send_password(wire, b'E', "ERROR", "42501")?;
                    wire.ready()?;
                }
                Some(b'X') | None => return Ok(()),
                Some(_) => {}
            }
        }
    });
    let text = assert_password_hidden(&server, &["slots"]);
    assert!(text.contains("you said …"), "{text}");
}

#[test]
fn redaction_of_facts_notices_and_reports() {
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
        let server = HostileServer::start(fail_with_password);
        let text = assert_password_hidden(&server, arguments);
        assert!(text.contains("you said …"), "{arguments:?}: {text}");
    }
}

/// A short password does not make messages unreadable.
#[test]
fn redaction_of_short_password_keeps_messages() {
    let server = HostileServer::start(|wire| {
        send_greeting(wire)?;
        wire.error("FATAL", "28P01", "a password \"a\" is bad for an app")
    });
    let machine = HomeFolders::new();
    let conninfo = format!("host=127.0.0.1 port={} user=app dbname=shop sslmode=disable", server.port());
    let ended = run_command(machine.pgtend_command(&["slots", "-w", "-d", &conninfo]).env("PGPASSWORD", "a"));
    assert!(ended.stderr.contains("FATAL: … password \"…\" is bad for an app (SQLSTATE 28P01)"), "{ended:?}");
    assert!(ended.stderr.contains("cannot connect to database \"shop\" as user \"app\""), "{ended:?}");
}

#[test]
fn redaction_of_history_server() {
    let server = HostileServer::start(|wire| {
        send_greeting(wire)?;
        send_password(wire, b'E', "FATAL", "28P01")
    });
    let encoded: String = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("postgresql://app:{encoded}@127.0.0.1:{}/store?sslmode=disable", server.port());
    let machine = HomeFolders::new();
    let ended = run_command(&mut machine.pgtend_command(&["history", "list", "-vv", "--history", &url]));
    assert!(server.was_sent(PASSWORD.as_bytes()), "{ended:?}");
    assert!(ended.stderr.contains("you said …"), "{ended:?}");
    for part in PASSWORD_PARTS {
        assert!(!ended.stderr.contains(part), "{part}: {ended:?}");
    }
}
