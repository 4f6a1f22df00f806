//! The stream that a driver reads: an authenticated connection with limits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::frames::Frames;
use super::meter::{Breach, Meter};
use super::startup::StartedSession;
use super::wire::Wire;

/// Size of one read.
const CHUNK_BYTES: usize = 32 << 10;

/// A connection after the start-up phase. The driver's start-up message is not sent; it is answered with the messages
/// that the server has already sent.
pub(super) struct GuardedStream {
    wire: Wire,
    meter: Arc<Meter>,
    frames: Frames,
    chunk: Box<[u8]>,
    /// Data for the driver, unread from `position` on.
    passed: Vec<u8>,
    position: usize,
    startup: Startup,
}

/// The received part of the driver's start-up message.
enum Startup {
    Length { bytes: [u8; 4], have: usize },
    Body(u32),
    Complete,
}

impl GuardedStream {
    pub(super) fn new(wire: Wire, started: &StartedSession, meter: Arc<Meter>) -> Self {
        Self {
            wire,
            frames: Frames::new(meter.message_limit()),
            meter,
            chunk: vec![0; CHUNK_BYTES].into(),
            passed: started.replay(),
            position: 0,
            startup: Startup::Length { bytes: [0; 4], have: 0 },
        }
    }

    /// Checks every answer, for a driver that executes prepared statements and trusts what it decodes.
    pub(super) fn for_prepared_statements(mut self) -> Self {
        self.frames.check_answers();
        self
    }

    /// Sends Terminate to the server.
    pub(super) async fn terminate(mut self) {
        super::startup::terminate(&mut self.wire).await;
    }

    fn copy_buffered(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let waiting = self.passed.get(self.position..).unwrap_or_default();
        let count = waiting.len().min(buf.remaining());
        buf.put_slice(waiting.get(..count).unwrap_or_default());
        self.position += count;
        if self.position >= self.passed.len() {
            self.passed.clear();
            self.position = 0;
        }
        count > 0
    }

    fn to_io_error(&self, breach: Breach) -> io::Error {
        io::Error::other(self.meter.record_breach(breach))
    }
}

impl Startup {
    /// Consumes the start-up message from the front, and returns the number of its bytes.
    fn skip_startup_bytes(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        loop {
            match self {
                Self::Length { bytes: length, have } => {
                    let (Some(slot), Some(byte)) = (length.get_mut(*have), bytes.get(taken)) else {
                        if *have < length.len() {
                            return taken;
                        }
                        *self = Self::Body(u32::from_be_bytes(*length).saturating_sub(4));
                        continue;
                    };
                    *slot = *byte;
                    *have += 1;
                    taken += 1;
                }
                Self::Body(0) => *self = Self::Complete,
                Self::Body(left) => {
                    let rest = u32::try_from(bytes.len() - taken).unwrap_or(u32::MAX).min(*left);
                    if rest == 0 {
                        return taken;
                    }
                    *left -= rest;
                    taken += rest as usize;
                }
                Self::Complete => return taken,
            }
        }
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        loop {
            if buf.remaining() == 0 || guard.copy_buffered(buf) {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = ReadBuf::new(&mut guard.chunk);
            ready!(Pin::new(&mut guard.wire).poll_read(cx, &mut chunk))?;
            let received = chunk.filled().len();
            if received == 0 {
                return Poll::Ready(Ok(()));
            }
            guard.meter.count(received as u64).map_err(io::Error::other)?;
            let received = guard.chunk.get(..received).unwrap_or_default();
            if let Err(breach) = guard.frames.follow(received, &mut guard.passed) {
                return Poll::Ready(Err(guard.to_io_error(breach)));
            }
        }
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        match guard.startup.skip_startup_bytes(buf) {
            0 => {
                let written = ready!(Pin::new(&mut guard.wire).poll_write(cx, buf))?;
                guard.frames.follow_requests(buf.get(..written).unwrap_or_default());
                Poll::Ready(Ok(written))
            }
            skipped => Poll::Ready(Ok(skipped)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

impl TlsStream for GuardedStream {
    fn channel_binding(&self) -> ChannelBinding {
        // Authentication is over.
        ChannelBinding::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guard_skips_startup_message_in_any_chunks() {
        let stream =
            [crate::postgres::connect::startup::startup_message(&[("user", "u")]).as_slice(), b"Qrest"].concat();
        for size in 1..=stream.len() {
            let mut startup = Startup::Length { bytes: [0; 4], have: 0 };
            let mut rest: Vec<u8> = Vec::new();
            for piece in stream.chunks(size) {
                let skipped = startup.skip_startup_bytes(piece);
                rest.extend(&piece[skipped..]);
            }
            assert_eq!(rest, b"Qrest", "{size}");
        }
    }
}
