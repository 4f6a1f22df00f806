//! A tunnel from the store's driver to its server. [`crate::postgres`] opens and authenticates the connections.
//!
//! sqlx supports neither `channel_binding` nor `require_auth`, ignores unknown parameters, and sends a password in
//! clear text to any server that requests it. So it gets no password and no network access: it connects to a
//! Unix-domain socket that only this process can use. Each of its connections is forwarded to one of
//! [`connect_stream`]. The stream ends with an error at the first message that would make the driver panic.

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

/// Why the server of a store cannot be reached.
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

/// The socket and the connections behind it.
#[derive(Debug)]
pub(super) struct Tunnel {
    conninfo: Arc<Conninfo>,
    /// Warnings about the connection.
    pub(super) warnings: Vec<String>,
    socket: DriverSocket,
    end: Arc<Notify>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl Tunnel {
    /// Opens the first connection and the socket. `limit` is the time limit of each connection.
    ///
    /// # Errors
    ///
    /// The server cannot be reached within `limit`, or the socket cannot be created.
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

    /// Returns the driver's connection options, which contain no password.
    pub(super) fn options(&self) -> PgConnectOptions {
        // The driver takes missing options from the PG* environment.
        PgConnectOptions::new_without_pgpass()
            .socket(self.socket.directory())
            .port(PORT)
            .username(&self.conninfo.user)
            .database(&self.conninfo.dbname)
            .password("")
            .ssl_mode(PgSslMode::Disable)
    }

    /// Waits until all data of the driver has been sent. The driver must have closed its connections.
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
                // The limit on open files is reached; the driver's timeout ends the wait.
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

/// Checks that the peer is this process, by the credentials that the kernel reports.
fn is_own_process(driver: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    driver.peer_cred().is_ok_and(|peer| peer.pid().is_some() && peer.pid() == own)
}

/// Serves one connection of the driver as its server.
async fn serve(mut driver: UnixStream, made: Option<ServerStream>, conninfo: Arc<Conninfo>, limit: Duration) {
    let server = match made {
        Some(server) => Ok(server),
        None => connect(&conninfo, limit).await,
    };
    match server {
        Ok(server) => relay(driver, server).await,
        Err(error) => {
            driver.write_all(&error_response(error.sqlstate().unwrap_or(CONNECTION_FAILURE), &error)).await.ok();
            // Read the rest of the driver's startup message: unread data would reset the connection before the driver
            // reads the error.
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

/// Copies the server's messages. The end of the connection is reported to the driver as an error message, which may
/// follow because the stream delivers whole messages. (`tokio::io::copy` discards the bytes it has read if reading
/// fails.)
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

/// Copies bytes in both directions until one side closes. A server that stops reading may still send an error.
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
