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

/// One attempt at one address, and its outcome.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub endpoint: Endpoint,
    /// Whether the attempt used TLS; `None` before that was decided.
    pub encrypted: Option<bool>,
    /// The outcome.
    pub problem: Problem,
}

/// The outcome of an attempt.
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
        /// The stage that was reached.
        stage: Stage,
    },
    /// The connection was lost.
    #[error("connection lost: {}", system_message(.0))]
    Io(#[source] io::Error),
    /// The server closed the connection without an error message.
    #[error("the server closed the connection unexpectedly")]
    Closed,
    /// The server does not support TLS, and the sslmode requires it.
    #[error("the server does not support SSL, but SSL was required")]
    NoTls,
    /// The response to the SSL request is invalid.
    #[error("the server sent an unexpected response to the SSL request")]
    UnexpectedTlsAnswer,
    /// TLS could not be set up as requested.
    #[error(transparent)]
    TlsSetup(TlsSetupError),
    /// The server's certificate is not accepted.
    #[error(transparent)]
    Certificate(CertificateProblem),
    /// The handshake failed for another reason.
    #[error("SSL error: {}", explain_handshake(.0))]
    Handshake(#[source] io::Error),
    /// The server sent an error.
    #[error("{}", server_message(.0))]
    Server(ServerError),
    /// The server requires a password, but there is none.
    #[error("the server requires a password, but none was provided")]
    PasswordNeeded,
    /// The password for the connection could not be obtained.
    #[error("{0}")]
    NoPassword(String),
    /// Authentication failed on the client's side: channel binding, or an unsupported method.
    #[error("authentication failed: {0}")]
    Authentication(String),
    /// The server requests a method that `require_auth` excludes; with libpq's message.
    #[error("authentication method requirement \"{required}\" failed: {reason}")]
    MethodRefused {
        /// The value of `require_auth`.
        required: String,
        /// The requested method.
        reason: &'static str,
    },
    /// The SCRAM exchange failed on the client's side.
    #[error(transparent)]
    Scram(#[from] ScramError),
    /// The server requires another version of the protocol.
    #[error("the server does not support protocol 3.0")]
    NoCommonProtocol,
    /// A message that is not allowed before the session is ready.
    #[error("expected authentication request from server, but received '{}'", .0.escape_default())]
    UnexpectedMessage(char),
    /// A message is larger than the start-up phase allows, both in bytes.
    #[error("the server sent {announced} bytes before the session was ready; at most {accepted} are accepted")]
    TooMuchBeforeReady {
        /// Size that the server announced or sent.
        announced: usize,
        /// The limit.
        accepted: usize,
    },
    /// Another user than that of `requirepeer` owns the server behind the Unix-domain socket.
    #[error("requirepeer specifies \"{wanted}\", but actual peer user name is \"{actual}\"")]
    WrongPeer {
        /// The value of `requirepeer`.
        wanted: String,
        /// The owner of the server process.
        actual: String,
    },
    /// The session does not match `target_session_attrs`.
    #[error("{0}")]
    WrongRole(&'static str),
    /// Any other violation of the protocol.
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
    /// Returns whether the remaining hosts are not tried: as in libpq, if a server was reached and it
    /// or a requirement of the user refused the connection.
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

    /// Returns whether the attempt with or without TLS may succeed instead: refusals of pg_hba.conf.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Server(error) if error.sqlstate.starts_with("28"))
    }

    /// Returns whether TLS itself failed, so that `sslmode=prefer` continues without it.
    pub(super) fn is_tls_failure(&self) -> bool {
        matches!(self, Self::NoTls | Self::Certificate(_) | Self::Handshake(_) | Self::TlsSetup(_))
    }
}

/// Returns the message of the system without its number.
fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// Returns the server's message with its SQLSTATE.
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
        // tokio-postgres does not export its error kinds, only their texts.
        let reason = redact::foreign(&cause.to_string()).into_owned();
        match cause.downcast::<io::Error>() {
            Ok(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            Ok(error) if kind == "error communicating with the server" => Self::Io(*error),
            _ => Self::Protocol(format!("{kind}: {reason}")),
        }
    }
}

/// Applies the time limit of one address, of which `spent` has passed; `None` for no limit.
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
