use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::error::DbError;

use super::endpoint::Endpoint;
use super::progress::{Progress, Stage};
use super::scram::ScramError;
use super::server_error::ServerError;
use crate::postgres::tls::{CertificateProblem, TlsSetupProblem, explain_handshake};
use crate::redact;

/// One try at one address, and how it ended.
#[derive(Debug)]
pub struct Attempt {
    /// What was tried.
    pub endpoint: Endpoint,
    /// Whether it was over TLS, once that was settled.
    pub encrypted: Option<bool>,
    /// How it ended.
    pub problem: Problem,
}

/// How a try ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The name has no address.
    #[error("could not translate host name to address: {}", system_message(.0))]
    Resolve(#[source] io::Error),
    /// Nothing answered at the address.
    #[error("{}", system_message(.0))]
    Unreachable(#[source] io::Error),
    /// The connection was not ready in time.
    #[error("timeout after {} s{}", limit.as_secs(), match stage {
        Stage::Unreached => "",
        Stage::Accepted => ": the connection was accepted, but the server did not answer",
        Stage::Answered => ": the server answered, but the session was not ready in time",
    })]
    Timeout {
        /// The connect timeout.
        limit: Duration,
        /// How far it came.
        stage: Stage,
    },
    /// The connection broke.
    #[error("connection lost: {}", system_message(.0))]
    Io(#[source] io::Error),
    /// The server closed the connection without a word.
    #[error("the server closed the connection unexpectedly")]
    Closed,
    /// The server has no TLS and the sslmode wants it.
    #[error("the server does not support SSL, but SSL was required")]
    NoTls,
    /// The answer to the request for TLS is none that exists.
    #[error("the server sent an unexpected response to the SSL request")]
    UnexpectedTlsAnswer,
    /// TLS could not be set up, or was not what was asked for.
    #[error(transparent)]
    TlsSetup(TlsSetupError),
    /// The server's certificate is not accepted.
    #[error(transparent)]
    Certificate(CertificateProblem),
    /// The handshake failed otherwise.
    #[error("SSL error: {}", explain_handshake(.0))]
    Handshake(#[source] io::Error),
    /// The server said no.
    #[error("{}", server_message(.0))]
    Server(ServerError),
    /// The server asked for a password and there is none.
    #[error("the server requires a password, but none was provided")]
    PasswordNeeded,
    /// The password for the connection could not be had.
    #[error("{0}")]
    NoPassword(String),
    /// Authentication failed on our side: channel binding, an unknown method.
    #[error("authentication failed: {0}")]
    Authentication(String),
    /// The server asks for a method that `require_auth` excludes; libpq's words.
    #[error("authentication method requirement \"{required}\" failed: {reason}")]
    MethodRefused {
        /// The value of `require_auth`.
        required: String,
        /// What the server asked for.
        reason: &'static str,
    },
    /// The SCRAM exchange failed on our side.
    #[error(transparent)]
    Scram(#[from] ScramError),
    /// The server wants another version of the protocol.
    #[error("the server does not support protocol 3.0")]
    NoCommonProtocol,
    /// A message that has no place before the session is ready.
    #[error("expected authentication request from server, but received '{}'", .0.escape_default())]
    UnexpectedMessage(char),
    /// A message is larger than the start-up phase allows, both in bytes.
    #[error("the server sent {announced} bytes before the session was ready; at most {accepted} are accepted")]
    TooMuchBeforeReady {
        /// What the server announced or sent.
        announced: usize,
        /// What is accepted.
        accepted: usize,
    },
    /// The Unix socket is owned by another user than `requirepeer` names.
    #[error("requirepeer specifies \"{wanted}\", but actual peer user name is \"{actual}\"")]
    WrongPeer {
        /// The user the conninfo asks for.
        wanted: String,
        /// The owner of the server process.
        actual: String,
    },
    /// The session is not of the kind `target_session_attrs` asks for.
    #[error("{0}")]
    WrongRole(&'static str),
    /// Anything else of the protocol.
    #[error("{0}")]
    Protocol(String),
}

/// Why TLS could not be set up.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct TlsSetupError(#[from] TlsSetupProblem);

impl TlsSetupError {
    pub(super) fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl Problem {
    /// Whether the remaining hosts are not tried: as in libpq, when the server was reached and it
    /// or the user's own demands said no.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Resolve(_)
            | Self::Unreachable(_)
            | Self::Timeout { .. }
            | Self::Io(_)
            | Self::Closed
            | Self::WrongRole(_) => false,
            // 57P03 cannot_connect_now: starting up, shutting down, a standby without hot standby.
            Self::Server(error) => error.sqlstate != "57P03",
            _ => true,
        }
    }

    pub(super) fn is_wrong_role(&self) -> bool {
        matches!(self, Self::WrongRole(_))
    }

    /// Whether the other kind of encryption may help: the refusals pg_hba.conf makes.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Server(error) if error.sqlstate.starts_with("28"))
    }

    /// Whether TLS itself failed, so that `sslmode=prefer` goes on without.
    pub(super) fn is_tls_failure(&self) -> bool {
        matches!(self, Self::NoTls | Self::Certificate(_) | Self::Handshake(_) | Self::TlsSetup(_))
    }
}

/// The system's words without its number.
fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// The server's own words, with its SQLSTATE.
fn server_message(error: &ServerError) -> String {
    let mut text = format!("{}: {} (SQLSTATE {})", error.severity, error.message, error.sqlstate);
    if let Some(detail) = &error.detail {
        text.push_str(&format!(" DETAIL: {detail}"));
    }
    text
}

impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.is_closed() {
            return Self::Closed;
        }
        let kind = error.to_string();
        let Some(cause) = error.into_source() else { return Self::Protocol(kind) };
        let cause = match cause.downcast::<DbError>() {
            Ok(error) => return Self::Server(ServerError::from(&*error)),
            Err(cause) => cause,
        };
        // tokio-postgres keeps its kinds to itself; their texts are all there is.
        let reason = redact::foreign(&cause.to_string()).into_owned();
        match cause.downcast::<io::Error>() {
            Ok(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            Ok(error) if kind == "error communicating with the server" => Self::Io(*error),
            _ => Self::Protocol(format!("{kind}: {reason}")),
        }
    }
}

/// Gives connecting to one address its time, of which `spent` has passed; `None` is without end.
///
/// # Errors
/// Returns [`Problem::Timeout`] with the stage that was reached.
pub(super) async fn with_connect_timeout<T>(
    limit: Option<Duration>,
    spent: Duration,
    progress: &Progress,
    step: impl Future<Output = T>,
) -> Result<T, Problem> {
    let Some(limit) = limit else { return Ok(step.await) };
    let stage = |_| Problem::Timeout { limit, stage: progress.stage() };
    tokio::time::timeout(limit.saturating_sub(spent), step).await.map_err(stage)
}
