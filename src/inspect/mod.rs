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
mod others;
mod particulars;
pub mod queries;
mod reach;
mod relations;
mod replica;
mod scope;
mod sequence_use;
mod sizes;
mod spare;

pub use again::{Backend, SecondLook, SlotRecheck, backends, look_again, recheck_slots, wal_directory};
pub use particulars::read_particulars;
pub use reach::Reach;
pub use replica::ask_replica;
pub use scope::{BloatScope, Definitions, MOST_DEFINITIONS, MOST_READ_WHOLE, MOST_STATISTICS, Scope};
pub use spare::Spare;

use crate::{
    model::{Database, Fact, Server, Snapshot, WalPosition},
    pg::{Session, SessionError},
};
use first_look::first_look;
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
    let reads_here = scope.reach.has_connected(session.dbname());
    let within = if reads_here { scope } else { &Scope::default() };
    let (cluster, first) = session
        .round(Box::pin(async { tokio::join!(biased; cluster::look(session, scope), first_look(session, within)) }))
        .await?;
    let (mut snapshot, data_directory) = cluster?;
    snapshot.disk = disk::of_host(session, &snapshot.server, snapshot.control.known(), data_directory);
    let connected = snapshot.server.database.clone();
    if scope.relations && reads_here {
        let here = contents::complete(session, scope, connected.clone(), first);
        snapshot.contents.push(Box::pin(here).await?);
    }
    let here: &[&str] = if reads_here { &[&connected, session.dbname()] } else { &[] };
    let others = others::look(session, scope, &snapshot.databases, here);
    let (read, skipped) = Box::pin(others).await;
    snapshot.contents.extend(read);
    snapshot.skipped.extend(skipped);
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
