//! The connections between clients and the server.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Behaviour;
use super::round_trip_counter::{RoundTripCounter, SessionCounter};

/// The address of the server.
#[derive(Clone, Debug)]
pub enum ServerAddress {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl ServerAddress {
    pub fn new(host: &str, port: u16) -> Self {
        match host.starts_with('/') {
            true => Self::Unix(format!("{host}/.s.PGSQL.{port}").into()),
            false => Self::Tcp(host.to_owned(), port),
        }
    }
}

/// A text that a client sends, and that makes the proxy stall.
#[derive(Debug)]
pub struct StallTrigger {
    pub pattern: Vec<u8>,
    /// Whether the server receives the text before the proxy stalls.
    pub forwards_match: bool,
}

/// The shared state that each connection uses.
#[derive(Clone)]
pub struct ProxiedConnection {
    pub server: Arc<Mutex<ServerAddress>>,
    pub behaviour: Behaviour,
    pub round_trips: Arc<RoundTripCounter>,
    pub stalled: Arc<watch::Sender<bool>>,
    pub stall_trigger: Arc<Mutex<Option<StallTrigger>>>,
    pub cut_signal: watch::Receiver<u32>,
}

impl ProxiedConnection {
    /// Accepts connections until the proxy is dropped, which ends all of them.
    pub async fn accept_connections(self, listener: std::net::TcpListener) {
        let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
        let mut cuts = self.cut_signal.clone();
        let mut dropped = pin!(async { while cuts.changed().await.is_ok() {} });
        while let Either::Left((accepted, _)) = select(pin!(listener.accept()), dropped.as_mut()).await {
            if let Ok((client, _)) = accepted {
                tokio::spawn(self.clone().serve_client(client));
            }
        }
    }

    async fn serve_client(mut self, client: TcpStream) {
        // Only later cuts count; the end of the proxy counts as a cut.
        self.cut_signal.mark_unchanged();
        let turns = Arc::clone(&self.round_trips);
        let session = SessionCounter::new(&turns);
        let mut cuts = self.cut_signal.clone();
        let passed = pin!(self.connect_to_server(client, &session));
        let cut = pin!(cuts.changed());
        let _ = select(passed, cut).await;
    }

    async fn connect_to_server(&self, client: TcpStream, session: &SessionCounter<'_>) -> io::Result<()> {
        client.set_nodelay(true)?;
        let target = self.server.lock().expect("no panic while the target is read").clone();
        match target {
            ServerAddress::Tcp(host, port) => {
                let server = TcpStream::connect((host.as_str(), port)).await?;
                server.set_nodelay(true)?;
                self.forward_both(client, server, session).await
            }
            ServerAddress::Unix(path) => self.forward_both(client, UnixStream::connect(path).await?, session).await,
        }
    }

    async fn forward_both(
        &self,
        client: TcpStream,
        server: impl AsyncRead + AsyncWrite,
        session: &SessionCounter<'_>,
    ) -> io::Result<()> {
        let (client_in, client_out) = client.into_split();
        let (server_in, server_out) = tokio::io::split(server);
        let Behaviour { to_server, to_client, .. } = self.behaviour;
        let up = self.forward(
            client_in,
            server_out,
            to_server,
            |bytes| session.client_sent(bytes),
            |bytes| self.triggers_stall(bytes),
        );
        let down = self.forward(
            server_in,
            client_out,
            to_client,
            |_| (),
            |bytes| {
                session.server_received(bytes);
                false
            },
        );
        tokio::try_join!(up, down).map(drop)
    }

    /// Whether these bytes trigger the stall. Then nothing more is forwarded, except these bytes if the trigger
    /// forwards them.
    fn triggers_stall(&self, bytes: &[u8]) -> bool {
        let mut stall_trigger = self.stall_trigger.lock().expect("no panic while the trigger is set");
        let sprung = stall_trigger.take_if(|trap| bytes.windows(trap.pattern.len()).any(|part| part == trap.pattern));
        if let Some(trap) = &sprung {
            self.stalled.send_replace(true);
            return !trap.forwards_match;
        }
        false
    }

    /// Forwards bytes, each with the delay, independent of the bytes before it. `on_read` and `on_write` are called when
    /// bytes arrive and when they are sent.
    async fn forward(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        delay: Duration,
        on_read: impl Fn(&[u8]),
        on_write: impl Fn(&[u8]) -> bool,
    ) -> io::Result<()> {
        let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let reads = async move {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = from.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                on_read(&buffer[..length]);
                let _ = send.send((Instant::now() + delay, buffer[..length].to_vec()));
            }
        };
        let writes = async move {
            let mut stalled = self.stalled.subscribe();
            while let Some((due, bytes)) = receive.recv().await {
                sleep_until(due).await;
                // The end of the proxy ends the connection; it is signalled as a cut.
                let _ = stalled.wait_for(|stalled| !stalled).await;
                if on_write(&bytes) {
                    let _ = stalled.wait_for(|stalled| !stalled).await;
                }
                to.write_all(&bytes).await?;
            }
            to.shutdown().await
        };
        tokio::try_join!(reads, writes).map(drop)
    }
}
