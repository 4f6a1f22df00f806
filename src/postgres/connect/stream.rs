//! Use of an authenticated connection: a session of tokio-postgres, or a byte stream for another driver.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode as WireMode;
use tokio_postgres::{AsyncMessage, Config, Connection};
use tracing::{Level, debug};

use super::Connected;
use super::address::Address;
use super::canceller::Canceller;
use super::endpoint::Endpoint;
use super::guard::GuardedStream;
use super::meter::Meter;
use super::problem::Problem;
use super::server_error::ServerError;
use super::wire::AlreadyNegotiated;
use crate::postgres::conninfo::Conninfo;
use crate::postgres::tls::Tls;

/// An authenticated connection to a suitable server, without a driver.
pub(super) struct EstablishedConnection {
    pub(super) guard: GuardedStream,
    pub(super) meter: Arc<Meter>,
    pub(super) warnings: Vec<String>,
    pub(super) server_version: String,
    pub(super) in_hot_standby: Option<bool>,
    pub(super) address: Address,
    pub(super) endpoint: Endpoint,
    pub(super) pinned: Conninfo,
    pub(super) tls_version: Option<&'static str>,
    pub(super) tls: Option<Tls>,
}

impl EstablishedConnection {
    /// Passes the connection to tokio-postgres, driven by a task.
    pub(super) async fn into_session(self, conninfo: &Conninfo) -> Result<Connected, Problem> {
        let mut config = Config::new();
        // The guard removes the start-up message, which must contain a user for tokio-postgres.
        config.user(&conninfo.user).ssl_mode(WireMode::Disable);
        let (client, connection) = config.connect_raw(self.guard, AlreadyNegotiated).await?;
        let canceller = Canceller::new(client.cancel_token(), self.address, conninfo.keepalives, self.tls);
        tokio::spawn(drive_connection(connection));
        Ok(Connected {
            client,
            canceller,
            meter: self.meter,
            warnings: self.warnings,
            server_version_num: parse_version_num(&self.server_version).unwrap_or(0),
            server_version: self.server_version,
            in_hot_standby: self.in_hot_standby,
            endpoint: self.endpoint,
            pinned: self.pinned,
            tls: self.tls_version,
        })
    }

    /// Passes the connection to another driver.
    pub(super) fn into_stream(self) -> ServerStream {
        ServerStream { guard: self.guard.for_prepared_statements(), warnings: self.warnings }
    }
}

/// An authenticated connection for another driver, which connects as usual. Its start-up message is not sent but
/// answered with AuthenticationOk and the reported parameters; everything after it is sent to the server.
pub struct ServerStream {
    guard: GuardedStream,
    warnings: Vec<String>,
}

impl ServerStream {
    /// Warnings about this connection.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Closes a connection that no driver has used.
    pub async fn terminate(self) {
        self.guard.terminate().await;
    }
}

impl fmt::Debug for ServerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStream").finish_non_exhaustive()
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.guard).poll_read(cx, buf)
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.guard).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.guard).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.guard).poll_shutdown(cx)
    }
}

/// Transfers bytes until the client is dropped or the connection ends.
async fn drive_connection(mut connection: Connection<GuardedStream, GuardedStream>) {
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            // Parsed only if shown, because redaction takes time for each notice and each secret.
            Ok(AsyncMessage::Notice(notice)) if tracing::enabled!(Level::DEBUG) => {
                let notice = ServerError::from(&notice);
                let text = &notice.message;
                debug!(severity = ?notice.severity, "{text:?}");
            }
            Ok(_) => {}
            Err(error) => {
                debug!(problem = %Problem::from(error), "the connection ended");
                return;
            }
        }
        // Reading buffered messages does not consume the cooperative budget of tokio.
        tokio::task::coop::consume_budget().await;
    }
}

/// Converts a reported version to the format of `server_version_num`: `17.10 (Debian …)` is 170010,
/// `18beta1` and `16devel` are 180000 and 160000, `9.6.24` is 90624.
pub(super) fn parse_version_num(reported: &str) -> Option<u32> {
    let end = reported.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(reported.len());
    let mut parts = reported.get(..end)?.split('.').map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    let (minor, patch) = (next(), next());
    let number = if major >= 10 { (major, 0, minor) } else { (major, minor, patch) };
    number.0.checked_mul(10_000)?.checked_add(number.1.checked_mul(100)?)?.checked_add(number.2)
}

#[cfg(test)]
mod tests {
    use super::parse_version_num;

    #[test]
    fn server_version_parses_reported_text() {
        for (reported, wanted) in [
            ("", None),
            ("devel", None),
            ("99999999999", None),
            ("17.10 (Debian 17.10-1.pgdg12+1)", Some(170_010)),
            ("18beta1", Some(180_000)),
            ("16devel", Some(160_000)),
            ("13.23", Some(130_023)),
            ("9.6.24", Some(90_624)),
            ("15.18 (Debian 15.18-0+deb12u1)", Some(150_018)),
        ] {
            assert_eq!(parse_version_num(reported), wanted, "{reported}");
        }
    }
}
