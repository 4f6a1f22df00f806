//! Printed commands, run as a user pastes them: a database named like a connection string is connected to by name, and
//! no password is sent to a host inside a name.

use std::process::Command;

use serde_json::Value;

use crate::clusters::{cluster_options, connect_superuser, on_a_major_and_the_newest_alone, print_stderr};
use crate::hostile_server::HostileServer;
use crate::reports::fixture_servers::{execute_batch, quote_name, role_conninfo};
use crate::reports::program::{pgtend_command, run_command};

const PASSWORD: &str = "s3kr1t-of-the-environment";

/// Names of databases; `PORT` stands for the port of the hostile server.
const NAMES: [&str; 9] = [
    "host=127.0.0.1 port=PORT dbname=x",
    "postgresql://127.0.0.1:PORT/x",
    "postgres://127.0.0.1:PORT/x?sslmode=disable",
    "hostaddr=127.0.0.1 port=PORT it's \"q\"",
    "a=$(touch injected) `touch injected` !x",
    "-h127.0.0.1",
    "--help",
    "two  spaces; touch injected",
    "host=127.0.0.1\nport=PORT\\",
];

/// Two duplicate indexes of more than 1 MB: large enough for a component of the audit.
const CONTENT: &str = "create table t (id int); insert into t select generate_series(1, 60000);
    create index one on t (id); create index two on t (id); analyze t; select count(*) from t where id > 3";

#[tokio::test]
async fn printed_commands_reach_the_named_database() {
    on_a_major_and_the_newest_alone(
        13,
        "printed commands",
        cluster_options().with_setting("fsync", "off"),
        async |major, cluster| {
            let hostile = HostileServer::start(|wire| {
                wire.startup()?;
                wire.authentication(3, &[])?;
                wire.message().map(drop)
            });
            // From 19 on, names of databases contain no line breaks.
            let possible = NAMES.iter().filter(|name| major < 19 || !name.contains('\n'));
            let names: Vec<String> = possible.map(|name| name.replace("PORT", &hostile.port().to_string())).collect();
            let client = connect_superuser(&cluster, "postgres").await;
            for name in &names {
                execute_batch(&client, &format!("create database {}", quote_name(name))).await;
                let database: tokio_postgres::Config =
                    role_conninfo(&cluster, "postgres", name).parse().expect("a conninfo");
                let (inside, connection) = database.connect(tokio_postgres::NoTls).await.expect("it connects");
                let connection = tokio::spawn(connection);
                inside.batch_execute(CONTENT).await.expect("content");
                drop(inside);
                connection.await.expect("it ends").ok();
            }
            let folder = tempfile::tempdir().expect("a folder");
            let mut run = Vec::new();
            for format in ["table", "json", "markdown", "html"] {
                let fixed =
                    ["audit", "--all-databases", "--min-observation", "0", "--min-reclaim", "8kB", "--history", "none"];
                let conninfo = role_conninfo(&cluster, "postgres", "postgres");
                let printed =
                    run_command(&mut pgtend_command(&[&fixed[..], &["--format", format, "-d", &conninfo]].concat()));
                assert_eq!(printed.exit, 0, "{printed:?}");
                let commands = printed_commands(format, &printed.stdout);
                let reached: Vec<String> =
                    commands.iter().map(|command| connected_database(command, folder.path())).collect();
                for name in &names {
                    assert!(reached.contains(name), "{format}: no command connects to {name:?}: {commands:#?}");
                }
                run.extend(commands);
            }
            assert!(!folder.path().join("injected").exists(), "a name was executed");
            assert_eq!(hostile.received(), [[0_u8; 0]; 0], "a printed command connected to a host inside a name");
            print_stderr(&format!("printed commands: {} run", run.len()));
        },
    )
    .await;
}

#[tokio::test]
async fn printed_commands_carry_the_connection() {
    on_a_major_and_the_newest_alone(
        13,
        "printed connections",
        cluster_options().with_setting("fsync", "off"),
        async |_, cluster| {
            let client = connect_superuser(&cluster, "postgres").await;
            execute_batch(&client, "create database shop").await;
            execute_batch(&client, "select pg_create_physical_replication_slot('old_one', true)").await;
            let folder = tempfile::tempdir().expect("a folder");
            let config = folder.path().join("a.toml");
            let to = role_conninfo(&cluster, "postgres", "postgres");
            std::fs::write(&config, format!("[target.prod]\nconninfo = \"{to}\"\n")).expect("written");
            let config = config.to_str().expect("a path");
            let address =
                format!("-h {} -p {} -U postgres -d postgres", cluster.socket_dir().display(), cluster.port());
            let with_password = format!("{to} password={PASSWORD}");
            let of_target = format!("--target prod --config {config}");
            for (given, flags) in [
                (vec!["-d", with_password.as_str()], address),
                (vec!["--target", "prod", "--config", config], of_target.clone()),
                (vec!["--target", "prod", "--config", config, "-d", "shop"], format!("{of_target} -d shop")),
            ] {
                let run = |command: &[&str]| {
                    let fixed = ["--history", "none", "--format", "json"];
                    let printed = run_command(&mut pgtend_command(&[command, &fixed, &given[..]].concat()));
                    assert!(!format!("{printed:?}").contains(PASSWORD));
                    printed
                };
                let report: Value = serde_json::from_str(&run(&["overview"]).stdout).expect("JSON");
                let database = if flags.ends_with("shop") { "shop" } else { "postgres" };
                assert_eq!(report["server"]["database"], database);
                let next = report["overview"]["next"].as_array().expect("next");
                let commands: Vec<&str> = next.iter().filter_map(|line| line["command"].as_str()).collect();
                assert!(commands.contains(&format!("pgtend tables {flags}").as_str()), "{commands:#?}");
                assert!(commands.iter().all(|command| command.contains(&flags)), "{commands:#?}");
                let report: Value = serde_json::from_str(&run(&["audit"]).stdout).expect("JSON");
                let steps = report["audit"]["steps"].as_array().expect("steps");
                let lines = steps.iter().flat_map(|step| step["commands"].as_array().expect("commands"));
                let lines: Vec<&str> =
                    lines.filter_map(Value::as_str).filter(|line| line.starts_with("pgtend ")).collect();
                assert!(
                    lines.contains(&format!("pgtend audit {flags} --all-databases --used-fs SIZE").as_str()),
                    "{lines:#?}"
                );
                assert!(lines.iter().all(|line| line.contains(&flags)), "{lines:#?}");
                let check = run(&["check", "--only", "slot-limit,stale-slot,lagging-slot"]);
                for (_, command) in
                    check.stdout.match_indices("`pgtend slots").map(|(position, _)| check.stdout.split_at(position))
                {
                    assert!(command.split('`').nth(1).is_some_and(|command| command.contains(&flags)), "{command}");
                }
            }
            let strings = run_command(&mut pgtend_command(&[
                "slots",
                "--target",
                "prod",
                "--config",
                config,
                "-d",
                &with_password,
            ]));
            assert_eq!(strings.exit, 2, "{strings:?}");
            assert!(strings.stderr.contains("connection string") && !strings.stderr.contains(PASSWORD), "{strings:?}");
        },
    )
    .await;
}

/// Returns the commands with a database, as a parser of that format reads them.
fn printed_commands(format: &str, output: &str) -> Vec<String> {
    let lines: Vec<String> = match format {
        "json" => {
            let report: Value = serde_json::from_str(output).expect("JSON");
            let steps = report["audit"]["steps"].as_array().expect("steps");
            let commands = steps.iter().flat_map(|step| step["commands"].as_array().expect("commands"));
            commands.filter_map(Value::as_str).map(str::to_owned).collect()
        }
        "html" => output
            .split("<code>")
            .skip(1)
            .filter_map(|rest| rest.split_once("</code>"))
            .map(|(code, _)| {
                let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
                entities.iter().fold(code.to_owned(), |text, (entity, c)| text.replace(entity, c))
            })
            .collect(),
        _ => output.lines().map(|line| line.trim().to_owned()).collect(),
    };
    lines.into_iter().filter(|line| line.starts_with("pgtend indexes migrate ")).collect()
}

/// Runs the plan of a printed command in bash, and returns the database that it connected to.
fn connected_database(command: &str, folder: &std::path::Path) -> String {
    let command = command.replace("--framework F --output DIR", "--framework sql --output out --dry-run --format json");
    let script = format!("pgtend() {{ \"$PGTEND\" \"$@\" --history none; }}; {command}");
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("PGTEND", env!("CARGO_BIN_EXE_pgtend")), ("PGPASSWORD", PASSWORD)])
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{command}: {stderr}");
    crate::schemas::assert_output_is_valid(&output.stdout);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command}: {error}"));
    report["server"]["database"].as_str().expect("a database").to_owned()
}
