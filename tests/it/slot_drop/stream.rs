//! A streaming consumer: the replication protocol over the Unix socket, implemented here because no client library of
//! the project supports it (PostgreSQL manual, 54.4 "Streaming Replication Protocol").

use pg_sandbox::Cluster;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The client side of a walsender.
pub struct ReplicationStream {
    socket: UnixStream,
}

impl ReplicationStream {
    /// Connects to a slot.
    pub async fn attach(cluster: &Cluster, slot: &str, is_logical: bool, from: &str) -> io::Result<ReplicationStream> {
        let path = format!("{}/.s.PGSQL.{}", cluster.socket_dir().display(), cluster.port());
        let mut stream = ReplicationStream { socket: UnixStream::connect(path).await? };
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", "postgres", "database", "postgres", "replication", "database", ""] {
            startup.extend(text.as_bytes());
            startup.push(0);
        }
        let length = u32::try_from(startup.len() + 4).unwrap().to_be_bytes();
        stream.socket.write_all(&[&length[..], &startup].concat()).await?;
        stream.read_until(b'Z').await?;
        let kind = if is_logical { "LOGICAL" } else { "PHYSICAL" };
        stream.send(b'Q', format!("START_REPLICATION SLOT {slot} {kind} {from}\0").as_bytes()).await?;
        stream.read_until(b'W').await?;
        Ok(stream)
    }

    /// Confirms everything up to `lsn`.
    pub async fn confirm(&mut self, lsn: u64) -> io::Result<()> {
        let mut update = vec![b'r'];
        for position in [lsn, lsn, lsn, 0] {
            update.extend(position.to_be_bytes());
        }
        update.push(1);
        self.send(b'd', &update).await
    }

    /// Disconnects with Terminate.
    pub async fn close(mut self) -> io::Result<()> {
        self.send(b'X', b"").await
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.socket.write_all(&[&[kind][..], &length, body].concat()).await
    }

    async fn read_until(&mut self, wanted: u8) -> io::Result<()> {
        loop {
            let kind = self.socket.read_u8().await?;
            let length = self.socket.read_u32().await? as usize - 4;
            let mut body = vec![0; length];
            self.socket.read_exact(&mut body).await?;
            match kind {
                b'E' => return Err(io::Error::other(String::from_utf8_lossy(&body).into_owned())),
                _ if kind == wanted => return Ok(()),
                _ => {}
            }
        }
    }
}
