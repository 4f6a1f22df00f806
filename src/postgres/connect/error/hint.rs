//! What to do about a connection that failed.

use std::io::ErrorKind;

use super::ConnectFailure;
use crate::postgres::connect::endpoint::Endpoint;
use crate::postgres::connect::problem::{Attempt, Problem};
use crate::postgres::connect::progress::Stage;
use crate::postgres::connect::server_error::ServerError;
use crate::quote::quote_identifier;

/// The hint for the attempt that says most: a server's answer before a silent address.
pub(super) fn connection_hint(failure: &ConnectFailure, is_from_working_directory: bool) -> Option<String> {
    let answered = failure.attempts.iter().rev().find(|attempt| !is_no_response(&attempt.problem));
    let attempt = answered.or(failure.attempts.last())?;
    let has_several_servers = failure.attempts.iter().any(|other| !other.endpoint.is_same_server(&attempt.endpoint));
    if answered.is_none() && has_several_servers && !matches!(attempt.problem, Problem::WrongRole(_)) {
        return Some("none of the hosts answered: check their names and ports, and the network between".to_owned());
    }
    match &attempt.problem {
        Problem::Server(error) => server_error_hint(failure, attempt, error),
        Problem::PasswordNeeded if is_from_working_directory => Some(
            "give one in a line of ~/.pgpass that names the host (host:port:database:user:password), or at the prompt of a terminal; PGPASSWORD is not used for a server that a file of the working directory names".to_owned(),
        ),
        Problem::PasswordNeeded => Some(
            "give one in PGPASSWORD, in a line of ~/.pgpass (host:port:database:user:password), or at the prompt of a terminal".to_owned(),
        ),
        Problem::NoPassword(_) => Some(
            "run the command of password_command by itself to see what it prints; password_command_timeout sets its time limit".to_owned(),
        ),
        Problem::Certificate(problem) => Some(problem.hint()),
        Problem::TlsSetup(problem) => problem.hint(),
        Problem::Handshake(_) => Some(
            "pgtend speaks TLSv1.2 and TLSv1.3; is this a Postgres server, and does it want a client certificate (sslcert, sslkey)?".to_owned(),
        ),
        Problem::NoTls => Some("turn on ssl in the server's configuration".to_owned()),
        Problem::UnexpectedTlsAnswer => Some("is this a Postgres server? The answer to the request for TLS was neither yes nor no".to_owned()),
        Problem::Resolve(_) => Some("check the host name; hostaddr takes an address as it is".to_owned()),
        Problem::Unreachable(error) => Some(unreachable_hint(&attempt.endpoint, error.kind())),
        Problem::Timeout { stage, .. } => Some(timeout_hint(*stage).to_owned()),
        Problem::Closed | Problem::Io(_) => Some("is this a Postgres server? Its log may say why it hung up".to_owned()),
        Problem::Authentication(reason) if reason.contains("channel binding") => {
            Some("channel_binding=require needs TLS and a SCRAM password on the server".to_owned())
        }
        Problem::Authentication(_) => Some("pgtend knows trust, peer, password, md5, scram-sha-256 and cert authentication".to_owned()),
        Problem::MethodRefused { .. } => Some(
            "require_auth (PGREQUIREAUTH) lists the methods that are allowed; no credentials were sent".to_owned(),
        ),
        Problem::Scram(_) => {
            Some("this server does not prove that it knows the password: check host and port, and set the password again".to_owned())
        }
        Problem::UnexpectedMessage(_)
        | Problem::NoCommonProtocol
        | Problem::TooMuchBeforeReady { .. }
        | Problem::Protocol(_) => {
            Some("is this a Postgres server? Check host and port".to_owned())
        }
        Problem::WrongRole(_) => Some("no host that answered is of the kind target_session_attrs asks for".to_owned()),
        Problem::WrongPeer { .. } => Some("somebody else listens on this socket; correct host or requirepeer".to_owned()),
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
            "nothing answers there: a wrong address, a firewall that drops the packets, or an overloaded server; connect_timeout sets the time"
        }
        Stage::Accepted => {
            "something listens there, but no PostgreSQL server answered: an overloaded server, or another service; connect_timeout sets the time"
        }
        Stage::Answered => "the server is slow to answer: connect_timeout sets the time",
    }
}

fn unreachable_hint(endpoint: &Endpoint, kind: ErrorKind) -> String {
    match (endpoint, kind) {
        (Endpoint::Socket { .. }, ErrorKind::PermissionDenied) => "the socket exists, but this operating-system user may not use it".to_owned(),
        (Endpoint::Socket { .. }, _) => {
            "is the server running on this machine, with its socket there? Name another server with -h, --target, PGHOST or DATABASE_URL".to_owned()
        }
        (_, ErrorKind::ConnectionRefused) => {
            "nothing listens there: is the server running, and do host, port and its listen_addresses agree?".to_owned()
        }
        _ => "check host, port and the network between".to_owned(),
    }
}

fn server_error_hint(failure: &ConnectFailure, attempt: &Attempt, error: &ServerError) -> Option<String> {
    let message = error.message.as_str();
    Some(match error.sqlstate.as_str() {
        "28P01" => match &failure.password_origin {
            Some(origin) => format!("the password came from {origin}"),
            None => "no password was given".to_owned(),
        },
        "28000" if message.contains("pg_hba.conf") => {
            let encryption = match attempt.encrypted {
                Some(false) => ", or connect with sslmode=require if only hostssl lines allow it",
                _ => "",
            };
            format!("add a line for this user, database and address to pg_hba.conf on the server and reload it{encryption}")
        }
        "28000" if message.contains("does not exist") => "name the role with -U".to_owned(),
        "28000" if message.starts_with("Peer ") || message.starts_with("Ident ") => {
            "the server admits the operating-system user of that name only: run as it, or use -h localhost and a password".to_owned()
        }
        "28000" if message.contains("certificate") => "the server wants a client certificate: name it with sslcert and sslkey".to_owned(),
        "3D000" => "name a database with -d; without it, the one named like the user is taken".to_owned(),
        "42501" => {
            format!("GRANT CONNECT ON DATABASE {} TO {}", quote_identifier(&failure.dbname), quote_identifier(&failure.user))
        }
        "53300" => "all connection slots are taken: wait, end idle sessions, or come as a role that may use the reserved ones (pg_use_reserved_connections from 16 on)".to_owned(),
        "57P03" => "the server is starting up, shutting down or recovering: try again shortly".to_owned(),
        "08P01" if message.contains("startup parameter") => "a pooler such as pgbouncer refuses it: remove options (PGOPTIONS)".to_owned(),
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
        assert!(hint(Problem::PasswordNeeded, false).contains("give one in PGPASSWORD"));
        assert!(hint(Problem::PasswordNeeded, true).contains("PGPASSWORD is not used"));
    }

    #[test]
    fn hint_advises_no_weaker_setting() {
        assert!(!hint(Problem::NoTls, false).contains("sslmode="));
    }
}
