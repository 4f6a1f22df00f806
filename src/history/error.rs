//! Why the history could not be had.

use crate::redact;

/// What is wrong with a store, or with what should go into it. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("{0:?} is no history store")]
    NoStore(String),
    #[error("a conninfo of key=value pairs is no history store")]
    Conninfo,
    #[error("the history {store} cannot be opened: {reason}")]
    Unopened { store: String, reason: String },
    #[error("the history {store} has schema version {found}, and this pgtend knows up to {known}")]
    Newer { store: String, found: i64, known: i64 },
    #[error("the history {store} has schema version {found}, and this pgtend reads {known}")]
    Older { store: String, found: i64, known: i64 },
    #[error("the history {store} cannot be brought up to date: {reason}")]
    Unmigrated { store: String, reason: String },
    #[error(
        "the history {store} is not used: {object} is owned by role {owner}, which is neither the connecting role nor a \
         superuser, and its code would run with your rights; remedy: {remedy}"
    )]
    Foreign { store: String, object: String, owner: String, remedy: String },
    #[error("the history cannot be read or written: {0}")]
    Failed(String),
    #[error("the history's server did not answer within {seconds} s")]
    Silent { seconds: u64 },
    #[error("the history is inconsistent: {0}")]
    Inconsistent(&'static str),
    #[error("the server does not say which cluster it is, and it has no address either: {0}")]
    NoIdentity(String),
    #[error("the history has a newer sample of this cluster, of {newest}; this one is of {collected_at}")]
    OutOfOrder { newest: jiff::Timestamp, collected_at: jiff::Timestamp },
    #[error("there is no deed {0} that is still open in the journal")]
    NoSuchDeed(i64),
}

impl HistoryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            HistoryError::NoStore(_) => Some("name a file, sqlite:FILE, postgresql://… or none"),
            HistoryError::Conninfo => Some("write it as a URL: postgresql://USER@HOST:PORT/DBNAME"),
            HistoryError::Unopened { store, .. } if store.starts_with("postgres") => Some(
                "is its server up, and may the role connect? Another store is named with --history or PGTEND_HISTORY",
            ),
            HistoryError::Unopened { .. } => {
                Some("name another store with --history or PGTEND_HISTORY; its folder must be writable")
            }
            HistoryError::Newer { .. } => Some("use the newer pgtend that wrote it, or name another store"),
            HistoryError::Older { .. } => Some("`pgtend history record` brings it up to date"),
            HistoryError::Unmigrated { .. } => {
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

impl From<sqlx::Error> for HistoryError {
    fn from(error: sqlx::Error) -> HistoryError {
        HistoryError::Failed(told(&error))
    }
}

/// The error and its causes, without the words that would say the same twice.
pub(super) fn told(error: &dyn std::error::Error) -> String {
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
