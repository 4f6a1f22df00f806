//! Login tokens of 2 kB and 6 kB, in every form of conninfo, and by `password_command` for each connection.

use super::HomeFolders;
use crate::{
    clusters::{cluster_options, execute_sql, on_a_major_and_the_newest_alone, print_stderr},
    hostile_server::HostileServer,
    proxy::{Behaviour, Proxy},
    reports::program::run_command,
    terminal::{Terminal, shell_line},
};
use assert_cmd::Command;
use pg_sandbox::Cluster;
use pgtend::quote::quote_conninfo_value as quote;
use std::time::{Duration, Instant};

const HBA: &str = "local all all trust\nhost all clear all password\nhost all all all scram-sha-256\n";

/// Characters that are special in some form of conninfo.
const SPECIAL_CHARACTERS: &str = "AKIA&=%+/?:@%2F#'\\\" ~,;";

fn make_token(length: usize) -> String {
    SPECIAL_CHARACTERS.chars().cycle().take(length - 1).chain(['x']).collect()
}

/// Escapes a text for one line of .pgpass.
fn pgpass_escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:")
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The forms in which a token can be given.
const FORMS: [&str; 11] = [
    "uri",
    "uri parameter",
    "conninfo",
    "PGPASSWORD",
    "DATABASE_URL",
    ".pgpass",
    "service",
    "literal",
    "env:",
    "file:",
    "password_command",
];

/// Returns `pgtend databases` as `role`, with the token in that form.
fn command_with_token(form: &str, token: &str, role: &str, port: u16, machine: &HomeFolders) -> Command {
    let server = format!("host=127.0.0.1 port={port} user={role} dbname=postgres sslmode=disable");
    let mut command = machine.pgtend_command(&["databases", "-v", "-w", "--history", "none", "--format", "csv"]);
    command.env("PGCONNECT_TIMEOUT", "60");
    let address = format!("127.0.0.1:{port}/postgres?sslmode=disable");
    let by_target = |command: &mut Command, keys: &str| {
        machine.write_user_config(&format!("[target.prod]\nconninfo = \"{server}\"\n{keys}\n"));
        command.args(["--target", "prod"]);
    };
    match form {
        "uri" => {
            command.args(["-d", &format!("postgresql://{role}:{}@{address}", percent_encode(token))]);
        }
        "uri parameter" => {
            command.args(["-d", &format!("postgresql://{role}@{address}&password={}", percent_encode(token))]);
        }
        "conninfo" => {
            command.args(["-d", &format!("{server} password={}", quote(token))]);
        }
        "PGPASSWORD" => {
            command.args(["-d", &server]).env("PGPASSWORD", token);
        }
        "DATABASE_URL" => {
            command.env("DATABASE_URL", format!("postgresql://{role}:{}@{address}", percent_encode(token)));
        }
        ".pgpass" => {
            machine.write_private_file("home/.pgpass", &format!("127.0.0.1:*:*:{role}:{}\n", pgpass_escape(token)));
            command.args(["-d", &server]);
        }
        "service" => {
            let text = format!("[prod]\n{}\npassword={token}\n", server.replace(' ', "\n"));
            machine.write_private_file("home/.pg_service.conf", &text);
            command.args(["-d", "service=prod"]);
        }
        "literal" => by_target(&mut command, &format!("password = {}", toml_string(token))),
        "env:" => {
            by_target(&mut command, "password = \"env:TOKEN\"");
            command.env("TOKEN", token);
        }
        "file:" => {
            machine.write_private_file("home/token.txt", &format!("{token}\n"));
            by_target(&mut command, "password = \"file:~/token.txt\"");
        }
        _ => {
            machine.write_private_file("home/token.txt", &format!("{token}\n"));
            let file = machine.path("home/token.txt");
            by_target(&mut command, &format!("password_command = [\"cat\", {:?}]", file.to_str().expect("UTF-8")));
        }
    }
    command
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

async fn create_role(cluster: &Cluster, role: &str, token: &str) {
    let literal = token.replace('\'', "''");
    let text = format!(
        "set standard_conforming_strings = on; set password_encryption = 'scram-sha-256'; \
         drop role if exists {role}; create role {role} login password '{literal}'"
    );
    execute_sql(cluster, "postgres", &text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_token_works_in_every_form() {
    let options = pg_sandbox::ClusterOptions { hba: Some(HBA.to_owned()), ..cluster_options() };
    // Before 14 a server does not store a password of 1,024 bytes or more (src/common/saslprep.c, MAX_PASSWORD_LENGTH).
    on_a_major_and_the_newest_alone(14, "long tokens", options, async |major, cluster| {
        for length in [2_000, 6_000] {
            let token = make_token(length);
            for name in ["scram", "clear"] {
                create_role(&cluster, name, &token).await;
                for form in FORMS {
                    let machine = HomeFolders::new();
                    let ended = run_command(&mut command_with_token(form, &token, name, cluster.port(), &machine));
                    let case = format!("{form}, {length} bytes, {name} on {major}: {}", ended.stderr);
                    for text in [&ended.stdout, &ended.stderr] {
                        assert!(!text.contains("AKIA&") && !text.contains("AKIA%26"), "{case}");
                    }
                    assert!(ended.exit == 0 && ended.stdout.contains("postgres"), "{case}");
                }
            }
        }
        let token = make_token(6_000);
        create_role(&cluster, "scram", &token).await;
        assert!(login_at_prompt(&cluster, &token, &[]) && login_at_prompt(&cluster, &token, &["-W"]));
    })
    .await;
}

/// Types a token at the prompt. A terminal truncates a line to 4,095 bytes unless its mode is changed.
fn login_at_prompt(cluster: &Cluster, token: &str, options: &[&str]) -> bool {
    let port = cluster.port().to_string();
    let program = [env!("CARGO_BIN_EXE_pgtend"), "databases", "--history", "none", "--format", "csv"];
    let connection_options = ["-h", "127.0.0.1", "-p", &port, "-U", "scram", "-d", "postgres"];
    let line = shell_line(program.into_iter().chain(connection_options).chain(options.iter().copied()));
    let Some(mut terminal) = Terminal::run_in_terminal(&line, |command| {
        command
            .env("HOME", "/nonexistent")
            .env("PGCONNECT_TIMEOUT", "60")
            .env_remove("PGPASSWORD")
            .env_remove("DATABASE_URL");
    }) else {
        print_stderr("prompt on a terminal: NOT RUN: `script` is not installed");
        return true;
    };
    terminal.wait_for(&format!("Password for user scram at 127.0.0.1:{port}: "));
    let (exit, seen) = terminal.type_line(token);
    assert!(!seen.contains("AKIA"), "{seen}");
    assert!(exit == 0 && seen.contains("postgres"), "{options:?}: {exit}: {seen}");
    true
}

#[test]
fn password_command_failure_sends_nothing() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(3, &[])?;
        wire.message()?;
        wire.error("FATAL", "28P01", "no")
    });
    let machine = HomeFolders::new();
    for (script, message) in [
        ("echo >&2 'no credentials'; exit 255", "failed with exit status 255: no credentials"),
        ("echo token-hunter2; echo >&2 cannot send token-hunter2; exit 1", "failed with exit status 1: cannot send …"),
        ("printf 'hunter2\\nhunter2\\n'", "printed more than one line"),
        ("true", "printed nothing"),
        ("yes hunter2", "printed more than 64 kB"),
        ("sleep 600 & sleep 600", "did not end within 1 s"),
    ] {
        machine.write_private_file("home/token", &format!("#!/bin/sh\n{script}\n"));
        let server = format!("host=127.0.0.1 port={} user=app dbname=shop", server.port());
        machine.write_user_config(&format!(
            "[target.prod]\nconninfo = \"{server}\"\npassword_command = [\"~/token\"]\npassword_command_timeout = \"1s\"\n"
        ));
        let began = Instant::now();
        let ended =
            run_command(&mut machine.pgtend_command(&["slots", "-vv", "--history", "none", "--target", "prod"]));
        assert!(ended.exit == 1 && ended.stderr.contains(message), "{script}: {ended:?}");
        assert!(ended.stderr.contains("password_command of target \"prod\"") && !ended.stderr.contains("hunter2"));
        assert!(began.elapsed() < Duration::from_secs(20), "{script}");
    }
    assert!(server.received().is_empty());
}

#[test]
fn refused_token_names_the_password_command() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(3, &[])?;
        let password_message = String::from_utf8_lossy(&wire.message()?[5..]).replace('\0', "");
        wire.error("FATAL", "28P01", &format!("PAM authentication failed for {password_message}"))
    });
    let machine = HomeFolders::new();
    machine
        .write_private_file("home/token", "#!/bin/sh\necho \"token-$1-$2-$3-${PGPASSWORD-none}-$PGTEND_ARGUMENT_1\"\n");
    machine.write_user_config(&format!(
        "[target.prod]\nconninfo = \"host=127.0.0.1 port={} user=app dbname=shop\"\n\
         password_command = [\"~/token\", \"{{host}}\", \"{{port}}\", \"{{user}}\"]\n",
        server.port()
    ));
    let mut command = machine.pgtend_command(&["slots", "-vv", "--history", "none", "--target", "prod"]);
    let ended = run_command(command.env("PGPASSWORD", "hunter2").env("PGTEND_ARGUMENT_1", "hunter2"));
    let token = format!("token-127.0.0.1-{}-app-none-", server.port());
    assert!(server.was_sent(format!("{token}\0").as_bytes()), "{ended:?}");
    assert!(ended.exit == 1 && ended.stderr.contains("PAM authentication failed for …"), "{ended:?}");
    assert!(ended.stderr.contains("the password came from password_command of target prod"), "{ended:?}");
    assert!(!ended.stderr.contains("token-1"), "{ended:?}");
}

/// A token that is valid for one connection only.
#[tokio::test(flavor = "multi_thread")]
async fn password_command_runs_per_connection() {
    let options = pg_sandbox::ClusterOptions { hba: Some(HBA.to_owned()), ..cluster_options() };
    on_a_major_and_the_newest_alone(13, "password_command", options, async |_, cluster| {
        create_role(&cluster, "scram", "one-token").await;
        for number in 1..=3 {
            execute_sql(&cluster, "postgres", &format!("create database shop{number}")).await;
        }
        let machine = HomeFolders::new();
        let count = machine.path("home/count");
        machine
            .write_private_file("home/token", &format!("#!/bin/sh\necho run >> {}\necho one-token\n", count.display()));
        let proxy = Proxy::new(cluster.host(), cluster.port(), Behaviour::default());
        machine.write_user_config(&format!(
            "[target.prod]\nconninfo = \"host=127.0.0.1 port={} user=scram dbname=postgres sslmode=disable\"\n\
             password_command = [\"~/token\"]\n",
            proxy.port()
        ));
        let arguments = ["tables", "--all-databases", "--jobs", "4", "--history", "none", "--target", "prod"];
        let ended = run_command(&mut machine.pgtend_command(&arguments));
        assert_eq!(ended.exit, 0, "{ended:?}");
        let runs = std::fs::read_to_string(&count).expect("the command ran").lines().count();
        assert!(runs >= 4 && runs == proxy.connections(), "{runs} runs, {} connections", proxy.connections());
    })
    .await;
}
