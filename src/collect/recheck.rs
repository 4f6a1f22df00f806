//! Rechecks immediately before and after a change.

use super::{CollectError, fetch, queries};
use crate::facts::{
    ControlFile, Fact, Server, ServerIdentity, ServerInstance, SlotIdentity, WalDirectory, WalPosition, Walsender,
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
    /// `active`, `idle` and so on (PostgreSQL manual, 27.2.3 "pg_stat_activity"); not read for the own process.
    #[serde(default, skip_serializing)]
    pub state: Option<String>,
}

/// The server that will be changed, and its pg_wal before the change.
pub struct ServerRecheck {
    /// The server and the connected role.
    pub server: Server,
    /// Identity that is compared with the plan's server.
    pub identity: ServerIdentity,
    /// The control file (`pg_control_system`, `pg_control_checkpoint`).
    pub control: Fact<ControlFile>,
    /// The files of `pg_wal` before the change (`pg_ls_waldir`).
    pub wal_directory: Fact<WalDirectory>,
    /// The server process of the session.
    pub backend: Fact<Backend>,
}

/// Reads the server's identity and pg_wal, in one round trip.
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

/// All slots, and the server that they were read from.
pub struct SlotRecheck {
    /// All rows of `pg_replication_slots`.
    pub slots: Fact<Vec<SlotIdentity>>,
    /// All rows of `pg_stat_replication`.
    pub walsenders: Fact<Vec<Walsender>>,
    /// The current position of WAL.
    pub wal_position: Fact<WalPosition>,
    /// Read in the same transaction: a pooler may send each transaction to another server.
    pub identity: ServerIdentity,
}

/// Reads all slots, the walsenders, the position of WAL and the server's identity, in one round trip.
pub async fn recheck_slots(session: &Session) -> Result<SlotRecheck, CollectError> {
    let facts = async {
        tokio::join!(biased;
            fetch::json_rows(session, &queries::SLOT_IDENTITIES),
            fetch::json_rows(session, &queries::WALSENDERS),
            fetch::json_row(session, &queries::WAL_POSITION),
            read_identity(session),
        )
    };
    let (slots, walsenders, wal_position, identified) = session.run_round(Box::pin(facts)).await?;
    Ok(SlotRecheck { slots, walsenders, wal_position, identity: identified?.identity })
}

struct IdentifiedServer {
    server: Server,
    identity: ServerIdentity,
    control: Fact<ControlFile>,
}

/// Reads them, as part of a round trip.
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

/// Reads the files of pg_wal.
pub async fn read_wal_directory(session: &Session) -> Result<Fact<WalDirectory>, SessionError> {
    session.run_round(Box::pin(fetch::json_row(session, &queries::WAL_DIRECTORY))).await
}

/// Reads the other server processes of the connected role.
pub async fn read_own_backends(session: &Session) -> Result<Fact<Vec<Backend>>, SessionError> {
    session.run_round(Box::pin(fetch::json_rows(session, &queries::OWN_BACKENDS))).await
}
