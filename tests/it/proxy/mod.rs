//! A network between pgtend and a server that counts round trips, is slow, stalls, or breaks.
//!
//! It has a thread of its own, so a test may wait for a child process while sessions run through it.

#![allow(dead_code, reason = "each test takes what it needs")]

mod line;
mod ready;
mod turns;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use turns::Turns;

/// What the network does to what passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// How long a byte travels from the client to the server.
    pub to_server: Duration,
    /// How long a byte travels from the server to the client.
    pub to_client: Duration,
    /// Whether it stalls from the beginning: connections are taken and nothing passes.
    pub stalled: bool,
}

/// How much has passed, before any delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub to_server: u64,
    pub to_client: u64,
}

/// A port on loopback that leads to a server, until dropped.
pub struct Proxy {
    port: u16,
    turns: Arc<Turns>,
    stalled: Arc<watch::Sender<bool>>,
    trap: Arc<Mutex<Option<line::Trap>>>,
    server: Arc<Mutex<line::Server>>,
    /// Counts the cuts; nobody may hear of it any more when the proxy goes.
    cuts: watch::Sender<u32>,
}

impl Proxy {
    /// In front of a server on TCP, or of a Unix socket if the host is its folder.
    ///
    /// Round trips are counted by who spoke last. A client that sends more than a few kilobytes at once
    /// may hear the first answer before it has sent all; give the answers a delay (20 ms) to keep its
    /// one round trip one.
    pub fn in_front_of(host: &str, port: u16, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let own_port = listener.local_addr().expect("an address").port();
        let (turns, stalled, cuts) =
            (Arc::default(), Arc::new(watch::Sender::new(behaviour.stalled)), watch::Sender::new(0));
        let trap = Arc::default();
        let server = Arc::new(Mutex::new(line::Server::new(host, port)));
        let road = line::Road {
            server: Arc::clone(&server),
            behaviour,
            turns: Arc::clone(&turns),
            stalled: Arc::clone(&stalled),
            trap: Arc::clone(&trap),
            cuts: cuts.subscribe(),
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(road.accept(listener));
        });
        Self { port: own_port, turns, stalled, trap, server, cuts }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends later connections to another server, as an address that moves does. Those that are open stay.
    pub fn lead_to(&self, host: &str, port: u16) {
        *self.server.lock().expect("no panic while the target is set") = line::Server::new(host, port);
    }

    /// How often a client that was ready for queries spoke and had to wait for the server, over all
    /// sessions so far. Saying goodbye is not a round trip.
    pub fn round_trips(&self) -> usize {
        self.turns.after_ready()
    }

    /// The same from the connection to the first "ready for query": the startup, each step of the
    /// authentication, requests for encryption.
    pub fn round_trips_to_connect(&self) -> usize {
        self.turns.before_ready()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.turns.connections()
    }

    pub fn bytes(&self) -> Bytes {
        self.turns.bytes()
    }

    /// Nothing passes from now on; connections stay, and new ones are taken.
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Stalls when a client says these words: before the server hears them, or after and before it is heard.
    pub fn stall_at(&self, words: &str, lets_through: bool) {
        let trap = line::Trap { words: words.as_bytes().to_vec(), lets_through };
        *self.trap.lock().expect("nobody panics while setting a trap") = Some(trap);
    }

    /// Whether nothing passes now.
    pub fn is_stalled(&self) -> bool {
        *self.stalled.borrow()
    }

    /// What was held back passes, and all that follows.
    pub fn resume(&self) {
        self.stalled.send_replace(false);
    }

    /// Ends every connection there is, towards both sides, with what was under way lost. Later ones pass.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}
