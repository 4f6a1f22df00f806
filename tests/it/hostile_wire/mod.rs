//! Servers that violate the protocol or exceed its limits: what pgtend accepts, sends and reports.

mod authentication;
mod program;
mod queries;
mod startup;

use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Conninfo, Environment, resolve};
use pgtend::postgres::{ConnectError, connect};

use crate::hostile_server::{Connection, HostileServer};

/// The password that no message may contain.
const PASSWORD: &str = "correct-horse-battery";

fn conninfo(server: &HostileServer, more: &str) -> Conninfo {
    let text = format!(
        "host=127.0.0.1 port={} user=u dbname=d password={PASSWORD} sslmode=disable connect_timeout=60 {more}",
        server.port()
    );
    let flags = ConnectionFlags { dbname: Some(text), ..ConnectionFlags::default() };
    resolve(&ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() })
        .unwrap()
        .conninfo
}

async fn connect_error(server: &HostileServer, more: &str) -> ConnectError {
    let error = connect(&conninfo(server, more)).await.expect_err("the connection fails");
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    error
}

/// Starts a server with this script and returns the connection error.
async fn connect_error_of_script(
    script: impl Fn(&mut Connection<'_>) -> std::io::Result<()> + Send + Sync + 'static,
) -> ConnectError {
    connect_error(&HostileServer::start(script), "").await
}
