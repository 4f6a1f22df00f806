//! The start-up phase: from the start-up message to the first ReadyForQuery, byte for byte.
//!
//! tokio-postgres would answer any authentication request and store everything that an unauthenticated server sends.
//! Exactly the bytes up to ReadyForQuery are read.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::{Level, debug};

use super::authentication::{Credentials, Exchange, Reply};
use super::problem::Problem;
use super::server_error::ServerError;
use super::wire::Wire;

/// The size of one message before the first ReadyForQuery, in bytes.
pub(super) const MAX_MESSAGE: usize = 64 << 10;

/// The size of everything before the first ReadyForQuery, in bytes.
pub(super) const MAX_TOTAL: usize = 1 << 20;

/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;

/// The start-up message: protocol version and parameters.
pub(super) fn startup_message(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for (name, value) in parameters {
        for text in [name, value] {
            body.extend(text.bytes());
            body.push(0);
        }
    }
    body.push(0);
    frame_message(None, &body)
}

/// The parameters that the server reports.
#[derive(Debug, Default)]
pub(super) struct StartedSession {
    /// The run-time parameters that the server reports, the last value of each.
    pub(super) parameters: BTreeMap<String, String>,
    /// The process id and the secret key of BackendKeyData, which a cancel request repeats.
    pub(super) key: [u8; 8],
    /// The SCRAM iterations of the password, if they are below the default of PostgreSQL.
    pub(super) low_iterations: Option<u32>,
}

impl StartedSession {
    /// Returns the messages from AuthenticationOk to ReadyForQuery for a driver that expects them. Parameter reports
    /// are omitted: pgtend reads them itself, and sqlx-postgres computes a number from `server_version` without a check
    /// (`src/connection/stream.rs`).
    pub(super) fn replay(&self) -> Vec<u8> {
        let mut bytes = frame_message(Some(b'R'), &[0; 4]);
        bytes.extend(frame_message(Some(b'K'), &self.key));
        bytes.extend(frame_message(Some(b'Z'), b"I"));
        bytes
    }
}

/// Sends the start-up message, authenticates and reads up to ReadyForQuery.
///
/// # Errors
/// Returns the server's error, a lost connection, or a violation of the protocol or of the limits above.
pub(super) async fn start_session(
    wire: &mut Wire,
    parameters: &[(&str, &str)],
    credentials: Credentials<'_>,
) -> Result<StartedSession, Problem> {
    write_and_flush(wire, &startup_message(parameters)).await?;
    let mut exchange = Exchange::new(credentials);
    let mut input = MessageReader { wire, received: 0, accepted: STARTUP_TAGS };
    loop {
        match input.read_message().await? {
            (b'R', body) => match exchange.reply(&body).await? {
                Reply::Done => break,
                Reply::Wait => {}
                Reply::Send(body) => write_and_flush(input.wire, &frame_message(Some(b'p'), &body)).await?,
            },
            (b'E', body) => return Err(Problem::Server(ServerError::parse(&body))),
            (b'v', _) => return Err(Problem::NoCommonProtocol),
            // As in libpq, a notice may arrive at any time.
            (b'N', body) => log_notice(&body),
            (tag, _) => return Err(Problem::UnexpectedMessage(char::from(tag))),
        }
    }
    let mut started = StartedSession { low_iterations: exchange.low_iterations(), ..StartedSession::default() };
    loop {
        match input.read_message().await? {
            (b'S', body) => {
                let mut texts = body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
                let (name, value) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                started.parameters.insert(name, value);
            }
            (b'K', body) => {
                let key = body.as_slice().try_into();
                started.key = key.map_err(|_| Problem::Protocol("malformed BackendKeyData".to_owned()))?;
            }
            (b'N', body) => log_notice(&body),
            (b'E', body) => return Err(Problem::Server(ServerError::parse(&body))),
            (b'Z', _) => return Ok(started),
            (tag, _) => return Err(Problem::UnexpectedMessage(char::from(tag))),
        }
    }
}

/// Logs a notice. It is parsed only if it is shown, because redaction takes time for each notice and each secret.
fn log_notice(body: &[u8]) {
    if !tracing::enabled!(Level::DEBUG) {
        return;
    }
    let notice = ServerError::parse(body);
    let text = &notice.message;
    debug!(severity = ?notice.severity, "{text:?}");
}

/// Runs one query before a driver uses the connection, and returns the first column of the first row.
///
/// # Errors
/// Returns the server's error, a lost connection, or a violation of the protocol or of the limits above.
pub(super) async fn query_first_value(wire: &mut Wire, query: &str) -> Result<Option<Vec<u8>>, Problem> {
    write_and_flush(wire, &frame_message(Some(b'Q'), &[query.as_bytes(), &[0]].concat())).await?;
    let mut input = MessageReader { wire, received: 0, accepted: QUERY_RESPONSE_TAGS };
    let mut value = None;
    loop {
        match input.read_message().await? {
            (b'D', body) if value.is_none() => value = first_column(&body),
            (b'E', body) => return Err(Problem::Server(ServerError::parse(&body))),
            (b'Z', _) => return Ok(value),
            _ => {}
        }
    }
}

/// Returns the first column of a DataRow: after the number of columns, the length of each one and its bytes.
fn first_column(row: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = row.get(2..)?.split_first_chunk()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
}

/// Sends Terminate to the server, ignoring errors.
pub(super) async fn terminate(wire: &mut Wire) {
    write_and_flush(wire, &frame_message(Some(b'X'), &[])).await.ok();
}

/// The messages of the start-up phase.
const STARTUP_TAGS: &[u8] = b"RSKNEZv";

/// The messages that answer a simple query.
const QUERY_RESPONSE_TAGS: &[u8] = b"TDCSNEZ";

/// The server's messages, within the limits.
struct MessageReader<'a> {
    wire: &'a mut Wire,
    received: usize,
    accepted: &'static [u8],
}

impl MessageReader<'_> {
    async fn read_message(&mut self) -> Result<(u8, Vec<u8>), Problem> {
        let mut header = [0; 5];
        self.wire.read_exact(&mut header).await.map_err(io_problem)?;
        let [tag, length @ ..] = header;
        if !self.accepted.contains(&tag) {
            return Err(Problem::UnexpectedMessage(char::from(tag)));
        }
        let announced = u32::from_be_bytes(length) as usize;
        let length = announced.checked_sub(4);
        let length =
            length.ok_or_else(|| Problem::Protocol("a message is shorter than its own length field".to_owned()))?;
        let is_too_large = length > MAX_MESSAGE;
        if is_too_large && tag != b'E' {
            return Err(Problem::TooMuchBeforeReady { announced, accepted: MAX_MESSAGE });
        }
        self.received = self.received.saturating_add(length.min(MAX_MESSAGE) + header.len());
        if self.received > MAX_TOTAL {
            return Err(Problem::TooMuchBeforeReady { announced: self.received, accepted: MAX_TOTAL });
        }
        let mut body = vec![0; length.min(MAX_MESSAGE)];
        self.wire.read_exact(&mut body).await.map_err(io_problem)?;
        Ok((tag, body))
    }
}

fn frame_message(tag: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    tag.into_iter().chain(length.to_be_bytes()).chain(body.iter().copied()).collect()
}

async fn write_and_flush(wire: &mut Wire, bytes: &[u8]) -> Result<(), Problem> {
    wire.write_all(bytes).await.map_err(io_problem)?;
    wire.flush().await.map_err(io_problem)
}

fn io_problem(error: std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Problem::Closed,
        _ => Problem::Io(error),
    }
}
