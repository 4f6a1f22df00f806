//! Errors of the history store.

use super::tunnel::TunnelError;
use crate::postgres::conninfo::ConninfoError;
use crate::postgres::{ConnectError, Problem};
use crate::redact;

/// An error of a store or of the data to be stored. No message contains a password.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The address of the store has no known form; the address, without a password.
    #[error("{0:?} is not the address of a history store")]
    InvalidAddress(String),
    /// The conninfo of the store is invalid.
    #[error(transparent)]
    Conninfo(#[from] ConninfoError),
    /// The store could not be opened.
    #[error("the history {store} cannot be opened: {reason}")]
    OpenFailed {
        /// The store without a password.
        store: String,
        /// The error of the system or the server.
        reason: String,
        /// Remedy; `None` for the general hint.
        hint: Option<String>,
    },
    /// A newer version of pgtend wrote the store.
    #[error(
        "the history {store} has schema version {found}, but this version of pgtend supports versions up to {known}"
    )]
    NewerSchema {
        /// The store without a password.
        store: String,
        /// Its schema version.
        found: i64,
        /// The newest schema version that this program supports.
        known: i64,
    },
    /// The store has an older schema version, and this run must not migrate it.
    #[error("the history {store} has schema version {found}, but this version of pgtend requires {known}")]
    OlderSchema {
        /// The store without a password.
        store: String,
        /// Its schema version.
        found: i64,
        /// The schema version that this program requires.
        known: i64,
    },
    /// A migration of the store's schema failed.
    #[error("the schema of the history {store} cannot be updated: {reason}")]
    MigrationFailed {
        /// The store without a password.
        store: String,
        /// The error.
        reason: String,
    },
    /// The role lacks the privilege to create the store's schema.
    #[error("the schema of the history {store} cannot be updated: {reason}")]
    SchemaPrivilege {
        /// The store without a password.
        store: String,
        /// The error.
        reason: String,
    },
    /// A migration of the store was interrupted.
    #[error("the schema of the history {store} is incomplete: {reason}")]
    HalfMigrated {
        /// The store without a password.
        store: String,
        /// What is inconsistent.
        reason: String,
    },
    /// Another role owns an object of the store and could replace its code.
    #[error(
        "the history {store} is not used: {object} is owned by role {owner}, which is neither the connecting role nor a \
         superuser, and its code would run with your rights; remedy: {remedy}"
    )]
    UntrustedOwner {
        /// The store without a password.
        store: String,
        /// The object.
        object: String,
        /// The role that owns it.
        owner: String,
        /// The statement that changes the owner.
        remedy: String,
    },
    /// A statement failed, with this error.
    #[error("the history cannot be read or written: {0}")]
    Failed(String),
    /// The store's server did not answer.
    #[error("the server of the history did not answer within {seconds} s")]
    AnswerTimeout {
        /// The time limit.
        seconds: u64,
    },
    /// The driver's task panicked; the store is not usable in this run.
    #[error("the driver of the history's server panicked; the history cannot be used in this run")]
    DriverPanicked,
    /// Rows of the store are inconsistent, as described.
    #[error("the history is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The snapshot has neither a system identifier nor an address, with the server's reason.
    #[error("the cluster cannot be identified: it has no address, and its system identifier cannot be read: {0}")]
    NoIdentity(String),
    /// The store has a newer sample of this cluster.
    #[error("the history has a newer sample of this cluster, of {newest}; this snapshot is of {collected_at}")]
    OutOfOrder {
        /// Time of the newest sample.
        newest: jiff::Timestamp,
        /// Time of the snapshot.
        collected_at: jiff::Timestamp,
    },
    /// The journal has no open entry of this id.
    #[error("the journal has no open entry with ID {0}")]
    NoOpenEntry(i64),
}

impl HistoryError {
    /// Returns the remedy.
    pub fn hint(&self) -> Option<&str> {
        match self {
            HistoryError::InvalidAddress(_) => {
                Some("specify a file, sqlite:FILE, postgresql://…, a key=value conninfo, or none")
            }
            HistoryError::Conninfo(error) => error.hint(),
            HistoryError::OpenFailed { hint: Some(hint), .. } => Some(hint),
            HistoryError::OpenFailed { store, .. } if store.starts_with("postgres") => Some(
                "check that its server is running and that the role can connect, or specify another store with --history or PGTEND_HISTORY",
            ),
            HistoryError::OpenFailed { .. } => {
                Some("specify another store with --history or PGTEND_HISTORY; its directory must be writable")
            }
            HistoryError::NewerSchema { .. } => {
                Some("use the newer version of pgtend that wrote it, or specify another store with --history")
            }
            HistoryError::OlderSchema { .. } => Some("update it with `pgtend history record`"),
            HistoryError::HalfMigrated { .. } => {
                Some("restore the store from a backup, or specify another one with --history or PGTEND_HISTORY")
            }
            HistoryError::SchemaPrivilege { .. } => {
                Some("create a schema that the role owns: CREATE SCHEMA pgtend AUTHORIZATION …")
            }
            HistoryError::OutOfOrder { .. } => {
                Some("record snapshots in the order of their collection; for a live server, check its clock")
            }
            HistoryError::NoIdentity(_) => Some("grant the role access to pg_control_system(): GRANT pg_monitor TO …"),
            _ => None,
        }
    }
}

/// Describes why a store's server was not reached, with the remedy. The hints of a connection refer to the options of
/// the inspected server, so only hints about the server itself are used.
pub(super) fn describe_tunnel_error(error: &TunnelError) -> (String, Option<String>) {
    let TunnelError::Connect(error) = error else { return (error.to_string(), None) };
    let attempts = &error.failure().attempts;
    let reason = match &attempts[..] {
        [only] => format!("{}: {}", only.endpoint, only.problem),
        attempts => attempts
            .iter()
            .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.problem))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let hint = match attempts.last().map(|attempt| &attempt.problem) {
        _ if matches!(error, ConnectError::PasswordNeeded(_)) => Some(
            "set the password in the conninfo, or in a line of ~/.pgpass (host:port:database:user:password); PGPASSWORD \
             belongs to the inspected server"
                .to_owned(),
        ),
        Some(Problem::Server(_)) if error.sqlstate() == Some("08P01") => {
            Some("connect the store directly to its server, not through a transaction-mode pooler".to_owned())
        }
        Some(
            Problem::Certificate(_)
            | Problem::TlsSetup(_)
            | Problem::Handshake(_)
            | Problem::NoTls
            | Problem::UnexpectedTlsAnswer
            | Problem::Authentication(_)
            | Problem::WrongRole(_)
            | Problem::WrongPeer { .. },
        ) => error.hint().map(str::to_owned),
        Some(Problem::Server(_)) if error.sqlstate() == Some("28P01") => error.hint().map(str::to_owned),
        _ => None,
    };
    (reason, hint)
}

impl From<sqlx::Error> for HistoryError {
    fn from(error: sqlx::Error) -> HistoryError {
        HistoryError::Failed(error_chain(&error))
    }
}

/// Returns the error and its causes, without repetitions.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    redact::foreign(&text).into_owned()
}
