//! Who spoke, and how often one had to wait for the other.

use std::sync::{Mutex, MutexGuard};

use super::Bytes;
use super::ready::{State, Watcher};

/// The account of a proxy, over all its connections.
#[derive(Debug, Default)]
pub struct Turns {
    sum: Mutex<Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    before_ready: usize,
    after_ready: usize,
    connections: usize,
    encrypted: bool,
    bytes: Bytes,
}

impl Turns {
    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().expect("nobody panics while counting")
    }

    pub fn before_ready(&self) -> usize {
        self.sum().before_ready
    }

    /// A zero that only means "could not read" would let every test pass.
    pub fn after_ready(&self) -> usize {
        let sum = self.sum();
        let (encrypted, count) = (sum.encrypted, sum.after_ready);
        drop(sum);
        assert!(!encrypted, "the round trips of an encrypted session cannot be counted: use sslmode=disable");
        count
    }

    pub fn connections(&self) -> usize {
        self.sum().connections
    }

    pub fn bytes(&self) -> Bytes {
        self.sum().bytes
    }
}

/// One connection's part of the account.
#[derive(Debug)]
pub struct Session<'a> {
    turns: &'a Turns,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    watcher: Watcher,
    clients_turn: bool,
}

/// Terminate: the client goes and waits for nothing.
const GOODBYE: &[u8] = b"X\0\0\0\x04";

impl<'a> Session<'a> {
    pub fn new(turns: &'a Turns) -> Self {
        turns.sum().connections += 1;
        Self { turns, inner: Mutex::new(Inner { watcher: Watcher::default(), clients_turn: true }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while counting")
    }

    /// The client said something.
    pub fn client(&self, bytes: &[u8]) {
        let (mut inner, mut sum) = (self.inner(), self.turns.sum());
        sum.bytes.to_server += bytes.len() as u64;
        let speaks_first = std::mem::replace(&mut inner.clients_turn, false);
        if speaks_first && bytes != GOODBYE {
            match inner.watcher.state {
                State::Starting => sum.before_ready += 1,
                State::Ready => sum.after_ready += 1,
                State::Encrypted => {}
            }
        }
        inner.watcher.client(bytes);
        sum.encrypted |= inner.watcher.state == State::Encrypted;
    }

    /// The client is about to hear something from the server.
    pub fn server(&self, bytes: &[u8]) {
        let (mut inner, mut sum) = (self.inner(), self.turns.sum());
        sum.bytes.to_client += bytes.len() as u64;
        inner.clients_turn = true;
        inner.watcher.server(bytes);
        sum.encrypted |= inner.watcher.state == State::Encrypted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] = b"Z\0\0\0\x05I";

    #[test]
    fn only_what_follows_an_answer_is_a_turn() {
        let turns = Turns::default();
        let session = Session::new(&turns);
        session.client(b"startup");
        session.server(READY);
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 0));
        session.client(b"question");
        session.client(b"and another");
        session.server(b"an answer");
        session.server(b"and another");
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 1));
        session.client(b"a third");
        session.server(b"the answer");
        session.client(GOODBYE);
        assert_eq!((turns.before_ready(), turns.after_ready()), (1, 2));
        assert_eq!(turns.bytes(), Bytes { to_server: 38, to_client: 36 });
    }

    #[test]
    #[should_panic(expected = "encrypted")]
    fn nobody_counts_what_is_encrypted() {
        let turns = Turns::default();
        Session::new(&turns).client(&[0x16, 3, 1]);
        turns.after_ready();
    }
}
