//! From a session to a [`Snapshot`]: what is asked, when, and how gently.

mod again;
mod arrival;
mod ask;
mod bloat;
mod cluster;
mod comparisons;
mod contents;
mod definitions;
mod dependencies;
mod disk;
mod first_look;
mod measure;
mod particulars;
pub mod queries;
mod relations;
mod replica;
mod scope;
mod sizes;

pub use again::{Backend, SecondLook, backends, look_again, slots_again, wal_directory};
pub use particulars::read_particulars;
pub use replica::ask_replica;
pub use scope::{BloatScope, Definitions, MOST_DEFINITIONS, MOST_READ_WHOLE, MOST_STATISTICS, Scope};

use crate::{
    model::{
        Contents, Database, Fact, SCHEMA_VERSION, SNAPSHOT, Server, Skipped, Snapshot, WalPosition, quote_identifier,
    },
    pg::{Session, SessionError},
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use std::time::Duration;

/// Why a cluster could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the server would not say what it is: {0}")]
    NoIdentity(String),
}

/// One look at a cluster: a round trip for the facts, and at most two more for sizes, statistics and definitions.
pub async fn inspect(session: &Session, scope: &Scope) -> Result<Snapshot, InspectError> {
    let (cluster, first) = session
        .round(Box::pin(async {
            tokio::join!(biased; cluster::look(session, scope), first_look::first_look(session, scope))
        }))
        .await?;
    let server = match cluster.server {
        Fact::Known(server) => server,
        Fact::Unavailable(why) => return Err(InspectError::NoIdentity(why.reason)),
    };
    let disk = disk::of_host(session, &server, cluster.control.known(), cluster.data_directory);
    let mut contents = Vec::new();
    let mut skipped = Vec::new();
    if scope.relations {
        contents.push(Box::pin(contents::complete(session, scope, server.database.clone(), first)).await?);
    }
    if scope.all_databases {
        match &cluster.databases {
            Fact::Known(databases) => {
                let others: Vec<&Database> = databases.iter().filter(|d| d.database != server.database).collect();
                // Each database measures over its part of the connections.
                let part = Scope { jobs: scope.jobs / others.len().max(1), ..scope.clone() };
                let looks = others.into_iter().map(|database| look_into(session, &part, database));
                let results: Vec<_> = stream::iter(looks).buffered(scope.jobs.max(1)).collect().await;
                for result in results {
                    match result {
                        Ok(more) => contents.push(more),
                        Err(skip) => skipped.push(skip),
                    }
                }
            }
            Fact::Unavailable(why) => skipped.push(Skipped {
                database: "all others".to_owned(),
                reason: format!("their names could not be read: {}", why.reason),
                hint: why.hint.clone(),
            }),
        }
    }
    contents.sort_by(|a, b| a.database.cmp(&b.database));
    let mut snapshot = Snapshot {
        schema_version: SCHEMA_VERSION,
        command: SNAPSHOT.to_owned(),
        pgtend_version: env!("CARGO_PKG_VERSION").to_owned(),
        address: session.endpoint().beyond_this_machine(),
        collected_at: server.asked_at,
        server,
        control: cluster.control,
        provider: cluster.provider,
        settings: cluster.settings,
        databases: cluster.databases,
        tablespaces: cluster.tablespaces,
        slots: cluster.slots,
        walsenders: cluster.walsenders,
        subscriptions: cluster.subscriptions,
        subscription_errors: cluster.subscription_errors,
        orphaned_origins: cluster.orphaned_origins,
        sessions: cluster.sessions,
        standby_replay: cluster.standby_replay,
        transactions: cluster.transactions,
        prepared_transactions: cluster.prepared_transactions,
        managers: cluster.managers,
        rights: cluster.rights,
        database_writes: cluster.database_writes,
        wal_position: cluster.wal_position,
        wal_position_later: None,
        wal_directory: cluster.wal_directory,
        wal_statistics: cluster.wal_statistics,
        wal_summarizer: cluster.wal_summarizer,
        wal_statements: cluster.wal_statements,
        wal_backends: cluster.wal_backends,
        checkpoints: cluster.checkpoints,
        disk,
        archiver: cluster.archiver,
        archive_status: cluster.archive_status,
        temporary_files: cluster.temporary_files,
        log_files: cluster.log_files,
        slot_spill: cluster.slot_spill,
        timeline_history: cluster.timeline_history,
        pending_restart: cluster.pending_restart,
        read_only_overrides: cluster.read_only_overrides,
        replicas: Vec::new(),
        contents,
        skipped,
    };
    snapshot.forget_vain_hints();
    Ok(snapshot)
}

/// Every database of a server, for looks that are each asked into one of them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Tells the server from another at the same address.
    pub started_at: Timestamp,
    pub databases: Fact<Vec<Database>>,
}

/// Asks for the databases alone. Their sizes cost the server a look at each of their files.
pub async fn list_databases(session: &Session) -> Result<Listing, InspectError> {
    let questions = async {
        tokio::join!(biased;
            ask::one::<Server>(session, &queries::SERVER),
            ask::many(session, &queries::DATABASES),
        )
    };
    match session.round(Box::pin(questions)).await? {
        (Fact::Known(server), databases) => Ok(Listing { started_at: server.started_at, databases }),
        (Fact::Unavailable(why), _) => Err(InspectError::NoIdentity(why.reason)),
    }
}

/// Where WAL is after `wait`; no transaction is open meanwhile.
pub async fn wal_position_after(session: &Session, wait: Duration) -> Result<Fact<WalPosition>, SessionError> {
    tokio::time::sleep(wait).await;
    session.round(ask::one(session, &queries::WAL_POSITION)).await
}

/// Another database of the same cluster, over a connection of its own.
async fn look_into(session: &Session, scope: &Scope, database: &Database) -> Result<Contents, Skipped> {
    let skip = |reason: &str, hint: Option<String>| Skipped {
        database: database.database.clone(),
        reason: reason.to_owned(),
        hint,
    };
    if !database.allows_connections {
        return Err(skip("it does not allow connections (datallowconn)", None));
    }
    if !database.may_connect {
        let name = quote_identifier(&database.database);
        let role = quote_identifier(session.user());
        return Err(skip("no CONNECT privilege", Some(format!("GRANT CONNECT ON DATABASE {name} TO {role}"))));
    }
    let look = async {
        let beside = session.open_beside(Some(&database.database)).await?;
        let first = beside.round(first_look::first_look(&beside, scope)).await?;
        contents::complete(&beside, scope, database.database.clone(), first).await
    };
    look.await.map_err(|error: SessionError| skip(&error.to_string(), None))
}
