//! The stream of tokio-postgres, plain or encrypted.
//!
//! tokio-postgres supports only three of the six sslmodes, and does not distinguish a refusal of the
//! server, an error, and a failed handshake. So the negotiation is implemented here.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::tls::{TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};

use super::problem::Problem;
use super::socket::Socket;
use crate::postgres::tls::{CertificateProblem, Tls, end_point_digest};

/// The code of an SSLRequest (PostgreSQL manual, 53.7 Message Formats).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A connection to a server, ready for the start-up message.
pub(super) enum Wire {
    Plain(Socket),
    Encrypted(Box<client::TlsStream<Socket>>),
}

impl Wire {
    /// Negotiates TLS on a new socket.
    pub(super) async fn encrypt(mut socket: Socket, tls: &Tls) -> Result<Self, Problem> {
        if !tls.is_direct() {
            socket.write_all(&SSL_REQUEST).await.map_err(Problem::Io)?;
            match socket.read_u8().await.map_err(Problem::Io)? {
                b'S' => {}
                // Anything else is an error message. The server is not authenticated, so it is not shown
                // (CVE-2024-10977).
                b'N' => return Err(Problem::NoTls),
                _ => return Err(Problem::UnexpectedTlsAnswer),
            }
        }
        let connector = TlsConnector::from(tls.config.clone());
        let stream = connector.connect(tls.server_name.clone(), socket).await.map_err(handshake_problem)?;
        tls.check_handshake(stream.get_ref().1).map_err(|problem| Problem::TlsSetup(problem.into()))?;
        Ok(Self::Encrypted(Box::new(stream)))
    }

    /// The TLS version, such as `TLSv1.3`.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Encrypted(stream) => Some(match stream.get_ref().1.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLS",
            }),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// The digest of the server's certificate, for channel binding of the type `tls-server-end-point` (RFC 5929).
    pub(super) fn end_point_digest(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(_) => None,
            Self::Encrypted(stream) => {
                stream.get_ref().1.peer_certificates().and_then(<[_]>::first).and_then(end_point_digest)
            }
        }
    }
}

fn handshake_problem(error: io::Error) -> Problem {
    let certificate =
        error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).and_then(|error| match error {
            rustls::Error::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(inner))) => {
                inner.downcast_ref::<CertificateProblem>().cloned()
            }
            _ => None,
        });
    match certificate {
        Some(problem) => Problem::Certificate(problem),
        None => Problem::Handshake(error),
    }
}

/// A TLS connector for tokio-postgres that does nothing, since TLS is established already.
pub(super) struct AlreadyNegotiated;

impl<S: TlsStream + Unpin> TlsConnect<S> for AlreadyNegotiated {
    type Stream = S;
    type Error = Infallible;
    type Future = Ready<Result<S, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(stream))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
