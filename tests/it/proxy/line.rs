//! The lines between clients and the server.

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
use super::turns::{Session, Turns};

/// Where the server listens.
#[derive(Clone, Debug)]
pub enum Server {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Server {
    pub fn new(host: &str, port: u16) -> Self {
        match host.starts_with('/') {
            true => Self::Unix(format!("{host}/.s.PGSQL.{port}").into()),
            false => Self::Tcp(host.to_owned(), port),
        }
    }
}

/// Something to wait for in what a client says.
#[derive(Debug)]
pub struct Trap {
    pub words: Vec<u8>,
    /// Whether the server hears them, before the line goes dead.
    pub lets_through: bool,
}

/// All that one connection needs to know.
#[derive(Clone)]
pub struct Road {
    pub server: Arc<Mutex<Server>>,
    pub behaviour: Behaviour,
    pub turns: Arc<Turns>,
    pub stalled: Arc<watch::Sender<bool>>,
    pub trap: Arc<Mutex<Option<Trap>>>,
    pub cuts: watch::Receiver<u32>,
}

impl Road {
    /// Takes connections until the proxy is dropped, and every connection with it.
    pub async fn accept(self, listener: std::net::TcpListener) {
        let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
        let mut cuts = self.cuts.clone();
        let mut dropped = pin!(async { while cuts.changed().await.is_ok() {} });
        while let Either::Left((accepted, _)) = select(pin!(listener.accept()), dropped.as_mut()).await {
            if let Ok((client, _)) = accepted {
                tokio::spawn(self.clone().carry(client));
            }
        }
    }

    async fn carry(mut self, client: TcpStream) {
        // Only cuts from now on; the end of the proxy is one, too.
        self.cuts.mark_unchanged();
        let turns = Arc::clone(&self.turns);
        let session = Session::new(&turns);
        let mut cuts = self.cuts.clone();
        let passed = pin!(self.pass(client, &session));
        let cut = pin!(cuts.changed());
        let _ = select(passed, cut).await;
    }

    async fn pass(&self, client: TcpStream, session: &Session<'_>) -> io::Result<()> {
        client.set_nodelay(true)?;
        let target = self.server.lock().expect("no panic while the target is read").clone();
        match target {
            Server::Tcp(host, port) => {
                let server = TcpStream::connect((host.as_str(), port)).await?;
                server.set_nodelay(true)?;
                self.both_ways(client, server, session).await
            }
            Server::Unix(path) => self.both_ways(client, UnixStream::connect(path).await?, session).await,
        }
    }

    async fn both_ways(
        &self,
        client: TcpStream,
        server: impl AsyncRead + AsyncWrite,
        session: &Session<'_>,
    ) -> io::Result<()> {
        let (client_in, client_out) = client.into_split();
        let (server_in, server_out) = tokio::io::split(server);
        let Behaviour { to_server, to_client, .. } = self.behaviour;
        let up =
            self.one_way(client_in, server_out, to_server, |bytes| session.client(bytes), |bytes| self.snap(bytes));
        let down = self.one_way(
            server_in,
            client_out,
            to_client,
            |_| (),
            |bytes| {
                session.server(bytes);
                false
            },
        );
        tokio::try_join!(up, down).map(drop)
    }

    /// Whether these bytes spring the trap that was set; then nothing passes any more, but for these where the trap lets
    /// them through.
    fn snap(&self, bytes: &[u8]) -> bool {
        let mut trap = self.trap.lock().expect("nobody panics while setting a trap");
        let sprung = trap.take_if(|trap| bytes.windows(trap.words.len()).any(|part| part == trap.words));
        if let Some(trap) = &sprung {
            self.stalled.send_replace(true);
            return !trap.lets_through;
        }
        false
    }

    /// A byte is under way for the delay, however many are before it. `heard` and `told` see them when
    /// they come and when they go.
    async fn one_way(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        delay: Duration,
        heard: impl Fn(&[u8]),
        told: impl Fn(&[u8]) -> bool,
    ) -> io::Result<()> {
        let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let reads = async move {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = from.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                heard(&buffer[..length]);
                let _ = send.send((Instant::now() + delay, buffer[..length].to_vec()));
            }
        };
        let writes = async move {
            let mut stalled = self.stalled.subscribe();
            while let Some((due, bytes)) = receive.recv().await {
                sleep_until(due).await;
                // The proxy's end is the connection's end, which the cuts tell.
                let _ = stalled.wait_for(|stalled| !stalled).await;
                if told(&bytes) {
                    let _ = stalled.wait_for(|stalled| !stalled).await;
                }
                to.write_all(&bytes).await?;
            }
            to.shutdown().await
        };
        tokio::try_join!(reads, writes).map(drop)
    }
}
