//! Stores as an older pgtend left them: reports say so and go on without, the first that writes brings them up to date.

use super::parse_address;
use super::{
    create_postgres_store, open_store,
    simulated_cluster::{MB, SimulatedCluster},
};
use crate::{
    clusters::{on_a_major_and_the_newest, shared_cluster},
    reports::{fixture_servers::role_conninfo, program::run_pgtend, scenarios::scenario_file},
};
use pgtend::history::{HistoryError, Store};
use sqlx::{
    Connection as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use std::{path::Path, time::Duration};

/// The first so many migrations of a dialect, and no more.
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

/// A cluster that was seen once, in the words of the first version.
const PRESENT_OBJECTS: &str =
    "insert into cluster (system_identifier, branch, is_standby, first_seen) values ('42', 1, false, 1000000)";

async fn sqlite_store_of_version(version: usize, path: &Path) -> String {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    first_migrations("sqlite", version).run(&mut file).await.unwrap();
    sqlx::raw_sql(PRESENT_OBJECTS).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    path.display().to_string()
}

async fn postgres_store_of_version(version: usize, major: u32) -> String {
    let url = create_postgres_store(major).await;
    let mut server = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("create schema pgtend; set search_path = pgtend").execute(&mut server).await.unwrap();
    first_migrations("postgres", version).run(&mut server).await.unwrap();
    sqlx::raw_sql(PRESENT_OBJECTS).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    url
}

/// Nobody crashes, nobody is silent, and a reader changes nothing.
async fn assert_reports_read(url: &str, version: usize) {
    let error = Store::open_to_read(&parse_address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OlderSchema { found, .. } if found == version as i64), "{error}");
    let error = Store::open_to_add(&parse_address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::OlderSchema { .. }), "{error}");
    let calm = scenario_file("calm");
    for report in ["audit", "overview", "indexes", "slots", "wal"] {
        let answer = run_pgtend(&[report, "--from", &calm, "--history", url]);
        assert_eq!(answer.exit, 0, "{report}: {answer:?}");
        for words in [&*format!("has schema version {version}, and"), "the report does without", "history record"] {
            assert!(answer.stderr.contains(words), "{report}: {answer:?}");
        }
    }
    for report in ["list", "growth", "journal"] {
        let answer = run_pgtend(&["history", report, "--history", url]);
        assert_eq!(answer.exit, 1, "{report}: {answer:?}");
        assert!(answer.stderr.contains(&format!("has schema version {version}")), "{report}: {answer:?}");
    }
}

/// What was in it is there, and it takes what the newest version has.
async fn assert_migrated(url: &str) {
    let store = open_store(url).await;
    let known = store.cluster_branches().await.unwrap();
    assert_eq!(known.iter().map(|line| line.system_identifier.as_str()).collect::<Vec<_>>(), ["42"]);
    let mut world = SimulatedCluster::new();
    let table = world.add_table("orders", MB);
    world.add_index("orders_idx", table, MB);
    world.add_slot("debezium");
    assert!(store.record(&world.snapshot()).await.unwrap().is_first);
    assert_eq!(store.samples(None).await.unwrap().len(), 1);
    assert!(store.predictions().await.unwrap().is_empty());
    store.close().await;
    let reader = Store::open_to_read(&parse_address(url), Duration::from_secs(5)).await.unwrap().expect("a store");
    assert_eq!(reader.cluster_branches().await.unwrap().len(), 2);
    reader.close().await;
}

#[tokio::test]
async fn older_version_sqlite_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    for version in 1..=3 {
        let url = sqlite_store_of_version(version, &folder.path().join(format!("{version}.db"))).await;
        assert_reports_read(&url, version).await;
        assert_migrated(&url).await;
    }
}

#[tokio::test]
async fn older_version_postgres_is_migrated() {
    on_a_major_and_the_newest(13, "stores of older versions", async |major, _| {
        for version in 1..=3 {
            let url = postgres_store_of_version(version, major).await;
            assert_reports_read(&url, version).await;
            assert_migrated(&url).await;
        }
        // The nightly check writes, and so it is who brings it up to date; an audit reads it then.
        let url = postgres_store_of_version(3, major).await;
        let server = role_conninfo(shared_cluster(major), "postgres", "postgres");
        let checked = run_pgtend(&["check", "-d", &server, "--history", &url]);
        assert!(checked.exit <= 2 && !checked.stderr.contains("schema version"), "{checked:?}");
        let audited = run_pgtend(&["audit", "-d", &server, "--history", &url, "--used-fs", "20GB"]);
        assert!(audited.exit == 0 && !audited.stderr.contains("schema version"), "{audited:?}");
    })
    .await;
}
