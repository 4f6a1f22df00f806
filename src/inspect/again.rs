//! Looking again, just before something is done and just after: what must still be true then.

use super::{InspectError, ask, queries};
use crate::{
    model::{ControlFile, Fact, Server, ServerIdentity, ServerInstance, SlotSight, WalDirectory, WalPosition},
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
    pub identity: ServerIdentity,
    pub control: Fact<ControlFile>,
    pub wal_directory: Fact<WalDirectory>,
    /// The process that will do it.
    pub backend: Fact<Backend>,
}

/// One round trip.
pub async fn look_again(session: &Session) -> Result<SecondLook, InspectError> {
    let look = async {
        tokio::join!(biased;
            identity(session),
            ask::one(session, &queries::WAL_DIRECTORY),
            ask::one(session, &queries::OWN_BACKEND),
        )
    };
    let (identified, wal_directory, backend) = session.round(Box::pin(look)).await?;
    let Identified { server, identity, control } = identified?;
    Ok(SecondLook { server, identity, control, wal_directory, backend })
}

/// Every slot as it is now, and on which server.
pub struct SlotRecheck {
    pub slots: Fact<Vec<SlotSight>>,
    pub wal_position: Fact<WalPosition>,
    /// Read in the same transaction: a pooler may send each transaction to another server.
    pub identity: ServerIdentity,
}

/// Reads every slot, where WAL is, and which server that is, in one round trip.
pub async fn recheck_slots(session: &Session) -> Result<SlotRecheck, InspectError> {
    let look = async {
        tokio::join!(biased;
            ask::many(session, &queries::SLOT_IDENTITIES),
            ask::one(session, &queries::WAL_POSITION),
            identity(session),
        )
    };
    let (slots, wal_position, identified) = session.round(Box::pin(look)).await?;
    Ok(SlotRecheck { slots, wal_position, identity: identified?.identity })
}

struct Identified {
    server: Server,
    identity: ServerIdentity,
    control: Fact<ControlFile>,
}

/// Part of a round.
async fn identity(session: &Session) -> Result<Identified, InspectError> {
    let (server, control, instance) = tokio::join!(biased;
        ask::one::<Server>(session, &queries::SERVER),
        ask::one::<ControlFile>(session, &queries::CONTROL),
        ask::one::<ServerInstance>(session, &queries::SERVER_INSTANCE),
    );
    match server {
        Fact::Known(server) => {
            let identity = ServerIdentity::new(&server, control.known(), instance.known());
            Ok(Identified { server, identity, control })
        }
        Fact::Unavailable(why) => Err(InspectError::NoIdentity(why.reason)),
    }
}

/// What lies in pg_wal now.
pub async fn wal_directory(session: &Session) -> Result<Fact<WalDirectory>, SessionError> {
    session.round(Box::pin(ask::one(session, &queries::WAL_DIRECTORY))).await
}

/// The other processes that work for the role that connected.
pub async fn backends(session: &Session) -> Result<Fact<Vec<Backend>>, SessionError> {
    session.round(Box::pin(ask::many(session, &queries::OWN_BACKENDS))).await
}
