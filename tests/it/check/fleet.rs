//! Many targets: one that does not respond delays no other, and two concurrent runs notify once.

use super::{nightly_runs::write_config, webhook_receiver::WebhookReceiver};
use crate::{
    clusters::{execute_sql, on_a_major_and_the_newest, on_a_major_and_the_newest_shared, shared_cluster},
    reports::{
        fixture_servers::role_conninfo,
        program::{pgtend_command, report_json, run_command},
    },
};
use pg_sandbox::Cluster;
use serde_json::Value;
use std::{net::TcpListener, time::Instant};

#[tokio::test]
async fn fleet_hanging_target_delays_no_other() {
    on_a_major_and_the_newest_shared(13, "fleet with an unresponsive target", async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        // Accepts connections and never responds.
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = hanging.local_addr().unwrap().port();
        let good = role_conninfo(cluster, "postgres", "postgres").replace('\'', "");
        let text = format!(
            "[target.a]\nconninfo = \"{good}\"\n[target.b]\nconninfo = \"{good}\"\n\
             [target.gone]\nconninfo = \"host=/nonexistent user=x dbname=x\"\n\
             [target.hanging]\nconninfo = \"host=127.0.0.1 port={port} user=x dbname=x\"\n"
        );
        let config = write_config(folder.path(), &text);
        let history = folder.path().join("h.db");
        let arguments = [
            "check",
            "--all-targets",
            "--config",
            &config,
            "--history",
            history.to_str().unwrap(),
            "--jobs",
            "4",
            "--time-limit",
            "3s",
            "--format",
            "json",
        ];
        let began = Instant::now();
        let answer = run_command(&mut pgtend_command(&arguments));
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
        assert_eq!(answer.exit, 3, "{answer:?}");
        let report: Value = serde_json::from_str(&answer.stdout).unwrap();
        let status = |name: &str| {
            let targets = report["targets"].as_array().unwrap();
            targets.iter().find(|target| target["target"] == name).unwrap()["status"].clone()
        };
        assert_eq!([status("a"), status("b")], ["OK", "OK"], "{report}");
        assert_eq!([status("gone"), status("hanging")], ["UNKNOWN", "UNKNOWN"], "{report}");
        drop(hanging);
    })
    .await;
}

#[tokio::test]
async fn fleet_concurrent_runs_notify_once() {
    on_a_major_and_the_newest_shared(13, "concurrent checks", async |major, cluster| {
        let folder = tempfile::tempdir().unwrap();
        assert_notified_once(major, cluster, folder.path().join("h.db").to_str().unwrap()).await;
    })
    .await;
    on_a_major_and_the_newest(13, "concurrent checks, Postgres store", async |major, _| {
        assert_notified_once(major, shared_cluster(major), &crate::history::create_postgres_store(major).await).await;
    })
    .await;
}

async fn assert_notified_once(major: u32, cluster: &Cluster, history: &str) {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), WebhookReceiver::with_statuses(&[]));
    let name = crate::clusters::create_database(cluster).await;
    execute_sql(cluster, &name, "create table t (n int); insert into t values (1), (1)").await;
    let client = crate::clusters::connect_superuser(cluster, &name).await;
    assert!(client.simple_query("create unique index concurrently broken on t (n)").await.is_err());
    let config = write_config(folder.path(), "[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n");
    let conninfo = role_conninfo(cluster, "postgres", &name);
    let arguments = ["check", "-d", &conninfo, "--config", &config, "--history", history, "--only", "invalid-index"];
    let url = inbox.url("/");
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pgtend"));
            command.env_clear().env("HOME", "/nonexistent").env("HOOK", &url).args(arguments);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "on {major}: {output:?}");
    }
    let requests = inbox.take_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].1.contains("broken"), "{requests:?}");
    execute_sql(cluster, &name, "drop index broken").await;
    let recovered = run_command(pgtend_command(&arguments).env("HOOK", &url));
    assert_eq!(recovered.exit, 0, "{recovered:?}");
    assert!(inbox.take_requests().pop().is_some_and(|(_, body)| body.contains("RECOVERED invalid-index")));
}

#[tokio::test]
async fn fleet_server_facts_are_collected_once() {
    on_a_major_and_the_newest_shared(13, "fleet on one server", async |major, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(crate::clusters::create_database(cluster).await);
        }
        let targets = names.iter().map(|name| {
            let conninfo = role_conninfo(cluster, "postgres", name).replace('\'', "");
            format!("[target.{name}]\nconninfo = \"{conninfo}\"\n")
        });
        let config = write_config(folder.path(), &targets.collect::<String>());
        let history = folder.path().join("h.db");
        let history = history.to_str().unwrap();
        for run in 1..=2 {
            let arguments = ["check", "--all-targets", "--config", &config, "--history", history, "--jobs", "4", "-vv"];
            let answer = run_command(&mut pgtend_command(&arguments));
            assert!(answer.stdout.contains("4 targets: "), "{answer:?}");
            // Findings about the whole server are shown under one target only.
            for check in ["version", "unsafe-settings"] {
                let is_finding = |line: &&str| line.contains(&format!("WARNING {check}: "));
                let findings: Vec<&str> = answer.stdout.lines().filter(is_finding).collect();
                let once: std::collections::BTreeSet<&str> = findings.iter().copied().collect();
                let heading = if findings.is_empty() { "" } else { "Only findings that are listed above: " };
                let is_once = findings.len() == once.len() && answer.stdout.contains(heading);
                assert!(is_once, "{check} on {major}: {}", answer.stdout);
            }
            let listed = answer.stderr.matches("databases read: ").count();
            assert_eq!(listed, 1, "on {major}: {}", answer.stderr);
            assert!(!answer.stderr.contains("tablespaces read"), "{}", answer.stderr);
            let samples = report_json(&["history", "list", "--history", history]);
            let samples = samples["samples"].as_array().unwrap().clone();
            assert_eq!(samples.len(), run, "{samples:?}");
            assert!(samples.iter().all(|sample| sample["databases_read"] == 4), "{samples:?}");
        }
        for name in &names {
            execute_sql(cluster, "postgres", &format!("drop database {name}")).await;
        }
    })
    .await;
}
