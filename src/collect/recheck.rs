//! Looking again, just before something is done and just after: what must still be true then.

use super::{CollectError, fetch, queries};
use crate::facts::{
    ControlFile, Fact, Server, ServerIdentity, ServerInstance, SlotIdentity, WalDirectory, WalPosition,
};
use crate::postgres::{Session, SessionError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A process of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.backend_start`: with the process id it identifies the backend.
    pub backend_start: Timestamp,
    /// `active`, `idle` and so on (PostgreSQL manual, 27.2.3 "pg_stat_activity"); not asked of one's own.
    #[serde(default, skip_serializing)]
    pub state: Option<String>,
}

/// Which server it is that will be changed, and what lies in its pg_wal before.
pub struct ServerRecheck {
    /// The server and the connected role.
    pub server: Server,
    /// What is compared with the plan's server.
    pub identity: ServerIdentity,
    /// The control file (`pg_control_system`, `pg_control_checkpoint`).
    pub control: Fact<ControlFile>,
    /// The files of `pg_wal` before the change (`pg_ls_waldir`).
    pub wal_directory: Fact<WalDirectory>,
    /// The process that will do it.
    pub backend: Fact<Backend>,
}

/// One round trip.
pub async fn recheck_server(session: &Session) -> Result<ServerRecheck, CollectError> {
    let facts = async {
        tokio::join!(biased;
            read_identity(session),
            fetch::json_row(session, &queries::WAL_DIRECTORY),
            fetch::json_row(session, &queries::OWN_BACKEND),
        )
    };
    let (identified, wal_directory, backend) = session.run_round(Box::pin(facts)).await?;
    let IdentifiedServer { server, identity, control } = identified?;
    Ok(ServerRecheck { server, identity, control, wal_directory, backend })
}

/// Every slot as it is now, and on which server.
pub struct SlotRecheck {
    /// All rows of `pg_replication_slots`.
    pub slots: Fact<Vec<SlotIdentity>>,
    /// The current position of WAL.
    pub wal_position: Fact<WalPosition>,
    /// Read in the same transaction: a pooler may send each transaction to another server.
    pub identity: ServerIdentity,
}

/// Reads every slot, where WAL is, and which server that is, in one round trip.
pub async fn recheck_slots(session: &Session) -> Result<SlotRecheck, CollectError> {
    let facts = async {
        tokio::join!(biased;
            fetch::json_rows(session, &queries::SLOT_IDENTITIES),
            fetch::json_row(session, &queries::WAL_POSITION),
            read_identity(session),
        )
    };
    let (slots, wal_position, identified) = session.run_round(Box::pin(facts)).await?;
    Ok(SlotRecheck { slots, wal_position, identity: identified?.identity })
}

struct IdentifiedServer {
    server: Server,
    identity: ServerIdentity,
    control: Fact<ControlFile>,
}

/// Part of a round.
async fn read_identity(session: &Session) -> Result<IdentifiedServer, CollectError> {
    let (server, control, instance) = tokio::join!(biased;
        fetch::json_row::<Server>(session, &queries::SERVER),
        fetch::json_row::<ControlFile>(session, &queries::CONTROL),
        fetch::json_row::<ServerInstance>(session, &queries::SERVER_INSTANCE),
    );
    match server {
        Fact::Known(server) => {
            let identity = ServerIdentity::new(&server, control.known(), instance.known());
            Ok(IdentifiedServer { server, identity, control })
        }
        Fact::Unavailable(why) => Err(CollectError::NoIdentity(why.reason)),
    }
}

/// What lies in pg_wal now.
pub async fn read_wal_directory(session: &Session) -> Result<Fact<WalDirectory>, SessionError> {
    session.run_round(Box::pin(fetch::json_row(session, &queries::WAL_DIRECTORY))).await
}

/// The other processes that work for the role that connected.
pub async fn read_own_backends(session: &Session) -> Result<Fact<Vec<Backend>>, SessionError> {
    session.run_round(Box::pin(fetch::json_rows(session, &queries::OWN_BACKENDS))).await
}
