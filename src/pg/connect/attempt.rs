//! One address: open, encrypt, start up, look at what answered.

use std::future::poll_fn;

use tokio_postgres::config::{ChannelBinding as WireBinding, SslMode as WireMode, SslNegotiation as WireNegotiation};
use tokio_postgres::{AsyncMessage, Config, Connection};
use tracing::debug;

use super::address::Address;
use super::canceller::Canceller;
use super::endpoint::Endpoint;
use super::problem::{Attempt, Problem};
use super::session_attrs::{self, Reported};
use super::socket::{Socket, bounded};
use super::wire::{AlreadyNegotiated, Wire};
use super::{Connected, peer, server_version};
use crate::pg::conninfo::{ChannelBinding, Conninfo, Host, SslMode, TargetSessionAttrs};
use crate::pg::tls::Tls;

/// How an address fared: the outcome, and the try before the last one, if there was one.
pub(super) struct Attempted {
    pub(super) outcome: Result<Connected, Attempt>,
    pub(super) failed: Option<Attempt>,
}

/// Tries an address, plain or encrypted in the order of the sslmode.
pub(super) async fn attempt(
    conninfo: &Conninfo,
    host: &Host,
    (address, endpoint): &(Address, Endpoint),
    tls: Option<&Tls>,
    wanted: TargetSessionAttrs,
) -> Attempted {
    let once = async |tls: Option<&Tls>| {
        let connecting = connect_once(conninfo, host, address, endpoint, tls, wanted);
        let outcome = bounded(conninfo.connect_timeout, connecting).await.and_then(|outcome| outcome);
        outcome.map_err(|problem| Attempt { endpoint: endpoint.clone(), encrypted: Some(tls.is_some()), problem })
    };
    let (first, second) = match (tls, conninfo.tls.mode) {
        (Some(_), SslMode::Allow) => (None, Some(tls)),
        (Some(_), SslMode::Prefer) => (tls, Some(None)),
        _ => (tls, None),
    };
    let failed = match once(first).await {
        Ok(connected) => return Attempted { outcome: Ok(connected), failed: None },
        Err(failed) => failed,
    };
    let other_may_help = failed.problem.is_refusal() || (first.is_some() && failed.problem.is_of_tls());
    match second {
        Some(second) if other_may_help => {
            // That the server has no TLS is no failure where TLS is only preferred.
            let outcome = once(second).await;
            Attempted { outcome, failed: Some(failed).filter(|failed| !matches!(failed.problem, Problem::NoTls)) }
        }
        _ => Attempted { outcome: Err(failed), failed: None },
    }
}

async fn connect_once(
    conninfo: &Conninfo,
    host: &Host,
    address: &Address,
    endpoint: &Endpoint,
    tls: Option<&Tls>,
    wanted: TargetSessionAttrs,
) -> Result<Connected, Problem> {
    let socket = Socket::open(address, &conninfo.keepalives).await.map_err(Problem::Unreachable)?;
    peer::check(&socket, conninfo.requirepeer.as_deref())?;
    let wire = match tls {
        Some(tls) => Wire::encrypt(socket, tls).await?,
        None => Wire::Plain(socket),
    };
    let tls_version = wire.tls_version();
    let config = startup(conninfo, host, wire.is_encrypted());
    let (client, connection) = config.connect_raw(wire, AlreadyNegotiated).await?;

    let on = |name| connection.parameter(name).map(|value| value == "on");
    let reported = Reported {
        in_hot_standby: on("in_hot_standby"),
        default_transaction_read_only: on("default_transaction_read_only"),
    };
    let server_version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let canceller = Canceller::new(client.cancel_token(), address.clone(), conninfo.keepalives, tls.cloned());
    tokio::spawn(drive(connection));
    session_attrs::check(&client, &reported, wanted).await?;
    Ok(Connected {
        client,
        canceller,
        server_version_num: server_version::number(&server_version).unwrap_or(0),
        server_version,
        in_hot_standby: reported.in_hot_standby,
        endpoint: endpoint.clone(),
        tls: tls_version,
    })
}

fn startup(conninfo: &Conninfo, host: &Host, encrypted: bool) -> Config {
    let mut config = Config::new();
    config.user(&conninfo.user).dbname(&conninfo.dbname).application_name(&conninfo.application_name);
    if let Some(password) = &host.password {
        config.password(password.secret.expose());
    }
    if let Some(options) = &conninfo.options {
        config.options(options);
    }
    config.channel_binding(match conninfo.channel_binding {
        ChannelBinding::Disable => WireBinding::Disable,
        ChannelBinding::Prefer => WireBinding::Prefer,
        ChannelBinding::Require => WireBinding::Require,
    });
    // The wire is negotiated already; "direct" keeps tokio-postgres from asking again.
    config.ssl_negotiation(WireNegotiation::Direct);
    config.ssl_mode(if encrypted { WireMode::Require } else { WireMode::Disable });
    config
}

/// Moves bytes until the client is dropped or the connection ends.
async fn drive(mut connection: Connection<Wire, Wire>) {
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => debug!(severity = notice.severity(), "{}", notice.message()),
            Ok(_) => {}
            Err(error) => {
                debug!(problem = %Problem::from(error), "the connection ended");
                return;
            }
        }
    }
}
