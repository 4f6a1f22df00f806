use std::fmt;

use super::endpoint::Endpoint;
use super::problem::{Attempt, Problem};
use crate::postgres::conninfo::{Conninfo, Origin};

mod hint;

/// A failed connection: the attempts, their errors, a hint.
///
/// Never contains a password.
#[derive(Debug)]
pub enum ConnectError {
    /// The server requires a password and none is known: prompt for it, then retry with
    /// [`Conninfo::with_password`].
    PasswordNeeded(ConnectFailure),
    /// Any other failure.
    Failed(ConnectFailure),
}

/// A request and its attempts.
#[derive(Debug)]
pub struct ConnectFailure {
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// Every address that was tried; never empty.
    pub attempts: Vec<Attempt>,
    /// The origin of the password that was last sent.
    pub password_origin: Option<Origin>,
    hint: Option<String>,
}

impl ConnectError {
    pub(super) fn new(conninfo: &Conninfo, attempts: Vec<Attempt>) -> Self {
        let needs_password = attempts.last().is_some_and(|last| matches!(last.problem, Problem::PasswordNeeded));
        let password_origin = attempts.last().and_then(|last| offered_password(conninfo, &last.endpoint));
        let mut failure = ConnectFailure {
            user: conninfo.user.clone(),
            dbname: conninfo.dbname.clone(),
            attempts,
            password_origin,
            hint: None,
        };
        failure.hint = hint::connection_hint(&failure, conninfo.is_from_working_directory);
        if needs_password { Self::PasswordNeeded(failure) } else { Self::Failed(failure) }
    }

    /// Returns the request and its attempts.
    pub fn failure(&self) -> &ConnectFailure {
        match self {
            Self::PasswordNeeded(failure) | Self::Failed(failure) => failure,
        }
    }

    /// Returns the SQLSTATE of the server's error, if there is one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.failure().attempts.iter().rev().find_map(|attempt| match &attempt.problem {
            Problem::Server(error) => Some(error.sqlstate.as_str()),
            _ => None,
        })
    }

    /// Returns whether the last server that answered does not match `target_session_attrs`.
    pub fn is_wrong_role(&self) -> bool {
        self.failure().attempts.last().is_some_and(|last| last.problem.is_wrong_role())
    }

    /// Returns the remedy.
    pub fn hint(&self) -> Option<&str> {
        self.failure().hint.as_deref()
    }
}

fn offered_password(conninfo: &Conninfo, endpoint: &Endpoint) -> Option<Origin> {
    use crate::postgres::conninfo::HostAddress;
    let host = conninfo.hosts.iter().find(|host| match (&host.address, endpoint) {
        (HostAddress::Socket(ours), Endpoint::Socket { directory, port }) => ours == directory && host.port == *port,
        (HostAddress::Tcp { host: ours, hostaddr }, Endpoint::Tcp { host: name, address, port }) => {
            ours == name
                && host.port == *port
                && hostaddr.is_none_or(|ip| address.is_some_and(|address| address.ip() == ip))
        }
        _ => false,
    });
    if let (Some(_), Some(provider)) = (host, &conninfo.password_provider) {
        return Some(provider.origin());
    }
    host.and_then(|host| host.password.as_ref()).map(|password| password.origin.clone())
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConnectFailure { user, dbname, attempts, .. } = self.failure();
        write!(f, "cannot connect to database \"{dbname}\" as user \"{user}\"")?;
        let mut lines: Vec<String> = Vec::new();
        for attempt in attempts {
            let line = format!("{}: {}", attempt.endpoint, attempt.problem);
            // The errors of the plain and the encrypted attempt are often identical.
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        match lines.as_slice() {
            [line] => write!(f, " at {line}"),
            lines => lines.iter().try_for_each(|line| write!(f, "\n  {line}")),
        }
    }
}

// No source: the message contains the error of each attempt.
impl std::error::Error for ConnectError {}
