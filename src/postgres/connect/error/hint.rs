//! Remedies for failed connections.

use std::io::ErrorKind;

use super::ConnectFailure;
use crate::postgres::connect::endpoint::Endpoint;
use crate::postgres::connect::problem::{Attempt, Problem};
use crate::postgres::connect::progress::Stage;
use crate::postgres::connect::server_error::ServerError;
use crate::quote::quote_identifier;

/// Returns the hint for the most informative attempt: one with an answer of a server before one without.
pub(super) fn connection_hint(failure: &ConnectFailure, is_from_working_directory: bool) -> Option<String> {
    let answered = failure.attempts.iter().rev().find(|attempt| !is_no_response(&attempt.problem));
    let attempt = answered.or(failure.attempts.last())?;
    let has_several_servers = failure.attempts.iter().any(|other| !other.endpoint.is_same_server(&attempt.endpoint));
    if answered.is_none() && has_several_servers && !matches!(attempt.problem, Problem::WrongRole(_)) {
        return Some("none of the hosts answered: check their names and ports, and the network".to_owned());
    }
    match &attempt.problem {
        Problem::Server(error) => server_error_hint(failure, attempt, error),
        Problem::PasswordNeeded if is_from_working_directory => Some(
            "provide one in a line of ~/.pgpass with this host (host:port:database:user:password), or at the prompt; PGPASSWORD is not used for a server that a file of the working directory names".to_owned(),
        ),
        Problem::PasswordNeeded => Some(
            "provide one in PGPASSWORD, in a line of ~/.pgpass (host:port:database:user:password), or at the prompt".to_owned(),
        ),
        Problem::NoPassword(_) => Some(
            "run the command of password_command in a shell to see its output; password_command_timeout sets its time limit".to_owned(),
        ),
        Problem::Certificate(problem) => Some(problem.hint()),
        Problem::TlsSetup(problem) => problem.hint(),
        Problem::Handshake(_) => Some(
            "pgtend supports TLSv1.2 and TLSv1.3; check that this is a PostgreSQL server, and whether it requires a client certificate (sslcert, sslkey)".to_owned(),
        ),
        Problem::NoTls => Some("set ssl = on in the server's configuration".to_owned()),
        Problem::UnexpectedTlsAnswer => Some("check host and port: the answer to the SSL request is not that of a PostgreSQL server".to_owned()),
        Problem::Resolve(_) => Some("check the host name, or specify the IP address with hostaddr".to_owned()),
        Problem::Unreachable(error) => Some(unreachable_hint(&attempt.endpoint, error.kind())),
        Problem::Timeout { stage, .. } => Some(timeout_hint(*stage).to_owned()),
        Problem::Closed | Problem::Io(_) => Some("check that this is a PostgreSQL server; its log may contain the reason".to_owned()),
        Problem::Authentication(reason) if reason.contains("channel binding") => {
            Some("channel_binding=require requires SSL and a SCRAM password on the server".to_owned())
        }
        Problem::Authentication(_) => Some("pgtend supports trust, peer, password, md5, scram-sha-256 and cert authentication".to_owned()),
        Problem::MethodRefused { .. } => Some(
            "require_auth (PGREQUIREAUTH) lists the allowed methods; no credentials were sent".to_owned(),
        ),
        Problem::Scram(_) => {
            Some("the server did not prove that it knows the password: check host and port, and set the password again".to_owned())
        }
        Problem::UnexpectedMessage(_)
        | Problem::NoCommonProtocol
        | Problem::TooMuchBeforeReady { .. }
        | Problem::Protocol(_) => {
            Some("check host and port: this may not be a PostgreSQL server".to_owned())
        }
        Problem::WrongRole(_) => Some("no host that answered matches target_session_attrs".to_owned()),
        Problem::WrongPeer { .. } => Some("another user's process listens on this socket: correct host or requirepeer".to_owned()),
    }
}

fn is_no_response(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Resolve(_)
            | Problem::Unreachable(_)
            | Problem::Timeout { stage: Stage::Unreached, .. }
            | Problem::WrongRole(_)
    )
}

fn timeout_hint(stage: Stage) -> &'static str {
    match stage {
        Stage::Unreached => {
            "no answer: wrong address, a firewall that drops packets, or an overloaded server; connect_timeout sets the time limit"
        }
        Stage::Accepted => {
            "the port is open, but no PostgreSQL server answered: an overloaded server, or another service; connect_timeout sets the time limit"
        }
        Stage::Answered => "the server is slow: connect_timeout sets the time limit",
    }
}

fn unreachable_hint(endpoint: &Endpoint, kind: ErrorKind) -> String {
    match (endpoint, kind) {
        (Endpoint::Socket { .. }, ErrorKind::PermissionDenied) => "the socket exists, but this operating-system user has no permission to connect to it".to_owned(),
        (Endpoint::Socket { .. }, _) => {
            "check that the server is running on this host with its socket in this directory, or specify another server with -h, --target, PGHOST or DATABASE_URL".to_owned()
        }
        (_, ErrorKind::ConnectionRefused) => {
            "check that the server is running and accepts TCP connections on this host and port (listen_addresses, port)".to_owned()
        }
        _ => "check host, port and the network".to_owned(),
    }
}

fn server_error_hint(failure: &ConnectFailure, attempt: &Attempt, error: &ServerError) -> Option<String> {
    let message = error.message.as_str();
    Some(match error.sqlstate.as_str() {
        "28P01" => match &failure.password_origin {
            Some(origin) => format!("the password came from {origin}"),
            None => "no password was provided".to_owned(),
        },
        "28000" if message.contains("pg_hba.conf") => {
            let encryption = match attempt.encrypted {
                Some(false) => ", or connect with sslmode=require if only hostssl lines allow it",
                _ => "",
            };
            format!("add a line for this user, database and address to pg_hba.conf on the server and reload it{encryption}")
        }
        "28000" if message.contains("does not exist") => "specify the role with -U".to_owned(),
        "28000" if message.starts_with("Peer ") || message.starts_with("Ident ") => {
            "peer authentication accepts only the operating-system user of that name: run pgtend as this user, or use -h localhost and a password".to_owned()
        }
        "28000" if message.contains("certificate") => "the server requires a client certificate: specify it with sslcert and sslkey".to_owned(),
        "3D000" => "specify a database with -d; the default is the user name".to_owned(),
        "42501" => {
            format!("GRANT CONNECT ON DATABASE {} TO {}", quote_identifier(&failure.dbname), quote_identifier(&failure.user))
        }
        "53300" => "all connection slots are in use: terminate idle sessions, or connect as a role with pg_use_reserved_connections (PostgreSQL 16 or newer)".to_owned(),
        "57P03" => "the server is starting up, shutting down or recovering: try again shortly".to_owned(),
        "08P01" if message.contains("startup parameter") => "a pooler such as PgBouncer rejects it: remove options (PGOPTIONS)".to_owned(),
        _ => return error.hint.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn hint(problem: Problem, is_from_working_directory: bool) -> String {
        let endpoint = Endpoint::Socket { directory: PathBuf::from("/tmp"), port: 5432 };
        let attempts = vec![Attempt { endpoint, encrypted: None, problem }];
        let (user, dbname) = ("app".to_owned(), "shop".to_owned());
        let failure = ConnectFailure { user, dbname, attempts, password_origin: None, hint: None };
        connection_hint(&failure, is_from_working_directory).expect("a hint")
    }

    #[test]
    fn password_hint_names_what_is_used() {
        assert!(hint(Problem::PasswordNeeded, false).contains("provide one in PGPASSWORD"));
        assert!(hint(Problem::PasswordNeeded, true).contains("PGPASSWORD is not used"));
    }

    #[test]
    fn hint_advises_no_weaker_setting() {
        assert!(!hint(Problem::NoTls, false).contains("sslmode="));
    }
}
