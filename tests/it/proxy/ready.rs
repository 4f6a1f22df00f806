//! When a session is ready: the server's stream up to the first `ReadyForQuery`.
//!
//! PostgreSQL manual, 54.2.1 Start-up and 54.7 Message Formats. The protocol must be plain.

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
/// The first byte of a TLS record, where encryption is not asked for but begun.
const TLS_HANDSHAKE: u8 = 0x16;

/// How far a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Starting,
    Ready,
    /// Nothing more can be read.
    Encrypted,
}

/// Watches a session until it is ready.
#[derive(Debug, Default)]
pub struct ReadyWatcher {
    pub state: State,
    /// Whether the server's next byte is its answer to a request for encryption, without a frame.
    answers_request: bool,
    /// What has come of a frame that is not complete.
    pending: Vec<u8>,
}

impl ReadyWatcher {
    /// What the client sends. A request for encryption comes alone, as the client waits for its answer.
    pub fn client_sent(&mut self, bytes: &[u8]) {
        if self.state == State::Starting {
            self.answers_request = bytes == SSL_REQUEST || bytes == GSS_REQUEST;
            if bytes.first() == Some(&TLS_HANDSHAKE) {
                self.state = State::Encrypted;
            }
        }
    }

    /// What the server sends.
    pub fn server_sent(&mut self, mut bytes: &[u8]) {
        if self.state != State::Starting {
            return;
        }
        if let (true, Some((answer, rest))) = (self.answers_request, bytes.split_first()) {
            self.answers_request = false;
            if matches!(answer, b'S' | b'G') {
                self.state = State::Encrypted;
                return;
            }
            // Anything but "no" is the error of a server that is too old or too full for the question.
            bytes = if *answer == b'N' { rest } else { bytes };
        }
        self.pending.extend_from_slice(bytes);
        while let Some((kind, length)) = self.header() {
            if kind == b'Z' {
                self.state = State::Ready;
                self.pending = Vec::new();
                return;
            }
            if self.pending.len() < length {
                return;
            }
            self.pending.drain(..length);
        }
    }

    /// The kind of the first pending frame and its length as a whole.
    fn header(&self) -> Option<(u8, usize)> {
        let [kind, a, b, c, d] = *self.pending.first_chunk::<5>()?;
        Some((kind, u32::from_be_bytes([a, b, c, d]) as usize + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AuthenticationOk, a `ParameterStatus` with a Z in it, ReadyForQuery.
    const STARTUP: &[u8] = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x0cZone\0ZZ\0Z\0\0\0\x05I";

    #[test]
    fn ready_is_found_in_any_split() {
        for size in 1..=STARTUP.len() {
            let mut watcher = ReadyWatcher::default();
            for (number, part) in STARTUP.chunks(size).enumerate() {
                let before_z = number * size < STARTUP.len() - 6;
                assert!(watcher.state == State::Starting || !before_z, "ready too early, in parts of {size}");
                watcher.server_sent(part);
            }
            assert_eq!(watcher.state, State::Ready, "in parts of {size}");
        }
    }

    #[test]
    fn ready_refused_ssl_request_is_no_frame() {
        let mut watcher = ReadyWatcher::default();
        for request in [GSS_REQUEST, SSL_REQUEST] {
            watcher.client_sent(&request);
            watcher.server_sent(b"N");
            assert_eq!(watcher.state, State::Starting);
        }
        watcher.client_sent(b"\0\0\0\x08\0\x03\0\0");
        watcher.server_sent(STARTUP);
        assert_eq!(watcher.state, State::Ready);
    }

    #[test]
    fn ready_is_unknown_after_encryption() {
        let mut after_request = ReadyWatcher::default();
        after_request.client_sent(&SSL_REQUEST);
        after_request.server_sent(b"S");
        let mut begun = ReadyWatcher::default();
        begun.client_sent(&[TLS_HANDSHAKE, 3, 1]);
        assert_eq!((after_request.state, begun.state), (State::Encrypted, State::Encrypted));
    }
}
