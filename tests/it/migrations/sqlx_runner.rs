//! sqlx's own migrator runs the migrations written for it.

use std::path::Path;

use pg_sandbox::Cluster;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::fingerprint::{differences, fingerprint};
use super::program::{wait_until_counted, write_migrations};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, newest_installation, print_stderr, private_cluster, query_one_text,
};
use crate::indexes::script::{run_statements, split_statements};

const SCHEMA: &str = include_str!("../../runners/schema.sql");
const INDEXES: [&str; 6] = [
    "users_name",
    "users; DROP TABLE users; --",
    "users_lower",
    "ünïcode ☃ idx",
    "events_id",
    "100% it's :name ? ${x} #{y} %(z)s",
];

async fn create_schema(cluster: &Cluster, database: &str) -> PgPool {
    execute_sql(cluster, "postgres", &format!("create database {database}")).await;
    let client = connect_superuser(cluster, database).await;
    let failed = run_statements(&client, &split_statements(SCHEMA)).await;
    assert_eq!(failed, [""; 0]);
    drop(client);
    wait_until_counted(cluster, database).await;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .port(cluster.port())
        .username("postgres")
        .password(cluster.password())
        .database(database);
    PgPoolOptions::new().max_connections(1).connect_with(options).await.expect("a pool")
}

async fn load_migrator(folder: &Path) -> Migrator {
    Migrator::new(folder).await.expect("migrations")
}

#[tokio::test]
async fn sqlx_runs_up_down_and_waits_for_a_lock() {
    let installation = newest_installation();
    let cluster =
        private_cluster(installation, cluster_options().with_setting("autovacuum", "off").with_setting("fsync", "off"));
    let pool = create_schema(&cluster, "all_of_them").await;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("migrations");
    write_migrations(&cluster, "all_of_them", "sqlx", &folder, &INDEXES);
    let before = fingerprint(&cluster, "all_of_them").await;
    for _ in 0..2 {
        load_migrator(&folder).await.run(&pool).await.unwrap();
        assert_ne!(before, fingerprint(&cluster, "all_of_them").await);
        load_migrator(&folder).await.undo(&pool, 0).await.unwrap();
        assert_eq!(differences(&before, &fingerprint(&cluster, "all_of_them").await), [""; 0]);
    }

    // Another transaction has written to the table and is not yet committed.
    let pool = create_schema(&cluster, "locked").await;
    let folder = root.path().join("one/migrations");
    write_migrations(&cluster, "locked", "sqlx", &folder, &["users_name"]);
    let before = fingerprint(&cluster, "locked").await;
    let writer = connect_superuser(&cluster, "locked").await;
    writer.batch_execute("begin; lock table shop.users in row exclusive mode").await.unwrap();
    sqlx::query("set lock_timeout = '500ms'").execute(&pool).await.unwrap();
    let error = load_migrator(&folder).await.run(&pool).await.unwrap_err();
    assert!(format!("{error:?}").contains("lock timeout"), "{error:?}");
    let valid = "select indisvalid::text from pg_index where indexrelid = 'shop.users_name'::regclass";
    assert_eq!(query_one_text(&cluster, "locked", valid).await.as_deref(), Some("false"));
    writer.batch_execute("commit").await.unwrap();
    // Nothing was recorded as done: the migration is run again.
    load_migrator(&folder).await.run(&pool).await.unwrap();
    assert!(!fingerprint(&cluster, "locked").await.iter().any(|line| line.contains("users_name")));
    load_migrator(&folder).await.undo(&pool, 0).await.unwrap();
    assert_eq!(differences(&before, &fingerprint(&cluster, "locked").await), [""; 0]);
    print_stderr(&format!("sqlx, on {}: up and down twice, and with a lock", installation.major));
}
