//! The pages of the checks: the commands on them work as written, and so do the commands that findings recommend.

use super::check_report::run_check;
use crate::{
    clusters::{
        cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_installation,
        on_every_major_alone, on_the_newest, private_cluster, query_one_text,
    },
    reports::{
        fixture_servers::role_conninfo,
        program::{pgtend_command, run_command},
    },
};
use pg_sandbox::{Cluster, StandbyOptions};
use pgtend::checks::CHECKS;

/// Returns the commands of a page or an advice: code spans, and the lines of code blocks.
fn commands_in_page(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parts = text.split("```");
    while let Some(prose) = parts.next() {
        found.extend(
            prose.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")),
        );
        let block = parts.next().unwrap_or_default();
        found.extend(block.lines().skip(1).map(str::to_owned));
    }
    found.retain(|command| is_sql(command) || command.starts_with("pgtend "));
    found
}

fn is_sql(text: &str) -> bool {
    let verbs = [
        "ALTER",
        "ANALYZE",
        "COMMIT PREPARED",
        "CREATE",
        "DROP",
        "REINDEX",
        "ROLLBACK PREPARED",
        "SELECT",
        "SET",
        "SHOW",
        "VACUUM",
    ];
    // `CREATE INDEX CONCURRENTLY` and `DROP INDEX CONCURRENTLY` alone name the statement.
    let is_whole = !text.ends_with("CONCURRENTLY");
    let upper = text.to_uppercase();
    is_whole && verbs.iter().any(|verb| text == *verb || upper.starts_with(&format!("{verb} ")))
}

/// Everything that the pages' placeholders stand for.
const PLACEHOLDER_OBJECTS: &[&str] = &[
    "create role your_role",
    "create table your_table (your_column int)",
    "create index your_index on your_table (your_column)",
    "create sequence your_sequence as int",
    "select pg_create_logical_replication_slot('your_slot', 'test_decoding')",
    "insert into pg_replication_origin values (77, 'ORIGIN')",
];

/// Statements that must run before a statement that removes an object.
fn setup_statements(command: &str) -> Vec<&'static str> {
    if command.contains("PREPARED") {
        vec!["begin; select txid_current(); prepare transaction 'GID'"]
    } else if command.contains("your_subscription") {
        vec![
            "create subscription your_subscription connection 'dbname=none' publication p with (connect = false, slot_name = 'gone')",
        ]
    } else if command.contains("bt_index_check") {
        vec![
            "create extension if not exists amcheck",
            "create index if not exists your_index on your_table (your_column)",
        ]
    } else if command.contains("your_index") {
        vec!["create index if not exists your_index on your_table (your_column)"]
    } else {
        Vec::new()
    }
}

fn cleanup_statements(command: &str) -> Vec<&'static str> {
    match command {
        command if command.contains("your_subscription") => vec![
            "alter subscription your_subscription disable",
            "alter subscription your_subscription set (slot_name = none)",
            "drop subscription your_subscription",
        ],
        command if command.starts_with("ALTER SYSTEM") => vec!["alter system reset all"],
        _ => Vec::new(),
    }
}

async fn assert_command_runs(cluster: &Cluster, page: &str, command: &str, major: u32) {
    let idler = connect_superuser(cluster, "postgres").await;
    let pid: i32 = idler.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let client = connect_superuser(cluster, "postgres").await;
    for statement in setup_statements(command) {
        client
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{page} on {major}: {error:?}: {statement}"));
    }
    let statement = command.replace("PID", &pid.to_string());
    let ran = client.simple_query(&statement).await;
    // Only a subscription without a slot can be dropped without its publisher.
    let wants_a_publisher = command.starts_with("DROP SUBSCRIPTION");
    assert!(ran.is_ok() || wants_a_publisher, "{page} on {major}: {ran:?}: {statement}");
    if wants_a_publisher {
        let code = ran.err().and_then(|error| error.code().map(|code| code.code().to_owned()));
        // 13 has no separate SQLSTATE for this.
        let missing = if major < 14 { "XX000" } else { "08006" };
        assert_eq!(code.as_deref(), Some(missing), "{page} on {major}: only the publisher is missing");
    }
    for statement in cleanup_statements(command) {
        client
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{page} on {major}: {error:?}: {statement}"));
    }
}

#[tokio::test]
async fn pages_statements_run() {
    let options = cluster_options().with_setting("wal_level", "logical").with_setting("max_prepared_transactions", "5");
    on_every_major_alone("statements of the pages", options, async |major, cluster| {
        for statement in PLACEHOLDER_OBJECTS {
            execute_sql(&cluster, "postgres", statement).await;
        }
        let mut count = 0;
        for check in CHECKS {
            for command in commands_in_page(check.page).iter().filter(|command| is_sql(command)) {
                if needs_a_standby(command) || major < oldest_major(command) {
                    continue;
                }
                assert_command_runs(&cluster, check.name, command, major).await;
                count += 1;
            }
        }
        assert!(count > 40, "only {count} statements were found");
    })
    .await;
}

/// The oldest major that has what the command names; its page says so.
fn oldest_major(command: &str) -> u32 {
    let since = [
        ("pg_get_wal_replay_pause_state", 14),
        ("pg_log_standby_snapshot", 16),
        ("sync_replication_slots", 17),
        ("WHERE synced", 17),
    ];
    since.iter().filter(|(name, _)| command.contains(name)).map(|(_, major)| *major).max().unwrap_or(13)
}

fn needs_a_standby(command: &str) -> bool {
    command.contains("pg_wal_replay") || command.contains("pg_get_wal_replay")
}

#[tokio::test]
async fn pages_standby_statements_run() {
    on_every_installation("statements for a standby", async |major, installation| {
        let mut primary = private_cluster(installation, cluster_options());
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        let client = connect_superuser(&standby, "postgres").await;
        client.batch_execute("select pg_wal_replay_pause()").await.unwrap();
        let page = CHECKS.iter().find(|check| check.name == "replication-lag").unwrap().page;
        let commands = commands_in_page(page);
        let these: Vec<&String> = commands.iter().filter(|command| is_sql(command)).collect();
        assert!(these.iter().any(|command| needs_a_standby(command)));
        for command in these.into_iter().filter(|command| major >= 14 || !command.contains("pause_state")) {
            client.batch_execute(command).await.unwrap_or_else(|error| panic!("{error:?}: {command}"));
        }
    })
    .await;
}

#[tokio::test]
async fn pages_pgtend_commands_exist() {
    on_the_newest("commands of the pages", async |_, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("wal_level", "logical"));
        for statement in PLACEHOLDER_OBJECTS {
            execute_sql(&cluster, "postgres", statement).await;
        }
        let conninfo = role_conninfo(&cluster, "postgres", "postgres");
        let mut commands: Vec<String> = CHECKS.iter().flat_map(|check| commands_in_page(check.page)).collect();
        commands.retain(|command| !is_sql(command));
        commands.sort();
        commands.dedup();
        assert!(commands.len() > 10, "{commands:?}");
        for command in commands {
            let mut words: Vec<&str> = command.split(' ').skip(1).collect();
            let help = run_command(&mut pgtend_command(&[&words[..], &["--help"]].concat()));
            assert_eq!(help.exit, 0, "{command}: {help:?}");
            // These write files or need no server.
            if matches!(words[..], ["indexes", "migrate", ..] | ["explain", ..] | ["history", ..] | ["audit", ..]) {
                continue;
            }
            if words.starts_with(&["slots", "drop"]) {
                words.extend(["--dry-run", "--allow-unproven"]);
            }
            if command.contains("--exact-bloat") {
                execute_sql(&cluster, "postgres", "create extension if not exists pgstattuple").await;
            }
            let ran = run_command(&mut pgtend_command(&[&words[..], &["-d", &conninfo, "--history", "none"]].concat()));
            assert!(ran.exit == 0 || ran.exit == 1 && words[0] == "check", "{command}: {ran:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_advised_commands_run() {
    let options = cluster_options()
        .with_setting("max_prepared_transactions", "5")
        .with_setting("autovacuum", "off")
        .with_setting("wal_level", "logical");
    on_a_major_and_the_newest_alone(13, "commands of findings", options, async |major, cluster| {
        for statement in [
            "create table \"Mixed Case\" (n int)",
            "insert into \"Mixed Case\" values (1), (1)",
            "insert into pg_replication_origin values (77, 'pg_4711')",
            "create subscription \"Idle one\" connection 'dbname=none' publication p with (connect = false, slot_name = 'gone')",
        ] {
            execute_sql(&cluster, "postgres", statement).await;
        }
        execute_sql(&cluster, "postgres", "begin; create table p (); prepare transaction 'it''s'").await;
        let client = connect_superuser(&cluster, "postgres").await;
        assert!(client.simple_query("create unique index concurrently \"Broken\" on \"Mixed Case\" (n)").await.is_err());
        execute_sql(&cluster, "postgres", "delete from \"Mixed Case\"; insert into \"Mixed Case\" values (1)").await;
        let folder = tempfile::tempdir().unwrap();
        let text = "[check.prepared-transactions]\nwarning = \"0s\"\n[check.connections]\nwarning = \"0%\"\n";
        let config = super::nightly_runs::write_config(folder.path(), text);
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none", "--config", &config]);
        let mut ran = Vec::new();
        for finding in report["findings"].as_array().unwrap() {
            let advice = commands_in_page(finding["advice"].as_str().unwrap_or_default());
            for command in advice.iter().filter(|command| is_sql(command)) {
                let done = client.simple_query(command).await;
                assert!(done.is_ok(), "{} on {major}: {done:?}: {command}", finding["check"]);
                ran.push(command.clone());
            }
        }
        assert!(ran.len() > 7, "{ran:?}");
        for what in ["Broken", "it''s", "Idle one", "pg_4711", "pg_stat_activity", "ALTER SYSTEM SET"] {
            assert!(ran.iter().any(|command| command.contains(what)), "{what} on {major}: {ran:?}");
        }
        let left = "select count(*)::text from pg_prepared_xacts";
        assert_eq!(query_one_text(&cluster, "postgres", left).await.as_deref(), Some("0"));
    })
    .await;
}
