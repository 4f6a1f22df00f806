//! Stores as an older pgtend left them: reports say so and go on without, the first that writes brings them up to date.

use super::address;
use super::{
    open, postgres_url,
    world::{MB, World},
};
use crate::{
    clusters::{on_a_major_and_the_newest, shared},
    reports::{program::run, stories::story, zoo::conninfo},
};
use pgtend::history::{HistoryError, Store};
use sqlx::{
    Connection as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use std::{path::Path, time::Duration};

/// The first so many migrations of a dialect, and no more.
fn first(dialect: &str, versions: usize) -> Migrator {
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
const SEEN: &str =
    "insert into cluster (system_identifier, branch, is_standby, first_seen) values ('42', 1, false, 1000000)";

async fn file_of(version: usize, path: &Path) -> String {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    first("sqlite", version).run(&mut file).await.unwrap();
    sqlx::raw_sql(SEEN).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    path.display().to_string()
}

async fn server_of(version: usize, major: u32) -> String {
    let url = postgres_url(major).await;
    let mut server = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("create schema pgtend; set search_path = pgtend").execute(&mut server).await.unwrap();
    first("postgres", version).run(&mut server).await.unwrap();
    sqlx::raw_sql(SEEN).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    url
}

/// Nobody crashes, nobody is silent, and a reader changes nothing.
async fn read_by_reports(url: &str, version: usize) {
    let error = Store::open_to_read(&address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::Older { found, .. } if found == version as i64), "{error}");
    let error = Store::open_to_add(&address(url), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, HistoryError::Older { .. }), "{error}");
    let calm = story("calm");
    for report in ["audit", "overview", "indexes", "slots", "wal"] {
        let answer = run(&[report, "--from", &calm, "--history", url]);
        assert_eq!(answer.exit, 0, "{report}: {answer:?}");
        for words in [&*format!("has schema version {version}, and"), "the report does without", "history record"] {
            assert!(answer.stderr.contains(words), "{report}: {answer:?}");
        }
    }
    for report in ["list", "growth", "journal"] {
        let answer = run(&["history", report, "--history", url]);
        assert_eq!(answer.exit, 1, "{report}: {answer:?}");
        assert!(answer.stderr.contains(&format!("has schema version {version}")), "{report}: {answer:?}");
    }
}

/// What was in it is there, and it takes what the newest version has.
async fn brought_up_to_date(url: &str) {
    let store = open(url).await;
    let known = store.lineages().await.unwrap();
    assert_eq!(known.iter().map(|line| line.system_identifier.as_str()).collect::<Vec<_>>(), ["42"]);
    let mut world = World::new();
    let table = world.add_table("orders", MB);
    world.add_index("orders_idx", table, MB);
    world.add_slot("debezium");
    assert!(store.record(&world.snapshot()).await.unwrap().is_first);
    assert_eq!(store.samples(None).await.unwrap().len(), 1);
    assert!(store.predictions().await.unwrap().is_empty());
    store.close().await;
    let reader = Store::open_to_read(&address(url), Duration::from_secs(5)).await.unwrap().expect("a store");
    assert_eq!(reader.lineages().await.unwrap().len(), 2);
    reader.close().await;
}

#[tokio::test]
async fn a_file_of_each_older_version() {
    let folder = tempfile::tempdir().unwrap();
    for version in 1..=3 {
        let url = file_of(version, &folder.path().join(format!("{version}.db"))).await;
        read_by_reports(&url, version).await;
        brought_up_to_date(&url).await;
    }
}

#[tokio::test]
async fn a_server_of_each_older_version() {
    on_a_major_and_the_newest(13, "stores of older versions", async |major, _| {
        for version in 1..=3 {
            let url = server_of(version, major).await;
            read_by_reports(&url, version).await;
            brought_up_to_date(&url).await;
        }
        // The nightly check writes, and so it is who brings it up to date; an audit reads it then.
        let url = server_of(3, major).await;
        let server = conninfo(shared(major), "postgres", "postgres");
        let checked = run(&["check", "-d", &server, "--history", &url]);
        assert!(checked.exit <= 2 && !checked.stderr.contains("schema version"), "{checked:?}");
        let audited = run(&["audit", "-d", &server, "--history", &url, "--used-fs", "20GB"]);
        assert!(audited.exit == 0 && !audited.stderr.contains("schema version"), "{audited:?}");
    })
    .await;
}
