use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::address::Address;
use super::progress::{Progress, Stage};
use crate::postgres::conninfo::Keepalives;

/// A connected socket, which notes that the server has sent something.
pub(super) struct Socket {
    pub(super) stream: Stream,
    progress: Progress,
}

/// The connection itself.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(super) async fn open(address: &Address, keepalives: &Keepalives, progress: &Progress) -> io::Result<Self> {
        let stream = Stream::open(address, keepalives).await?;
        progress.reach(Stage::Accepted);
        Ok(Self { stream, progress: progress.clone() })
    }
}

impl Stream {
    async fn open(address: &Address, keepalives: &Keepalives) -> io::Result<Self> {
        match address {
            Address::Socket(path) => open_unix(path).await.map(Self::Unix),
            Address::Tcp(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.set_nodelay(true)?;
                set_keepalives(keepalives, &SockRef::from(&socket))?;
                socket.connect(*address).await.map(Self::Tcp)
            }
        }
    }
}

async fn open_unix(path: &std::path::Path) -> io::Result<UnixStream> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.to_str().and_then(|path| path.strip_prefix('@')) {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
        stream.set_nonblocking(true)?;
        return UnixStream::from_std(stream);
    }
    UnixStream::connect(path).await
}

fn set_keepalives(keepalives: &Keepalives, socket: &SockRef<'_>) -> io::Result<()> {
    if keepalives.enabled {
        let mut settings = TcpKeepalive::new();
        if let Some(idle) = keepalives.idle {
            settings = settings.with_time(idle);
        }
        if let Some(interval) = keepalives.interval {
            settings = settings.with_interval(interval);
        }
        if let Some(count) = keepalives.count {
            settings = settings.with_retries(count);
        }
        socket.set_tcp_keepalive(&settings)?;
        // Without parameters, socket2 does not change keepalive.
        socket.set_keepalive(true)?;
    }
    #[cfg(target_os = "linux")]
    if keepalives.user_timeout.is_some() {
        socket.set_tcp_user_timeout(keepalives.user_timeout)?;
    }
    Ok(())
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let before = buf.filled().len();
        let polled = match &mut socket.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if buf.filled().len() > before {
            socket.progress.reach(Stage::Answered);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
