use std::fmt;

use super::endpoint::Endpoint;
use super::problem::{Attempt, Problem};
use crate::postgres::conninfo::{Conninfo, Origin};

mod hint;

/// No session: what was tried, what was answered, what to do.
///
/// Never holds a password.
#[derive(Debug)]
pub enum ConnectError {
    /// The server asks for a password and none is known: ask the user, then try again with
    /// [`Conninfo::with_password`].
    PasswordNeeded(ConnectFailure),
    /// Everything else.
    Failed(ConnectFailure),
}

/// A request and what became of it.
#[derive(Debug)]
pub struct ConnectFailure {
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// Every address that was tried; never empty.
    pub attempts: Vec<Attempt>,
    /// Where the password that was last offered came from.
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

    /// The request and what became of it.
    pub fn failure(&self) -> &ConnectFailure {
        match self {
            Self::PasswordNeeded(failure) | Self::Failed(failure) => failure,
        }
    }

    /// The SQLSTATE of the server's answer, when it gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.failure().attempts.iter().rev().find_map(|attempt| match &attempt.problem {
            Problem::Server(error) => Some(error.sqlstate.as_str()),
            _ => None,
        })
    }

    /// Whether the last server that answered is not of the kind that `target_session_attrs` asks for.
    pub fn is_wrong_role(&self) -> bool {
        self.failure().attempts.last().is_some_and(|last| last.problem.is_wrong_role())
    }

    /// What to do about it.
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
            // Plain and encrypted refusals often read the same.
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

// No source: the message already says what each attempt met.
impl std::error::Error for ConnectError {}
