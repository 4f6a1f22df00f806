//! sqlx's own migrator runs what is written for it.

use std::path::Path;

use pgtend::sandbox::Cluster;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::fingerprint::{differences, fingerprint};
use super::program::{migrate, settle};
use crate::clusters::{connect, installation, majors, options, private, query_one_text, say, sql};
use crate::indexes::script::{play, statements};

const SCHEMA: &str = include_str!("../../runners/schema.sql");
const INDEXES: [&str; 6] = [
    "users_name",
    "users; DROP TABLE users; --",
    "users_lower",
    "ünïcode ☃ idx",
    "events_id",
    "100% it's :name ? ${x} #{y} %(z)s",
];

async fn plant(cluster: &Cluster, database: &str) -> PgPool {
    sql(cluster, "postgres", &format!("create database {database}")).await;
    let client = connect(cluster, database).await;
    let failed = play(&client, &statements(SCHEMA)).await;
    assert_eq!(failed, [""; 0]);
    drop(client);
    settle(cluster, database).await;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .port(cluster.port())
        .username("postgres")
        .password(cluster.password())
        .database(database);
    PgPoolOptions::new().max_connections(1).connect_with(options).await.expect("a pool")
}

async fn migrator(folder: &Path) -> Migrator {
    Migrator::new(folder).await.expect("migrations")
}

#[tokio::test]
async fn sqlx_runs_them_there_and_back_and_through_a_lock() {
    let major = majors().keys().copied().max().expect("a major");
    let cluster = private(installation(major), options().set("autovacuum", "off").set("fsync", "off"));
    let pool = plant(&cluster, "all_of_them").await;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("migrations");
    migrate(&cluster, "all_of_them", "sqlx", &folder, &INDEXES);
    let before = fingerprint(&cluster, "all_of_them").await;
    for _ in 0..2 {
        migrator(&folder).await.run(&pool).await.unwrap();
        assert_ne!(before, fingerprint(&cluster, "all_of_them").await);
        migrator(&folder).await.undo(&pool, 0).await.unwrap();
        assert_eq!(differences(&before, &fingerprint(&cluster, "all_of_them").await), [""; 0]);
    }

    // Somebody has written to the table and not yet committed.
    let pool = plant(&cluster, "locked").await;
    let folder = root.path().join("one/migrations");
    migrate(&cluster, "locked", "sqlx", &folder, &["users_name"]);
    let before = fingerprint(&cluster, "locked").await;
    let writer = connect(&cluster, "locked").await;
    writer.batch_execute("begin; lock table shop.users in row exclusive mode").await.unwrap();
    sqlx::query("set lock_timeout = '500ms'").execute(&pool).await.unwrap();
    let error = migrator(&folder).await.run(&pool).await.unwrap_err();
    assert!(format!("{error:?}").contains("lock timeout"), "{error:?}");
    let valid = "select indisvalid::text from pg_index where indexrelid = 'shop.users_name'::regclass";
    assert_eq!(query_one_text(&cluster, "locked", valid).await.as_deref(), Some("false"));
    writer.batch_execute("commit").await.unwrap();
    // Nothing was noted as done: it is simply run again.
    migrator(&folder).await.run(&pool).await.unwrap();
    assert!(!fingerprint(&cluster, "locked").await.iter().any(|line| line.contains("users_name")));
    migrator(&folder).await.undo(&pool, 0).await.unwrap();
    assert_eq!(differences(&before, &fingerprint(&cluster, "locked").await), [""; 0]);
    say(&format!("sqlx, on {major}: there and back twice, and through a lock"));
}
