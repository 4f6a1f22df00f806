//! Connections to real servers, compared with psql.

mod authentication;
mod certificate_matrix;
pub mod certificates;
pub mod pgbouncer;
mod pooler;
pub mod server;
mod several_hosts;
mod sources;
mod tls;
mod unreachable;

use std::path::PathBuf;

use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Conninfo, Environment, Resolved, resolve};
use pgtend::postgres::{ConnectError, Connected, connect};

/// The password of every role that has one; no message may contain it.
const PASSWORD: &str = "correct-horse-battery";

/// Resolves a conninfo without environment variables and without a home directory.
fn parse_conninfo(text: &str) -> Conninfo {
    resolve_conninfo(text, Environment { os_user: Some("nobody".into()), ..Environment::default() }).conninfo
}

fn resolve_conninfo(text: &str, environment: Environment) -> Resolved {
    let flags = ConnectionFlags { dbname: Some(text.to_owned()), ..ConnectionFlags::default() };
    resolve(&ConnectionRequest { flags, environment, ..ConnectionRequest::default() }).expect("the conninfo resolves")
}

/// Connects and runs a query.
async fn open_session(text: &str) -> Connected {
    match connect(&parse_conninfo(text)).await {
        Ok(connected) => {
            connected.client.simple_query("select 1").await.expect("the session answers");
            connected
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Returns the error of a failed connection, which must not contain the password.
async fn connect_error(text: &str) -> ConnectError {
    connect_error_of(&parse_conninfo(text), text).await
}

async fn connect_error_of(conninfo: &Conninfo, text: &str) -> ConnectError {
    let Err(error) = connect(conninfo).await else { panic!("{text}: connected") };
    let mut shown = format!("{error} {error:?} {:?} {conninfo:?}", error.hint());
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!shown.contains(PASSWORD), "contains the password: {shown}");
    error
}

#[track_caller]
fn assert_says(error: &ConnectError, message: &[&str], hint: &str) {
    let text = error.to_string();
    for part in message {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    let hint_text = error.hint().unwrap_or_default();
    assert!(hint_text.contains(hint), "{hint:?} is not in the hint: {hint_text}");
}

fn path_text(path: PathBuf) -> String {
    path.display().to_string()
}
