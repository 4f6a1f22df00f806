//! Connecting as libpq does: each host in turn, with TLS according to the sslmode.
//!
//! PostgreSQL manual, 34.1.1.3 Specifying Multiple Hosts and 34.19 SSL Support.

mod address;
mod attempt;
mod authentication;
mod bodies;
mod canceller;
mod endpoint;
mod error;
mod extended_query;
mod frames;
mod guard;
mod meter;
mod pin;
mod problem;
mod progress;
mod scram;
mod server_error;
mod session_attrs;
mod socket;
mod startup;
mod stream;
mod wire;

pub use canceller::Canceller;
pub use endpoint::Endpoint;
pub use error::{ConnectError, ConnectFailure};
pub use meter::{Breach, Meter};
pub use problem::{Attempt, Problem, TlsSetupError};
pub use progress::Stage;
pub use scram::ScramError;
pub use server_error::ServerError;
pub use stream::ServerStream;

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Client;

use self::address::Addresses;
use self::attempt::{AttemptResult, try_address};
use self::stream::EstablishedConnection;
use super::conninfo::{Conninfo, Host, LoadBalanceHosts, Password, PasswordRequest, TargetSessionAttrs};

/// A session, with the properties of the server that are known without a query.
#[derive(Debug)]
pub struct Connected {
    /// The session. Dropping it closes the connection.
    pub client: Client,
    /// Cancels the running statement.
    pub canceller: Canceller,
    /// Counts the bytes that the server sends on this connection.
    pub meter: Arc<Meter>,
    /// Warnings about this connection.
    pub warnings: Vec<String>,
    /// The reported version: `17.10 (Debian 17.10-1.pgdg12+1)`.
    pub server_version: String,
    /// The version in the format of `server_version_num`: `170010`; 0 if the reported version cannot be parsed.
    pub server_version_num: u32,
    /// Whether the server is in hot standby; servers before 14 do not report it.
    pub in_hot_standby: Option<bool>,
    /// The address of the session.
    pub endpoint: Endpoint,
    /// The request narrowed to that address, for further connections to the same server.
    pub pinned: Conninfo,
    /// The TLS version, such as `TLSv1.3`; `None` for a plain connection.
    pub tls: Option<&'static str>,
}

/// Connects to the first suitable host. Must be called inside a tokio runtime: a separate task drives
/// the connection.
pub async fn connect(conninfo: &Conninfo) -> Result<Connected, ConnectError> {
    let established = establish(conninfo).await?;
    let endpoint = established.endpoint.clone();
    established
        .into_session(conninfo)
        .await
        .map_err(|problem| ConnectError::new(conninfo, vec![Attempt { endpoint, encrypted: None, problem }]))
}

/// Connects by the same rules, and returns the authenticated byte stream for a driver that does not implement them.
///
/// # Errors
///
/// Fails as [`connect`] does.
pub async fn connect_stream(conninfo: &Conninfo) -> Result<ServerStream, ConnectError> {
    Ok(establish(conninfo).await?.into_stream())
}

async fn establish(conninfo: &Conninfo) -> Result<EstablishedConnection, ConnectError> {
    let mut attempts = Vec::new();
    let passes: &[TargetSessionAttrs] = match conninfo.target_session_attrs {
        TargetSessionAttrs::PreferStandby => &[TargetSessionAttrs::Standby, TargetSessionAttrs::Any],
        ref wanted => std::slice::from_ref(wanted),
    };
    for wanted in passes {
        for host in ordered_hosts(conninfo) {
            match connect_host(conninfo, host, *wanted, &mut attempts).await {
                HostOutcome::Connected(established) => return Ok(*established),
                HostOutcome::NextHost => {}
                HostOutcome::GiveUp => return Err(ConnectError::new(conninfo, attempts)),
            }
        }
    }
    Err(ConnectError::new(conninfo, attempts))
}

enum HostOutcome {
    Connected(Box<EstablishedConnection>),
    NextHost,
    GiveUp,
}

async fn connect_host(
    conninfo: &Conninfo,
    host: &Host,
    wanted: TargetSessionAttrs,
    attempts: &mut Vec<Attempt>,
) -> HostOutcome {
    let Addresses { list, tls, without_tls, lookup_time: looked_up_in } = match Addresses::resolve(conninfo, host).await
    {
        Ok(addresses) => addresses,
        Err(failed) => {
            let is_final = failed.problem.is_final();
            attempts.push(failed);
            return if is_final { HostOutcome::GiveUp } else { HostOutcome::NextHost };
        }
    };
    attempts.extend(without_tls);
    let provided = match provided_password(conninfo, host).await {
        Ok(provided) => provided,
        Err(reason) => {
            let endpoint = list.into_iter().next().map(|(_, endpoint)| endpoint);
            let endpoint =
                endpoint.unwrap_or_else(|| Endpoint::Tcp { host: Some(host.name()), address: None, port: host.port });
            attempts.push(Attempt { endpoint, encrypted: None, problem: Problem::NoPassword(reason) });
            return HostOutcome::GiveUp;
        }
    };
    let host = provided.as_ref().unwrap_or(host);
    let mut spent = looked_up_in;
    for address in &list {
        let AttemptResult { outcome, failed } = try_address(conninfo, host, address, tls.as_ref(), wanted, spent).await;
        spent = Duration::ZERO;
        attempts.extend(failed);
        match outcome {
            Ok(established) => return HostOutcome::Connected(Box::new(established)),
            Err(last) => {
                let (is_final, next_host) = (last.problem.is_final(), last.problem.is_wrong_role());
                attempts.push(last);
                if is_final {
                    return HostOutcome::GiveUp;
                }
                if next_host {
                    return HostOutcome::NextHost;
                }
            }
        }
    }
    HostOutcome::NextHost
}

/// Returns the host with a password of the request's provider, if it has one. It is called for each connection, because
/// a login token expires within minutes.
async fn provided_password(conninfo: &Conninfo, host: &Host) -> Result<Option<Host>, String> {
    let Some(provider) = &conninfo.password_provider else { return Ok(None) };
    let name = host.name();
    let request = PasswordRequest { host: &name, port: host.port, user: &conninfo.user, dbname: &conninfo.dbname };
    let secret = provider.password(request).await?;
    let password = Password { secret, origin: provider.origin() };
    Ok(Some(Host { password: Some(password), ..host.clone() }))
}

fn ordered_hosts(conninfo: &Conninfo) -> Vec<&Host> {
    let mut hosts: Vec<&Host> = conninfo.hosts.iter().collect();
    if conninfo.load_balance_hosts == LoadBalanceHosts::Random {
        address::shuffle(&mut hosts);
    }
    hosts
}
