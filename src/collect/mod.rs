//! Collects a [`Snapshot`] over a session: the facts, and the round trip in which each is read.

mod bloat;
mod catalog_facts;
mod cluster;
mod comparisons;
mod connection_budget;
mod copy_size;
mod database_size;
mod database_snapshot;
mod definitions;
mod disk;
mod fetch;
mod index_ddl;
mod measure;
mod other_databases;
pub mod queries;
mod recheck;
mod relations;
mod replica;
mod scope;
mod sequence_use;
mod sizes;
mod top_n;

pub use connection_budget::ConnectionBudget;
pub use index_ddl::read_index_ddl;
pub use recheck::{
    Backend, ServerRecheck, SlotRecheck, read_own_backends, read_wal_directory, recheck_server, recheck_slots,
};
pub use replica::collect_replica;
pub use scope::{BloatFilter, DatabaseSelection, Definitions, MAX_DEFINITIONS, MAX_FULL_SCANS, MAX_STATISTICS, Scope};

use crate::facts::{Database, Fact, FactGroup, Server, Snapshot, WalPosition};
use crate::postgres::{Session, SessionError};
use catalog_facts::collect_catalog_facts;
use jiff::Timestamp;
use std::time::Duration;

/// Why a snapshot could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The session could not be opened, or ended.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The identity of the server could not be read, with the reason.
    #[error("cannot read the identity of the server: {0}")]
    NoIdentity(String),
}

/// Collects a snapshot: one round trip for the facts, and at most two more for sizes, statistics and definitions.
pub async fn collect_snapshot(session: &Session, scope: &Scope) -> Result<Snapshot, CollectError> {
    let reads_connected = scope.database_selection.includes_connected(session.dbname());
    let connected_scope = if reads_connected { scope } else { &Scope::default() };
    let (cluster, first) = session
        .run_round(Box::pin(async { tokio::join!(biased; cluster::collect_cluster(session, scope), collect_catalog_facts(session, connected_scope)) }))
        .await?;
    let (mut snapshot, data_directory) = cluster?;
    snapshot.disk = disk::read_host_disk(session, &snapshot.server, snapshot.control.known(), data_directory);
    let connected = snapshot.server.database.clone();
    if scope.facts.contains(FactGroup::Relations) && reads_connected {
        let connected_database = database_snapshot::collect_database(session, scope, connected.clone(), first);
        snapshot.database_snapshots.push(Box::pin(connected_database).await?);
    }
    let connected_names: &[&str] = if reads_connected { &[&connected, session.dbname()] } else { &[] };
    let other_databases =
        other_databases::collect_other_databases(session, scope, &snapshot.databases, connected_names);
    let (read, skipped) = Box::pin(other_databases).await;
    snapshot.database_snapshots.extend(read);
    snapshot.skipped.extend(skipped);
    snapshot.database_snapshots.sort_by(|a, b| a.database.cmp(&b.database));
    snapshot.remove_useless_hints();
    Ok(snapshot)
}

/// The databases of a server, for collecting a snapshot of each.
#[derive(Clone, Debug)]
pub struct DatabaseList {
    /// `pg_postmaster_start_time()`: distinguishes the server from another at the same address.
    pub started_at: Timestamp,
    /// The rows of `pg_database`, with their statistics.
    pub databases: Fact<Vec<Database>>,
}

/// Reads the databases only. The server opens each of their files to compute the sizes.
pub async fn list_databases(session: &Session) -> Result<DatabaseList, CollectError> {
    let statements = async {
        tokio::join!(biased;
            fetch::json_row::<Server>(session, &queries::SERVER),
            fetch::json_rows(session, &queries::DATABASES),
        )
    };
    match session.run_round(Box::pin(statements)).await? {
        (Fact::Known(server), databases) => Ok(DatabaseList { started_at: server.started_at, databases }),
        (Fact::Unavailable(why), _) => Err(CollectError::NoIdentity(why.reason)),
    }
}

/// Reads the WAL position after `wait`. No transaction is open during the wait.
pub async fn read_wal_position_after(session: &Session, wait: Duration) -> Result<Fact<WalPosition>, SessionError> {
    tokio::time::sleep(wait).await;
    session.run_round(fetch::json_row(session, &queries::WAL_POSITION)).await
}
