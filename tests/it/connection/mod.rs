//! Connecting to real servers, as psql would.

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

use pgtend::pg::conninfo::{Conninfo, Environment, Flags, Request, Resolved, resolve};
use pgtend::pg::{ConnectError, Connected, connect};

/// The password of every role that has one; no message may hold it.
const PASSWORD: &str = "correct-horse-battery";

/// A conninfo with nothing around it: no environment, no home directory.
fn conninfo(text: &str) -> Conninfo {
    resolved(text, Environment { os_user: Some("nobody".into()), ..Environment::default() }).conninfo
}

fn resolved(text: &str, environment: Environment) -> Resolved {
    let flags = Flags { dbname: Some(text.to_owned()), ..Flags::default() };
    resolve(&Request { flags, environment, ..Request::default() }).expect("the conninfo resolves")
}

/// Connects, and proves that the session answers.
async fn session(text: &str) -> Connected {
    match connect(&conninfo(text)).await {
        Ok(connected) => {
            connected.client.simple_query("select 1").await.expect("the session answers");
            connected
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Does not connect, and says so without the password.
async fn refusal(text: &str) -> ConnectError {
    refusal_of(&conninfo(text), text).await
}

async fn refusal_of(conninfo: &Conninfo, text: &str) -> ConnectError {
    let Err(error) = connect(conninfo).await else { panic!("{text}: connected") };
    let mut shown = format!("{error} {error:?} {:?} {conninfo:?}", error.hint());
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!shown.contains(PASSWORD), "the password shows: {shown}");
    error
}

#[track_caller]
fn assert_says(error: &ConnectError, message: &[&str], hint: &str) {
    let text = error.to_string();
    for part in message {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    let said = error.hint().unwrap_or_default();
    assert!(said.contains(hint), "{hint:?} is not in the hint: {said}");
}

fn shown(path: PathBuf) -> String {
    path.display().to_string()
}
