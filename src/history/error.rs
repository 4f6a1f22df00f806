//! Why the history could not be had.

use super::tunnel::TunnelError;
use crate::postgres::conninfo::ConninfoError;
use crate::postgres::{ConnectError, Problem};
use crate::redact;

/// What is wrong with a store, or with what should go into it. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("{0:?} is no history store")]
    InvalidAddress(String),
    #[error(transparent)]
    Conninfo(#[from] ConninfoError),
    #[error("the history {store} cannot be opened: {reason}")]
    OpenFailed { store: String, reason: String, hint: Option<String> },
    #[error("the history {store} has schema version {found}, and this pgtend knows up to {known}")]
    NewerSchema { store: String, found: i64, known: i64 },
    #[error("the history {store} has schema version {found}, and this pgtend reads {known}")]
    OlderSchema { store: String, found: i64, known: i64 },
    #[error("the history {store} cannot be brought up to date: {reason}")]
    MigrationFailed { store: String, reason: String },
    #[error("the history {store} cannot be brought up to date: {reason}")]
    SchemaPrivilege { store: String, reason: String },
    #[error("the history {store} is half-migrated: {reason}")]
    HalfMigrated { store: String, reason: String },
    #[error(
        "the history {store} is not used: {object} is owned by role {owner}, which is neither the connecting role nor a \
         superuser, and its code would run with your rights; remedy: {remedy}"
    )]
    UntrustedOwner { store: String, object: String, owner: String, remedy: String },
    #[error("the history cannot be read or written: {0}")]
    Failed(String),
    #[error("the history's server did not answer within {seconds} s")]
    AnswerTimeout { seconds: u64 },
    #[error("the driver of the history's server panicked")]
    DriverPanicked,
    #[error("the history is inconsistent: {0}")]
    Inconsistent(&'static str),
    #[error("the server does not say which cluster it is, and it has no address either: {0}")]
    NoIdentity(String),
    #[error("the history has a newer sample of this cluster, of {newest}; this one is of {collected_at}")]
    OutOfOrder { newest: jiff::Timestamp, collected_at: jiff::Timestamp },
    #[error("there is no deed {0} that is still open in the journal")]
    NoOpenEntry(i64),
}

impl HistoryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            HistoryError::InvalidAddress(_) => {
                Some("name a file, sqlite:FILE, postgresql://…, a key=value conninfo, or none")
            }
            HistoryError::Conninfo(error) => error.hint(),
            HistoryError::OpenFailed { hint: Some(hint), .. } => Some(hint),
            HistoryError::OpenFailed { store, .. } if store.starts_with("postgres") => Some(
                "is its server up, and may the role connect? Another store is named with --history or PGTEND_HISTORY",
            ),
            HistoryError::OpenFailed { .. } => {
                Some("name another store with --history or PGTEND_HISTORY; its folder must be writable")
            }
            HistoryError::NewerSchema { .. } => Some("use the newer pgtend that wrote it, or name another store"),
            HistoryError::OlderSchema { .. } => Some("`pgtend history record` brings it up to date"),
            HistoryError::HalfMigrated { .. } => {
                Some("restore the store from a backup, or name another one with --history or PGTEND_HISTORY")
            }
            HistoryError::SchemaPrivilege { .. } => {
                Some("the role needs a schema pgtend of its own: CREATE SCHEMA pgtend AUTHORIZATION …")
            }
            HistoryError::OutOfOrder { .. } => {
                Some("record snapshots in the order they were taken; if this one is live, look at the server's clock")
            }
            HistoryError::NoIdentity(_) => Some("let the role read pg_control_system()"),
            _ => None,
        }
    }
}

/// Describes why a store's server was not reached, and what to do about it. The connection's own hints name the flags and
/// variables of the inspected server, so only those about the server itself are taken over.
pub(super) fn describe_tunnel_error(error: &TunnelError) -> (String, Option<String>) {
    let TunnelError::Connect(error) = error else { return (error.to_string(), None) };
    let attempts = &error.failure().attempts;
    let reason = match &attempts[..] {
        [only] => format!("{}: {}", only.endpoint, only.problem),
        all => all
            .iter()
            .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.problem))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let hint = match attempts.last().map(|attempt| &attempt.problem) {
        _ if matches!(error, ConnectError::PasswordNeeded(_)) => Some(
            "give the password in the conninfo, or in a line of ~/.pgpass (host:port:database:user:password); PGPASSWORD \
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

/// The error and its causes, without the words that would say the same twice.
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
