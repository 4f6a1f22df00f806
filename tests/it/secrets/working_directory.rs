//! A `pgtend.toml` in the working directory does not get a password of another server.

use super::HomeFolders;
use crate::{hostile_server::HostileServer, reports::program::run_command};
use std::io;

/// Starts a server that requests the password in clear text.
fn password_asking_server() -> HostileServer {
    HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(3, &[])?;
        wire.message()?;
        wire.error("FATAL", "28P01", "password authentication failed")?;
        io::Result::Ok(())
    })
}

const SLOTS_ARGUMENTS: [&str; 6] = ["slots", "-w", "--history", "none", "--target", "prod"];

#[test]
fn password_of_another_server_is_not_sent() {
    let server = password_asking_server();
    let port = server.port();
    for (conninfo, warning) in [
        (format!("host=127.0.0.1 port={port} sslmode=disable user=app"), "the line must contain its host"),
        (format!("host=localhost hostaddr=127.0.0.1 port={port} user=app"), "the line must contain its host"),
        (format!("postgresql://app@127.0.0.1:{port}/shop"), "the line must contain its host"),
    ] {
        let machine = HomeFolders::new();
        machine.write_private_file("home/.pgpass", "*:*:*:*:hunter2-star\nlocalhost:*:*:*:hunter2-localhost\n");
        machine.write_private_file("work/pgtend.toml", &format!("[target.prod]\nconninfo = \"{conninfo}\"\n"));
        let ended = run_command(machine.pgtend_command(&SLOTS_ARGUMENTS).env("PGPASSWORD", "hunter2-environment"));
        assert_eq!(ended.exit, 1, "{ended:?}");
        assert!(ended.stderr.contains("the server requires a password, but none was provided"), "{ended:?}");
        assert!(ended.stderr.contains("PGPASSWORD is not used for target prod"), "{ended:?}");
        assert!(ended.stderr.contains(warning), "{ended:?}");
        assert!(!server.was_sent(b"hunter2"), "{conninfo}");
    }
    // As a replica of a target in such a file.
    let machine = HomeFolders::new();
    machine.write_private_file("home/.pgpass", "*:*:*:*:hunter2-star\n");
    let text = format!("[target.prod]\nconninfo = \"host=/nowhere\"\nreplicas = [\"host=127.0.0.1 port={port}\"]\n");
    machine.write_private_file("work/pgtend.toml", &text);
    run_command(
        machine
            .pgtend_command(&["indexes", "-w", "--history", "none", "--target", "prod"])
            .env("PGPASSWORD", "hunter2-env"),
    );
    assert!(!server.was_sent(b"hunter2"));
}

#[test]
fn line_that_names_the_host_is_used() {
    let server = password_asking_server();
    let machine = HomeFolders::new();
    machine.write_private_file("home/.pgpass", &format!("127.0.0.1:{}:*:app:for-this-host\n", server.port()));
    let text = format!("[target.prod]\nconninfo = \"host=127.0.0.1 port={} user=app\"\n", server.port());
    machine.write_private_file("work/pgtend.toml", &text);
    let ended = run_command(&mut machine.pgtend_command(&SLOTS_ARGUMENTS));
    assert!(server.was_sent(b"for-this-host"), "{ended:?}");
    assert!(
        ended.stderr.contains("note: target \"prod\" is from") && ended.stderr.contains("work/pgtend.toml"),
        "{ended:?}"
    );
    assert!(!run_command(machine.pgtend_command(&SLOTS_ARGUMENTS).arg("-q")).stderr.contains("note:"));
}

#[test]
fn secrets_and_commands_are_refused_by_name() {
    let server = password_asking_server();
    let machine = HomeFolders::new();
    machine.write_private_file("home/.pg_service.conf", "[mine]\npassword=hunter2\n");
    let port = server.port();
    let ran = machine.path("work/ran");
    let command = format!("password_command = [\"touch\", {:?}]", ran.to_str().expect("UTF-8"));
    let conninfo = |more: &str| format!("conninfo = \"host=127.0.0.1 port={port} {more}\"");
    for (text, name) in [
        (format!("{}\n{command}", conninfo("")), "password_command"),
        (format!("{}\npassword_command_timeout = \"1s\"", conninfo("")), "password_command_timeout"),
        (format!("{}\npassword = \"env:HOME\"", conninfo("")), "the password"),
        (conninfo("passfile=/x"), "passfile"),
        (conninfo("service=mine"), "service"),
        (conninfo("servicefile=x"), "servicefile"),
        (conninfo("sslkey=/x"), "sslkey"),
        (conninfo("sslcert=/x"), "sslcert"),
    ] {
        machine.write_private_file("work/pgtend.toml", &format!("[target.prod]\n{text}\n"));
        let ended = run_command(&mut machine.pgtend_command(&SLOTS_ARGUMENTS));
        assert_eq!(ended.exit, 2, "{text}: {ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains("pgtend.toml\", line "), "{text}: {ended:?}");
        assert!(ended.stderr.contains("found in the working directory"), "{text}: {ended:?}");
    }
    assert!(!ran.exists() && server.received().is_empty());
    // Connection requirements of the environment cannot be weakened.
    machine.write_private_file("work/pgtend.toml", &format!("[target.prod]\n{}\n", conninfo("sslmode=disable")));
    let ended = run_command(machine.pgtend_command(&SLOTS_ARGUMENTS).env("PGSSLMODE", "verify-full"));
    assert!(ended.exit == 2 && ended.stderr.contains("cannot change sslmode, which PGSSLMODE sets"), "{ended:?}");
    assert!(server.received().is_empty());
}
