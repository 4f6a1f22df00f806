//! A plain SQL client, so that the tests do not verify pgtend with pgtend.

use std::sync::atomic::{AtomicU32, Ordering};

use pg_sandbox::Cluster;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, SimpleQueryMessage, Socket};

/// A session of the superuser in the database.
pub async fn connect_superuser(cluster: &Cluster, database: &str) -> Client {
    let mut config: Config = cluster.conninfo().parse().expect("conninfo");
    config.dbname(database);
    let (client, connection) =
        config.connect(NoTls).await.unwrap_or_else(|error| panic!("{error:?}\n{}", cluster.log()));
    tokio::spawn(connection);
    client
}

/// Runs a batch of statements.
pub async fn execute_sql(cluster: &Cluster, database: &str, batch: &str) {
    run_simple_query(cluster, database, batch).await;
}

/// Runs one batch in a separate session that has ended when this returns: stopping the server would otherwise wait for
/// a client that has not disconnected yet.
async fn run_simple_query(cluster: &Cluster, database: &str, batch: &str) -> Vec<SimpleQueryMessage> {
    let (client, connection) = open_client(cluster, database).await;
    let connection = tokio::spawn(connection);
    let answer = client.simple_query(batch).await;
    drop(client);
    let _ = connection.await;
    answer.unwrap_or_else(|error| panic!("{error:?}\nin: {batch}"))
}

async fn open_client(cluster: &Cluster, database: &str) -> (Client, Connection<Socket, NoTlsStream>) {
    let mut config: Config = cluster.conninfo().parse().expect("conninfo");
    config.dbname(database);
    config.connect(NoTls).await.unwrap_or_else(|error| panic!("{error:?}\n{}", cluster.log()))
}

/// The first column of the only row, as text; none if it is null.
pub async fn query_one_text(cluster: &Cluster, database: &str, query: &str) -> Option<String> {
    let mut rows = query_texts(cluster, database, query).await;
    assert_eq!(rows.len(), 1, "rows of: {query}");
    rows.remove(0).remove(0)
}

/// All rows, as text.
pub async fn query_texts(cluster: &Cluster, database: &str, query: &str) -> Vec<Vec<Option<String>>> {
    let answer = run_simple_query(cluster, database, query).await;
    let rows = answer.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|position| row.get(position).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

/// Creates a database, for a test that writes on a shared cluster.
pub async fn create_database(cluster: &Cluster) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    execute_sql(cluster, "postgres", &format!("create database {name}")).await;
    name
}
