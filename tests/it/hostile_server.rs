//! A scripted server on loopback that violates the frontend/backend protocol on purpose.
//!
//! Each connection runs the script in its own thread. Reads and writes end after [`LIMIT`], and a connection ends after
//! [`MAX_BYTES`], so that every script terminates (PostgreSQL manual, chapter 53 Frontend/Backend Protocol).

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// The time limit of one read or write.
const LIMIT: Duration = Duration::from_secs(20);

/// The number of bytes one connection may send, above the largest budget of a report.
const MAX_BYTES: u64 = 6 << 30;

/// SSLRequest (PostgreSQL manual, 53.7 Message Formats).
const SSL_REQUEST: [u8; 4] = [0x04, 0xd2, 0x16, 0x2f];

/// The server; its listener lives until the test binary ends.
pub struct HostileServer {
    port: u16,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// One connection, for the script.
pub struct Connection<'a> {
    stream: TcpStream,
    received: &'a Mutex<Vec<Vec<u8>>>,
    sent_bytes: u64,
}

impl HostileServer {
    /// Runs `script` for every connection. Its errors end the connection: a client may disconnect.
    pub fn start(script: impl Fn(&mut Connection<'_>) -> io::Result<()> + Send + Sync + 'static) -> HostileServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let received = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (log, script) = (Arc::clone(&received), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(LIMIT)).ok();
                    stream.set_write_timeout(Some(LIMIT)).ok();
                    script(&mut Connection { stream, received: &log, sent_bytes: 0 }).ok();
                });
            }
        });
        HostileServer { port, received }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns every message that clients sent so far, with its type byte; a startup packet has none.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().expect("no test panics while it holds the log").clone()
    }

    /// Whether a client sent these bytes in any message.
    pub fn was_sent(&self, bytes: &[u8]) -> bool {
        self.received().iter().any(|message| message.windows(bytes.len()).any(|window| window == bytes))
    }
}

impl Connection<'_> {
    /// Reads the startup packet; refuses encryption before it.
    pub fn startup(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let packet = self.packet(Vec::new())?;
            if packet.get(4..8) != Some(&SSL_REQUEST) {
                return Ok(packet);
            }
            self.raw(b"N")?;
        }
    }

    /// Reads one message with its type byte.
    pub fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut tag = [0];
        self.stream.read_exact(&mut tag)?;
        self.packet(tag.to_vec())
    }

    fn packet(&mut self, mut start: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        start.extend(length);
        let rest = (u32::from_be_bytes(length) as usize).saturating_sub(4).min(1 << 20);
        let from = start.len();
        start.resize(from + rest, 0);
        self.stream.read_exact(&mut start[from..])?;
        self.received.lock().expect("no test panics while it holds the log").push(start.clone());
        Ok(start)
    }

    /// Sends bytes unchanged.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent_bytes += bytes.len() as u64;
        if self.sent_bytes > MAX_BYTES {
            return Err(io::Error::other("the connection sent as much as it may"));
        }
        self.stream.write_all(bytes)
    }

    /// Sends a message with its correct length.
    pub fn send(&mut self, tag: u8, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).expect("the message fits its length field");
        self.raw(&[&[tag], &length.to_be_bytes()[..], body].concat())
    }

    /// Sends an authentication request: 0 AuthenticationOk, 3 clear text, 5 MD5 (with a salt), 10 SASL, 11 SASL continue.
    pub fn authentication(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        self.send(b'R', &[&kind.to_be_bytes(), body].concat())
    }

    /// Sends a ParameterStatus.
    pub fn parameter(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.send(b'S', format!("{name}\0{value}\0").as_bytes())
    }

    /// Accepts the client without a password, as PostgreSQL `version`.
    pub fn send_welcome(&mut self, version: &str) -> io::Result<()> {
        self.authentication(0, &[])?;
        for (name, value) in [("server_version", version), ("client_encoding", "UTF8"), ("in_hot_standby", "off")] {
            self.parameter(name, value)?;
        }
        self.send(b'K', &[0, 0, 0, 1, 0, 0, 0, 2])?;
        self.ready()
    }

    /// Sends a ReadyForQuery, outside a transaction.
    pub fn ready(&mut self) -> io::Result<()> {
        self.send(b'Z', b"I")
    }

    /// Sends an ErrorResponse.
    pub fn error(&mut self, severity: &str, sqlstate: &str, message: &str) -> io::Result<()> {
        let fields = format!("S{severity}\0V{severity}\0C{sqlstate}\0M{message}\0\0");
        self.send(b'E', fields.as_bytes())
    }

    /// Responds to SCRAM-SHA-256 up to the server-first-message, with these attributes after the client's nonce.
    pub fn scram_first(&mut self, nonce_tail: &str, attributes: &str) -> io::Result<()> {
        self.authentication(10, b"SCRAM-SHA-256\0\0")?;
        let initial = self.message()?;
        let text = String::from_utf8_lossy(&initial).into_owned();
        let nonce = text.rsplit("r=").next().unwrap_or_default();
        self.authentication(11, format!("r={nonce}{nonce_tail},{attributes}").as_bytes())
    }

    /// Serves queries until the client disconnects. A simple query does nothing. `answer` gets the text of a prepared
    /// one and sends its RowDescription, rows and CommandComplete.
    pub fn serve(&mut self, mut answer: impl FnMut(&mut Self, &str) -> io::Result<()>) -> io::Result<()> {
        let mut sql = String::new();
        loop {
            let message = self.message()?;
            match message.first() {
                Some(b'P') => {
                    // Type byte, length, name of the statement (empty), text.
                    let text = message.get(6..).unwrap_or_default();
                    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
                    sql = String::from_utf8_lossy(&text[..end]).into_owned();
                }
                Some(b'S') => {
                    self.send(b'1', &[])?;
                    self.send(b'2', &[])?;
                    answer(self, &sql)?;
                    self.ready()?;
                }
                Some(b'Q') => {
                    self.send(b'C', b"SELECT 0\0")?;
                    self.ready()?;
                }
                Some(b'X') => return Ok(()),
                _ => {}
            }
        }
    }

    /// Sends a RowDescription of `jsonb` columns.
    pub fn describe_jsonb(&mut self, names: &[&str]) -> io::Result<()> {
        let mut body = u16::try_from(names.len()).expect("few columns").to_be_bytes().to_vec();
        for name in names {
            body.extend(name.bytes().chain([0]));
            // Table and column 0; jsonb of variable length, no modifier, binary.
            body.extend([0, 0, 0, 0, 0, 0]);
            body.extend(3802_u32.to_be_bytes());
            body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1]);
        }
        self.send(b'T', &body)
    }

    /// Returns a DataRow of one `jsonb` value.
    pub fn jsonb_row(json: &str) -> Vec<u8> {
        let value = [&[1], json.as_bytes()].concat();
        let length = u32::try_from(value.len()).expect("a short value");
        let body = [&[0, 1], &length.to_be_bytes()[..], &value].concat();
        let length = u32::try_from(body.len() + 4).expect("a short row");
        [b"D", &length.to_be_bytes()[..], &body].concat()
    }
}
