//! The history store and the journal, on SQLite and on Postgres.

mod concurrent_targets;
mod connection;
mod copies;
mod journal;
mod older_versions;
mod one_year;
mod ownership;
mod predictions;
mod processes;
mod program;
mod reports;
mod round_trips;
mod scale;
mod simulated_cluster;
mod store;

use crate::clusters::{
    create_database, every_major_wanted, is_short_run, majors, on_installations, print_stderr, shared_cluster,
};
use pgtend::history::{Store, StoreAddress, StoreName};
use pgtend::postgres::conninfo::Environment;
use std::path::Path;

/// Runs a test on a new SQLite store and on a new Postgres store of the oldest selected major, which has the fewest
/// features: the store's SQL is the same on all majors. Tests of connections and of older stores run on the newest,
/// too.
pub async fn on_both_dialects(name: &str, test: impl AsyncFn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join("history.db").display().to_string()).await;
    print_stderr(&format!("{name}: ran on SQLite"));
    let oldest = majors().iter().find(|(_, found)| found.is_ok()).map(|(major, _)| *major);
    let is_wanted = |major| every_major_wanted() || Some(major) == oldest;
    on_installations(name, is_wanted, async |major, _| test(&create_postgres_store(major).await).await).await;
}

/// The same for a long test: only on SQLite in a short run.
pub async fn on_both_dialects_long(name: &str, test: impl AsyncFn(&str)) {
    if is_short_run() {
        let folder = tempfile::tempdir().unwrap();
        test(&folder.path().join("history.db").display().to_string()).await;
        return print_stderr(&format!("{name}: ran on SQLite; PGTEND_TEST_MAJORS=all runs it on Postgres, too"));
    }
    on_both_dialects(name, test).await;
}

/// A database for a store, on the shared cluster of a major.
pub async fn create_postgres_store(major: u32) -> String {
    let cluster = shared_cluster(major);
    let database = create_database(cluster).await;
    let mut parts = std::collections::HashMap::new();
    for part in cluster.conninfo().split_whitespace() {
        let (key, value) = part.split_once('=').unwrap();
        parts.insert(key.to_owned(), value.trim_matches('\'').to_owned());
    }
    let host = parts["host"].replace('/', "%2F");
    let port = parts.get("port").map_or("5432", String::as_str);
    let user = parts.get("user").map_or("postgres", String::as_str);
    format!("postgresql://{user}@{host}:{port}/{database}")
}

/// Resolves a path, URI or conninfo without a home directory and without environment variables.
pub fn parse_address(text: &(impl AsRef<Path> + ?Sized)) -> StoreAddress {
    let text = text.as_ref().to_str().expect("UTF-8");
    let environment = Environment { os_user: Some("postgres".to_owned()), ..Environment::default() };
    StoreName::parse(text).and_then(|name| name.resolve(&environment)).unwrap_or_else(|error| panic!("{error}")).0
}

pub async fn open_store(url: &str) -> Store {
    Store::open(&parse_address(url)).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}
