use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_postgres::CancelToken;
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::address::Address;
use super::problem::{Problem, with_connect_timeout};
use super::progress::Progress;
use super::socket::Socket;
use super::wire::{AlreadyNegotiated, Wire};
use crate::postgres::conninfo::Keepalives;
use crate::postgres::tls::Tls;

/// Time limit of a cancel request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// The bytes that are read after a cancel request before the server closes; none are expected.
const MAX_RESPONSE_BYTES: u64 = 64 << 10;

/// Cancels the running statement of a session.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    address: Address,
    keepalives: Keepalives,
    tls: Option<Tls>,
}

impl Canceller {
    pub(super) fn new(token: CancelToken, address: Address, keepalives: Keepalives, tls: Option<Tls>) -> Self {
        Self { token, address, keepalives, tls }
    }

    /// Sends the cancel request over a separate connection to the same address with the same TLS.
    /// Returns when the server has received it, within 2 s. The server does not report whether a
    /// statement was cancelled.
    pub async fn cancel(&self) -> Result<(), Problem> {
        let progress = Progress::default();
        with_connect_timeout(Some(CANCEL_TIMEOUT), Duration::ZERO, &progress, self.send_cancel_request(&progress))
            .await?
    }

    async fn send_cancel_request(&self, progress: &Progress) -> Result<(), Problem> {
        let socket = Socket::open(&self.address, &self.keepalives, progress).await.map_err(Problem::Unreachable)?;
        let mut wire = match &self.tls {
            Some(tls) => Wire::encrypt(socket, tls).await?,
            None => Wire::Plain(socket),
        };
        self.token.cancel_query_raw(KeepOpen(&mut wire), AlreadyNegotiated).await?;
        // PgBouncer discards a request whose sender disconnects. The server closes the connection when it is
        // done, without sending anything. Bytes of a hostile server are discarded, up to a limit.
        match tokio::io::copy(&mut wire.take(MAX_RESPONSE_BYTES), &mut tokio::io::sink()).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                Ok(())
            }
            Err(error) => Err(Problem::Io(error)),
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// A wire whose shutdown does nothing.
struct KeepOpen<'a>(&'a mut Wire);

impl TlsStream for KeepOpen<'_> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for KeepOpen<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for KeepOpen<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
