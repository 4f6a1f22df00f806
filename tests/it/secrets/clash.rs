//! A target in the user's own file and in the working directory, and how the program shows where a target is defined.

use super::HomeFolders;
use crate::{
    clusters::print_stderr,
    hostile_server::HostileServer,
    reports::program::run_command,
    terminal::{Terminal, shell_line},
};

fn refusing_server() -> HostileServer {
    HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(3, &[])?;
        wire.message()?;
        wire.error("FATAL", "28P01", "password authentication failed")
    })
}

#[test]
fn clash_own_target_is_used() {
    let (own, found) = (refusing_server(), refusing_server());
    let machine = HomeFolders::new();
    let target = |port| format!("[target.prod]\nconninfo = \"host=127.0.0.1 port={port} user=app\"\n");
    let own_file = machine.write_user_config(&format!("{}password = \"hunter2-own\"\n", target(own.port())));
    let found_file = machine.write_private_file("work/pgtend.toml", &target(found.port()));
    let ended = run_command(&mut machine.pgtend_command(&["slots", "-w", "--history", "none", "--target", "prod"]));
    assert_eq!(ended.exit, 1, "{ended:?}");
    assert!(own.was_sent(b"hunter2-own") && found.received().is_empty(), "{ended:?}");
    for file in [&own_file, &found_file] {
        assert!(ended.stderr.contains(file.to_str().expect("UTF-8")), "{ended:?}");
    }
    assert!(ended.stderr.contains("; the definition in") && !ended.stderr.contains("note:"), "{ended:?}");

    let shown = run_command(&mut machine.pgtend_command(&["config", "show"]));
    assert!(shown.stdout.contains(&format!("target.prod from {}\n", own_file.display())), "{shown:?}");
    machine.write_user_config("");
    let shown = run_command(&mut machine.pgtend_command(&["config", "show"]));
    let line = format!("target.prod from {} (found in the working directory)\n", found_file.display());
    assert!(shown.stdout.contains(&line), "{shown:?}");
}

#[test]
fn clash_prompt_names_the_host() {
    let server = refusing_server();
    let machine = HomeFolders::new();
    let text = format!("[target.prod]\nconninfo = \"host=127.0.0.1 port={} user=app\"\n", server.port());
    machine.write_private_file("work/pgtend.toml", &text);
    let line = shell_line([env!("CARGO_BIN_EXE_pgtend"), "slots", "--history", "none", "--target", "prod"]);
    let Some(mut terminal) = Terminal::run_in_terminal(&line, |command| {
        command.env("HOME", machine.path("home")).current_dir(machine.path("work"));
        for name in ["PGHOST", "PGPASSWORD", "PGUSER", "DATABASE_URL"] {
            command.env_remove(name);
        }
    }) else {
        return print_stderr("prompt on a terminal: NOT RUN: `script` is not installed");
    };
    terminal.wait_for(&format!("Password for user app at 127.0.0.1:{}: ", server.port()));
    let (exit, seen) = terminal.type_line("typed-hunter2");
    assert!(exit == 1 && server.was_sent(b"typed-hunter2") && !seen.contains("hunter2"), "{exit}: {seen}");
}
