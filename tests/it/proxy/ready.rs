//! Detects when a session is ready: the server's stream up to the first `ReadyForQuery`.
//!
//! PostgreSQL manual, 54.2.1 Start-up and 54.7 Message Formats. The connection must be unencrypted.

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
/// The first byte of a TLS record, for encryption that starts without a request.
const TLS_HANDSHAKE: u8 = 0x16;

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Starting,
    Ready,
    /// The stream cannot be read any further.
    Encrypted,
}

/// Watches a session until it is ready.
#[derive(Debug, Default)]
pub struct ReadyWatcher {
    pub state: State,
    /// Whether the server's next byte is its unframed response to a request for encryption.
    answers_request: bool,
    /// The received part of an incomplete frame.
    pending: Vec<u8>,
}

impl ReadyWatcher {
    /// Reads what the client sends. A request for encryption is sent alone, because the client waits for the response.
    pub fn client_sent(&mut self, bytes: &[u8]) {
        if self.state == State::Starting {
            self.answers_request = bytes == SSL_REQUEST || bytes == GSS_REQUEST;
            if bytes.first() == Some(&TLS_HANDSHAKE) {
                self.state = State::Encrypted;
            }
        }
    }

    /// Reads what the server sends.
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
            // Anything but `N` is the error of a server that is too old or has no free connection.
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

    /// Returns the type of the first pending frame and its total length.
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
