//! Counts messages, and how often one side had to wait for the other.

use std::sync::{Mutex, MutexGuard};

use super::Bytes;
use super::ready::{ReadyWatcher, State};

/// The counts of a proxy, over all its connections.
#[derive(Debug, Default)]
pub struct RoundTripCounter {
    totals: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    before_ready: usize,
    after_ready: usize,
    connections: usize,
    encrypted: bool,
    bytes: Bytes,
}

impl RoundTripCounter {
    fn lock_totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().expect("no panic while counting")
    }

    pub fn before_ready(&self) -> usize {
        self.lock_totals().before_ready
    }

    /// A zero that means "could not be read" would let every test pass.
    pub fn after_ready(&self) -> usize {
        let sum = self.lock_totals();
        let (encrypted, count) = (sum.encrypted, sum.after_ready);
        drop(sum);
        assert!(!encrypted, "the round trips of an encrypted session cannot be counted: use sslmode=disable");
        count
    }

    pub fn connections(&self) -> usize {
        self.lock_totals().connections
    }

    pub fn bytes(&self) -> Bytes {
        self.lock_totals().bytes
    }
}

/// The counts of one connection.
#[derive(Debug)]
pub struct SessionCounter<'a> {
    counter: &'a RoundTripCounter,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    watcher: ReadyWatcher,
    is_clients_turn: bool,
}

/// Terminate: the client disconnects without waiting.
const TERMINATE: &[u8] = b"X\0\0\0\x04";

impl<'a> SessionCounter<'a> {
    pub fn new(turns: &'a RoundTripCounter) -> Self {
        turns.lock_totals().connections += 1;
        Self { counter: turns, inner: Mutex::new(Inner { watcher: ReadyWatcher::default(), is_clients_turn: true }) }
    }

    fn lock_inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while counting")
    }

    /// The client sends a message.
    pub fn client_sent(&self, bytes: &[u8]) {
        let (mut inner, mut sum) = (self.lock_inner(), self.counter.lock_totals());
        sum.bytes.to_server += bytes.len() as u64;
        let speaks_first = std::mem::replace(&mut inner.is_clients_turn, false);
        if speaks_first && bytes != TERMINATE {
            match inner.watcher.state {
                State::Starting => sum.before_ready += 1,
                State::Ready => sum.after_ready += 1,
                State::Encrypted => {}
            }
        }
        inner.watcher.client_sent(bytes);
        sum.encrypted |= inner.watcher.state == State::Encrypted;
    }

    /// The server's response is about to be forwarded.
    pub fn server_received(&self, bytes: &[u8]) {
        let (mut inner, mut sum) = (self.lock_inner(), self.counter.lock_totals());
        sum.bytes.to_client += bytes.len() as u64;
        inner.is_clients_turn = true;
        inner.watcher.server_sent(bytes);
        sum.encrypted |= inner.watcher.state == State::Encrypted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] = b"Z\0\0\0\x05I";

    #[test]
    fn round_trips_count_client_after_server() {
        let turns = RoundTripCounter::default();
        let session = SessionCounter::new(&turns);
        session.client_sent(b"startup");
        session.server_received(READY);
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 0));
        session.client_sent(b"question");
        session.client_sent(b"and another");
        session.server_received(b"an answer");
        session.server_received(b"and another");
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 1));
        session.client_sent(b"a third");
        session.server_received(b"the answer");
        session.client_sent(TERMINATE);
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 2));
        assert_eq!(turns.bytes(), Bytes { to_server: 38, to_client: 36 });
    }

    #[test]
    #[should_panic(expected = "encrypted")]
    fn round_trips_panic_for_encrypted_sessions() {
        let turns = RoundTripCounter::default();
        SessionCounter::new(&turns).client_sent(&[0x16, 3, 1]);
        turns.after_ready();
    }
}
