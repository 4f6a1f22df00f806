//! Looking again, just before something is done and just after: what must still be true then.

use super::{InspectError, ask, queries};
use crate::{
    model::{ControlFile, Fact, Server, SlotSight, WalDirectory, WalPosition},
    pg::{Session, SessionError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A process of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub pid: i32,
    pub backend_start: Timestamp,
    /// `active`, `idle` and so on (PostgreSQL manual, 27.2.3 "pg_stat_activity"); not asked of one's own.
    #[serde(default, skip_serializing)]
    pub state: Option<String>,
}

/// Which server it is that will be changed, and what lies in its pg_wal before.
pub struct SecondLook {
    pub server: Server,
    pub control: Fact<ControlFile>,
    pub wal_directory: Fact<WalDirectory>,
    /// The process that will do it.
    pub backend: Fact<Backend>,
}

/// One round trip.
pub async fn look_again(session: &Session) -> Result<SecondLook, InspectError> {
    let look = async {
        tokio::join!(biased;
            ask::one::<Server>(session, &queries::SERVER),
            ask::one(session, &queries::CONTROL),
            ask::one(session, &queries::WAL_DIRECTORY),
            ask::one(session, &queries::OWN_BACKEND),
        )
    };
    let (server, control, wal_directory, backend) = session.round(Box::pin(look)).await?;
    match server {
        Fact::Known(server) => Ok(SecondLook { server, control, wal_directory, backend }),
        Fact::Unavailable(why) => Err(InspectError::NoIdentity(why.reason)),
    }
}

/// Every slot as it is now, and where WAL is.
pub async fn slots_again(session: &Session) -> Result<(Fact<Vec<SlotSight>>, Fact<WalPosition>), SessionError> {
    let look = async {
        tokio::join!(biased;
            ask::many(session, &queries::SLOT_IDENTITIES),
            ask::one(session, &queries::WAL_POSITION),
        )
    };
    session.round(Box::pin(look)).await
}

/// What lies in pg_wal now.
pub async fn wal_directory(session: &Session) -> Result<Fact<WalDirectory>, SessionError> {
    session.round(Box::pin(ask::one(session, &queries::WAL_DIRECTORY))).await
}

/// The other processes that work for the role that connected.
pub async fn backends(session: &Session) -> Result<Fact<Vec<Backend>>, SessionError> {
    session.round(Box::pin(ask::many(session, &queries::OWN_BACKENDS))).await
}
