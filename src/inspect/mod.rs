//! From a session to a [`Snapshot`]: what is asked, when, and how gently.

mod again;
mod arrival;
mod ask;
mod bloat;
mod cluster;
mod comparisons;
mod contents;
mod database_size;
mod definitions;
mod dependencies;
mod disk;
mod first_look;
mod foremost;
mod measure;
mod particulars;
pub mod queries;
mod relations;
mod replica;
mod scope;
mod sequence_use;
mod sizes;
mod spare;

pub use again::{Backend, SecondLook, backends, look_again, slots_again, wal_directory};
pub use particulars::read_particulars;
pub use replica::ask_replica;
pub use scope::{BloatScope, Definitions, MOST_DEFINITIONS, MOST_READ_WHOLE, MOST_STATISTICS, Scope};
pub use spare::Spare;

use crate::{
    model::{Contents, Database, Fact, Server, Skipped, Snapshot, WalPosition, quote_identifier},
    pg::{Session, SessionError},
};
use first_look::first_look;
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
        .round(Box::pin(async { tokio::join!(biased; cluster::look(session, scope), first_look(session, scope)) }))
        .await?;
    let (mut snapshot, data_directory) = cluster?;
    snapshot.disk = disk::of_host(session, &snapshot.server, snapshot.control.known(), data_directory);
    let connected = snapshot.server.database.clone();
    if scope.relations {
        let here = contents::complete(session, scope, connected.clone(), first);
        snapshot.contents.push(Box::pin(here).await?);
    }
    if scope.all_databases {
        match &snapshot.databases {
            Fact::Known(databases) => {
                let others: Vec<&Database> = databases.iter().filter(|d| d.database != connected).collect();
                // Each database measures over its part of the connections.
                let part = scope.part(others.len());
                let looks = others.into_iter().map(|database| look_into(session, &part, database));
                let results: Vec<_> = stream::iter(looks).buffered(scope.jobs.max(1)).collect().await;
                for result in results {
                    match result {
                        Ok(more) => snapshot.contents.push(more),
                        Err(skip) => snapshot.skipped.push(skip),
                    }
                }
            }
            Fact::Unavailable(why) => snapshot.skipped.push(Skipped {
                database: "all others".to_owned(),
                reason: format!("their names could not be read: {}", why.reason),
                hint: why.hint.clone(),
            }),
        }
    }
    snapshot.contents.sort_by(|a, b| a.database.cmp(&b.database));
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
        let beside = session.open_in_turn(Some(&database.database)).await?;
        let first = beside.round(first_look(&beside, scope)).await?;
        contents::complete(&beside, scope, database.database.clone(), first).await
    };
    look.await.map_err(|error: SessionError| skip(&error.to_string(), None))
}
