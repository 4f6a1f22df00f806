//! The store driver's way to its server: connections are made and authenticated by [`crate::postgres`].
//!
//! sqlx knows neither `channel_binding` nor `require_auth`, ignores parameters it does not know, and sends a password in
//! clear text to any server that asks. It therefore gets no password and no network: it connects to a Unix socket that only
//! this process may use. Behind each of its connections stands one of [`connect_stream`], of which the bytes are copied. The
//! stream ends with an error at the first message that the driver could not decode without a panic.

use super::driver_socket::{DriverSocket, PORT};
use crate::postgres::conninfo::Conninfo;
use crate::postgres::{Breach, ConnectError, ServerStream, connect_stream};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// Why a server of a store cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("the driver's socket cannot be created: {0}")]
    Socket(#[from] io::Error),
}

/// SQLSTATE of connection_failure.
const CONNECTION_FAILURE: &str = "08006";

/// SQLSTATE of protocol_violation.
const PROTOCOL_VIOLATION: &str = "08P01";

impl TunnelError {
    /// The SQLSTATE with which the server refused the connection.
    fn sqlstate(&self) -> Option<&str> {
        match self {
            TunnelError::Connect(error) => error.sqlstate(),
            TunnelError::Timeout(_) | TunnelError::Socket(_) => None,
        }
    }
}

/// The socket, and what stands behind it.
#[derive(Debug)]
pub(super) struct Tunnel {
    conninfo: Arc<Conninfo>,
    /// What the user should know about the connection.
    pub(super) warnings: Vec<String>,
    socket: DriverSocket,
    end: Arc<Notify>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl Tunnel {
    /// Makes the first connection and the socket. Each further connection of the driver may take `limit`, too.
    ///
    /// # Errors
    ///
    /// Fails where the server cannot be reached within `limit`, and where no socket can be made.
    pub(super) async fn open(conninfo: Conninfo, limit: Duration) -> Result<Tunnel, TunnelError> {
        let conninfo = Arc::new(conninfo);
        let first = connect(&conninfo, limit).await?;
        let warnings = first.warnings().to_vec();
        let (socket, listener) = DriverSocket::new()?;
        let end = Arc::new(Notify::new());
        let accepting = accept(listener, first, Arc::clone(&conninfo), limit, Arc::clone(&end));
        let acceptor = Mutex::new(Some(tokio::spawn(accepting)));
        Ok(Tunnel { conninfo, warnings, socket, end, acceptor })
    }

    /// Returns what the driver needs to use the tunnel. No password is among it.
    pub(super) fn options(&self) -> PgConnectOptions {
        // The driver fills an option that is not set from the PG* environment.
        PgConnectOptions::new_without_pgpass()
            .socket(self.socket.directory())
            .port(PORT)
            .username(&self.conninfo.user)
            .database(&self.conninfo.dbname)
            .password("")
            .ssl_mode(PgSslMode::Disable)
    }

    /// Waits until everything the driver sent is on its way. The driver must have closed its connections.
    pub(super) async fn close(&self) {
        self.end.notify_one();
        let acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(acceptor) = acceptor {
            let mut aborted = AbortOnDrop(acceptor);
            (&mut aborted.0).await.ok();
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        if let Some(acceptor) = self.acceptor.get_mut().unwrap_or_else(PoisonError::into_inner) {
            acceptor.abort();
        }
    }
}

/// A task that is aborted when its handle is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connect(conninfo: &Conninfo, limit: Duration) -> Result<ServerStream, TunnelError> {
    // Boxed: with TLS and all its fallbacks the future is large.
    match timeout(limit, Box::pin(connect_stream(conninfo))).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(TunnelError::Timeout(limit)),
    }
}

/// Serves the driver's connections until `end`, then waits for those that are left.
async fn accept(
    listener: UnixListener,
    first: ServerStream,
    conninfo: Arc<Conninfo>,
    limit: Duration,
    end: Arc<Notify>,
) {
    let mut first = Some(first);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((driver, _)) if is_own_process(&driver) => {
                    connections.spawn(serve(driver, first.take(), Arc::clone(&conninfo), limit));
                }
                Ok(_) => tracing::warn!("another process connected to the socket of the history's driver; refused"),
                // No more files may be opened for now; the driver's own limit ends the wait.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
            () = end.notified() => break,
        }
    }
    if let Some(unused) = first {
        unused.terminate().await;
    }
    while connections.join_next().await.is_some() {}
}

/// Checks who connected: the kernel says, and it cannot be forged.
fn is_own_process(driver: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    driver.peer_cred().is_ok_and(|peer| peer.pid().is_some() && peer.pid() == own)
}

/// Stands in for the server at one connection of the driver.
async fn serve(mut driver: UnixStream, made: Option<ServerStream>, conninfo: Arc<Conninfo>, limit: Duration) {
    let server = match made {
        Some(server) => Ok(server),
        None => connect(&conninfo, limit).await,
    };
    match server {
        Ok(server) => relay(driver, server).await,
        Err(error) => {
            driver.write_all(&error_response(error.sqlstate().unwrap_or(CONNECTION_FAILURE), &error)).await.ok();
            // The driver reads the error before it sees its own startup message unread.
            driver.shutdown().await.ok();
            tokio::io::copy(&mut driver, &mut tokio::io::sink()).await.ok();
        }
    }
}

/// A fatal ErrorResponse.
fn error_response(sqlstate: &str, error: &impl std::fmt::Display) -> Vec<u8> {
    let message = error.to_string().replace('\0', "");
    let fields = format!("SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat()
}

/// Copies what the server sends. What ends the connection is reported to the driver as an error of the server: the stream
/// delivers whole messages, so that another one may follow. (`tokio::io::copy` drops what it has read when reading fails.)
async fn copy_answers(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; 32 << 10];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(buffer.get(..count).unwrap_or_default()).await?,
            Err(error) => {
                let is_breach = error.get_ref().is_some_and(|error| error.is::<Breach>());
                let sqlstate = if is_breach { PROTOCOL_VIOLATION } else { CONNECTION_FAILURE };
                to.write_all(&error_response(sqlstate, &error)).await.ok();
                return Err(error);
            }
        }
    }
}

/// Copies bytes both ways until either side closes. A server that stops reading may still say why.
async fn relay(driver: UnixStream, server: ServerStream) {
    let (mut from_driver, mut to_driver) = driver.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let up = async {
        let copied = tokio::io::copy(&mut from_driver, &mut to_server).await;
        if copied.is_ok() {
            to_server.shutdown().await.ok();
        }
        copied.is_ok()
    };
    let down = async {
        if let Err(error) = copy_answers(&mut from_server, &mut to_driver).await {
            tracing::debug!("the connection to the history's server ended: {error}");
        }
    };
    tokio::pin!(up, down);
    tokio::select! {
        is_done = &mut up => if !is_done {
            down.await;
        },
        () = &mut down => {}
    }
}
