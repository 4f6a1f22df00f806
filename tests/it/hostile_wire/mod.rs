//! Servers that break the protocol or its limits: what pgtend keeps, sends and says.

mod authentication;
mod program;
mod queries;
mod startup;

use pgtend::pg::conninfo::{Conninfo, Environment, Flags, Request, resolve};
use pgtend::pg::{ConnectError, connect};

use crate::hostile_server::{HostileServer, Wire};

/// The password that no message may repeat.
const PASSWORD: &str = "correct-horse-battery";

fn conninfo(server: &HostileServer, more: &str) -> Conninfo {
    let text = format!(
        "host=127.0.0.1 port={} user=u dbname=d password={PASSWORD} sslmode=disable connect_timeout=60 {more}",
        server.port()
    );
    let flags = Flags { dbname: Some(text), ..Flags::default() };
    resolve(&Request { flags, environment: Environment::default(), ..Request::default() }).unwrap().conninfo
}

async fn refusal(server: &HostileServer, more: &str) -> ConnectError {
    let error = connect(&conninfo(server, more)).await.expect_err("the server is not one to connect to");
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    error
}

/// Starts a server with this script and returns how connecting to it fails.
async fn refused(script: impl Fn(&mut Wire<'_>) -> std::io::Result<()> + Send + Sync + 'static) -> ConnectError {
    refusal(&HostileServer::start(script), "").await
}
