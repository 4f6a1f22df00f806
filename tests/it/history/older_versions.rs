//! Stores of an older schema version: reports name the version and do not use the history; the first command that
//! writes migrates the store. Newer and half-migrated stores are refused.

use super::parse_address;
use super::{
    create_postgres_store, on_both_dialects, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use crate::{
    clusters::{on_a_major_and_the_newest, sample_cases, shared_cluster},
    reports::{fixture_servers::role_conninfo, program::run_pgtend, scenarios::scenario_file},
};
use pgtend::facts::history::MeasuredQuantity;
use pgtend::history::{HistoryError, Store};
use sqlx::{
    Connection as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use std::{path::Path, time::Duration};

/// Returns the first `versions` migrations of a dialect.
fn first_migrations(dialect: &str, versions: usize) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let migrations = files.iter().take(versions).map(|file| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (version, description) = name.split_once('_').unwrap();
        let text = sqlx::AssertSqlSafe(std::fs::read_to_string(file).unwrap()).into_sql_str();
        let (version, description) = (version.parse().unwrap(), description.replace('_', " "));
        Migration::new(version, description.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}

const NEWEST_VERSION: usize = 5;

/// Rows of the tables of the first version: a cluster and a completed journal entry.
const FIRST_VERSION_ROWS: &str = "insert into cluster (system_identifier, branch, is_standby, first_seen) \
     values ('42', 1, false, 1000000); \
     insert into deed (system_identifier, server, database_name, role_name, kind, subject, statement, seen, gauge, \
     gauge_database, before_bytes, begun_at, finished_at, outcome) \
     values ('42', 'db1:5432', 'shop', 'dba', 'drop_slot', 'debezium', 'select 1', '{}', 'database', 'shop', 7, 1, 2, 'done')";

/// Rows of the tables of the second version: a finding of the nightly check that was sent to one recipient.
const SECOND_VERSION_ROWS: &str = "insert into watched (place, checked_at, claimed_until) values ('prod', 1000000, 0); \
     insert into finding (place, finding_id, check_name, class, subject, level, message, since) \
     values ('prod', 'lost-slot:debezium', 'lost-slot', 'alert', 'debezium', 'critical', '[]', 1000000); \
     insert into told (place, finding_id, recipient, told_at, level) \
     values ('prod', 'lost-slot:debezium', 'team', 2000000, 'warning')";

/// Rows of the table of the fourth version.
const FOURTH_VERSION_ROWS: &str = "insert into prediction (system_identifier, server, made_at, way, gauge, \
     gauge_database, now_bytes, bytes, low_bytes, high_bytes) \
     values ('42', 'db1:5432', 1000000, 'dump_restore', 'database', 'shop', 10, 5, 4, 6)";

/// Returns the rows that a store of this version may contain.
fn rows_of_version(version: usize) -> String {
    let rows = [(1, FIRST_VERSION_ROWS), (2, SECOND_VERSION_ROWS), (4, FOURTH_VERSION_ROWS)];
    rows.iter().filter(|(since, _)| *since <= version).map(|(_, rows)| format!("{rows};")).collect()
}

async fn sqlite_store_of_version(version: usize, path: &Path) -> String {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    first_migrations("sqlite", version).run(&mut file).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows_of_version(version))).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    path.display().to_string()
}

async fn postgres_store_of_version(version: usize, major: u32) -> String {
    let url = create_postgres_store(major).await;
    let mut server = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("create schema pgtend; set search_path = pgtend").execute(&mut server).await.unwrap();
    first_migrations("postgres", version).run(&mut server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows_of_version(version))).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    url
}

fn shop() -> MeasuredQuantity {
    MeasuredQuantity::Database("shop".to_owned())
}

/// Asserts that no report crashes, all print the message, and none changes the store.
async fn assert_reports_read(url: &str, version: usize) {
    let error = Store::open_to_read(&parse_address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OlderSchema { found, .. } if found == version as i64), "{error}");
    let error = Store::open_to_add(&parse_address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OlderSchema { .. }), "{error}");
    let calm = scenario_file("calm");
    for report in ["audit", "overview", "indexes", "slots", "wal"] {
        let answer = run_pgtend(&[report, "--from", &calm, "--history", url]);
        assert_eq!(answer.exit, 0, "{report}: {answer:?}");
        for words in
            [&*format!("has schema version {version}, but"), "the report continues without history", "history record"]
        {
            assert!(answer.stderr.contains(words), "{report}: {answer:?}");
        }
    }
    for report in ["list", "growth", "journal"] {
        let answer = run_pgtend(&["history", report, "--history", url]);
        assert_eq!(answer.exit, 1, "{report}: {answer:?}");
        assert!(answer.stderr.contains(&format!("has schema version {version}")), "{report}: {answer:?}");
    }
}

/// Asserts that the store has its old rows and accepts data of the newest version.
async fn assert_migrated(url: &str, version: usize) {
    let store = open_store(url).await;
    let entries = store.journal_entries().await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.intent.before_bytes, entry.intent.quantity.clone()), (Some(7), Some(shop())), "{entry:?}");
    let state = store.check_state("prod").await.unwrap();
    assert_eq!((state.findings.len(), state.notified.len()), if version < 2 { (0, 0) } else { (1, 1) }, "{state:?}");
    if let Some(notified) = state.notified.first() {
        assert_eq!((notified.recipient.as_str(), notified.at.as_second()), ("team", 2), "{state:?}");
    }
    let predictions = store.predictions().await.unwrap();
    let methods: Vec<_> = predictions.iter().map(|tracked| tracked.prediction.method.as_deref()).collect();
    assert_eq!(methods, if version < 4 { vec![] } else { vec![Some("dump_restore")] });
    let known = store.cluster_branches().await.unwrap();
    assert_eq!(known.iter().map(|line| line.system_identifier.as_str()).collect::<Vec<_>>(), ["42"]);
    let mut world = SimulatedCluster::new();
    let table = world.add_table("orders", MB);
    world.add_index("orders_idx", table, MB);
    world.add_slot("debezium");
    assert!(store.record(&world.snapshot()).await.unwrap().is_first);
    assert_eq!(store.samples(None).await.unwrap().len(), 1);
    store.close().await;
    let reader = Store::open_to_read(&parse_address(url), Duration::from_secs(5)).await.unwrap().expect("a store");
    assert_eq!(reader.cluster_branches().await.unwrap().len(), 2);
    reader.close().await;
}

#[tokio::test]
async fn older_version_sqlite_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    for version in 1..NEWEST_VERSION {
        let url = sqlite_store_of_version(version, &folder.path().join(format!("{version}.db"))).await;
        assert_reports_read(&url, version).await;
        assert_migrated(&url, version).await;
    }
}

#[tokio::test]
async fn older_version_postgres_is_migrated() {
    on_a_major_and_the_newest(13, "stores of older versions", async |major, _| {
        for version in sample_cases("stores of older versions", 1..NEWEST_VERSION, 3) {
            let url = postgres_store_of_version(version, major).await;
            assert_reports_read(&url, version).await;
            assert_migrated(&url, version).await;
        }
        // The nightly check writes, so it migrates the store; an audit reads it afterwards.
        let url = postgres_store_of_version(3, major).await;
        let server = role_conninfo(shared_cluster(major), "postgres", "postgres");
        let checked = run_pgtend(&["check", "-d", &server, "--history", &url]);
        assert!(checked.exit <= 2 && !checked.stderr.contains("schema version"), "{checked:?}");
        let audited = run_pgtend(&["audit", "-d", &server, "--history", &url, "--used-fs", "20GB"]);
        assert!(audited.exit == 0 && !audited.stderr.contains("schema version"), "{audited:?}");
    })
    .await;
}

/// Executes one statement on a store of either dialect.
async fn execute_on_store(url: &str, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    if url.starts_with("postgresql:") {
        let mut server = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql("set search_path = pgtend").execute(&mut server).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut server).await.unwrap();
        server.close().await.unwrap();
    } else {
        let mut file = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    }
}

/// Damages a store, and asserts that every command names the problem and the remedy.
async fn assert_store_is_refused(url: &str, statement: &str, is_expected: fn(&HistoryError) -> bool, message: &str) {
    execute_on_store(url, statement).await;
    let error = Store::open(&parse_address(url)).await.unwrap_err();
    assert!(is_expected(&error) && error.to_string().contains(message), "{statement}: {error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("another")), "{statement}: {error}");
    let error = Store::open_to_read(&parse_address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(is_expected(&error) || matches!(error, HistoryError::OlderSchema { .. }), "{statement}: {error}");
    let calm = scenario_file("calm");
    for (arguments, exit) in [
        (&["history", "record", "--from", &calm][..], 1),
        (&["history", "list"], 1),
        (&["overview", "--from", &calm], 0),
        (&["check", "--from", &calm], 3),
    ] {
        let answer = run_pgtend(&[arguments, &["--history", url]].concat());
        assert_eq!(answer.exit, exit, "{statement}: {arguments:?}: {answer:?}");
        let output = format!("{}{}", answer.stdout, answer.stderr);
        assert!(
            output.contains(message) || output.contains("has schema version"),
            "{statement}: {arguments:?}: {output}"
        );
    }
}

#[tokio::test]
async fn newer_or_half_migrated_store_is_refused() {
    let half_migrated = |error: &HistoryError| matches!(error, HistoryError::HalfMigrated { .. });
    let newer = |error: &HistoryError| matches!(error, HistoryError::NewerSchema { .. });
    on_both_dialects("newer and half-migrated stores", async |url| {
        open_store(url).await.close().await;
        let failed = "update _sqlx_migrations set success = false where version = 5";
        assert_store_is_refused(url, failed, half_migrated, "of 5 migrations, 4 are recorded as complete").await;
        let missing = "update _sqlx_migrations set success = true; delete from _sqlx_migrations where version = 3";
        assert_store_is_refused(url, missing, half_migrated, "of 5 migrations, 4 are recorded as complete").await;
        // The tables of version 5, recorded as version 2.
        let behind = "delete from _sqlx_migrations where version > 2";
        assert_store_is_refused(url, behind, half_migrated, "is incomplete: ").await;
        let ahead = "update _sqlx_migrations set version = 9 where version = 2";
        assert_store_is_refused(url, ahead, newer, "has schema version 9").await;
    })
    .await;
}
