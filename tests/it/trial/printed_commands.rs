//! Printed commands, run as a user pastes them: a database named like a connection string leads to itself, and no password
//! leaves for a host inside a name.

use std::process::Command;

use pgtend::sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{connect, on_a_major_and_the_newest_alone, options, say};
use crate::hostile_server::HostileServer;
use crate::reports::program::{answer, pgtend};
use crate::reports::zoo::{batch, conninfo, quoted};

const PASSWORD: &str = "s3kr1t-of-the-environment";

/// Names of databases; `PORT` is where the hostile server listens.
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

/// Large enough to be worth a term of the audit: two equal indexes of a megabyte and more.
const CONTENT: &str = "create table t (id int); insert into t select generate_series(1, 60000);
    create index one on t (id); create index two on t (id); analyze t; select count(*) from t where id > 3";

#[tokio::test]
async fn printed_commands_reach_the_named_database_only() {
    on_a_major_and_the_newest_alone(13, "printed commands", options().set("fsync", "off"), async |_, cluster| {
        let hostile = HostileServer::start(|wire| {
            wire.startup()?;
            wire.authentication(3, &[])?;
            wire.message().map(drop)
        });
        let names = NAMES.map(|name| name.replace("PORT", &hostile.port().to_string()));
        let client = connect(&cluster, "postgres").await;
        for name in &names {
            batch(&client, &format!("create database {}", quoted(name))).await;
            let database: tokio_postgres::Config = conninfo(&cluster, "postgres", name).parse().expect("a conninfo");
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
            let conninfo = conninfo(&cluster, "postgres", "postgres");
            let printed = answer(&mut pgtend(&[&fixed[..], &["--format", format, "-d", &conninfo]].concat()));
            assert_eq!(printed.exit, 0, "{printed:?}");
            let commands = commands_in(format, &printed.stdout);
            let reached: Vec<String> =
                commands.iter().map(|command| database_of(&cluster, command, folder.path())).collect();
            for name in &names {
                assert!(reached.contains(name), "{format}: no command leads to {name:?}: {commands:#?}");
            }
            run.extend(commands);
        }
        assert!(!folder.path().join("injected").exists(), "a name was executed");
        assert_eq!(hostile.received(), [[0_u8; 0]; 0], "a printed command connected to a host inside a name");
        say(&format!("printed commands: {} run", run.len()));
    })
    .await;
}

/// The commands with a database, as a reader of that format sees them.
fn commands_in(format: &str, output: &str) -> Vec<String> {
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
    lines.into_iter().filter(|line| line.starts_with("pgtend indexes migrate -d ")).collect()
}

/// Runs the plan of a printed command through bash, and returns the database it was made for.
fn database_of(cluster: &Cluster, command: &str, folder: &std::path::Path) -> String {
    let command = command.replace("--framework F --output DIR", "--framework sql --output out --dry-run --format json");
    let script = format!("pgtend() {{ \"$PGTEND\" \"$@\" --history none; }}; {command}");
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("PGTEND", env!("CARGO_BIN_EXE_pgtend")), ("PGPASSWORD", PASSWORD), ("PGUSER", "postgres")])
        .env("PGHOST", cluster.socket_dir())
        .env("PGPORT", cluster.port().to_string())
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{command}: {said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command}: {error}"));
    report["server"]["database"].as_str().expect("a database").to_owned()
}
