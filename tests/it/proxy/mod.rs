//! A network between pgtend and a server that counts round trips, is slow, stalls, or breaks.
//!
//! It has a thread of its own, so a test may wait for a child process while sessions run through it.

#![allow(dead_code, reason = "each test takes what it needs")]

mod proxied_connection;
mod ready;
mod round_trip_counter;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use round_trip_counter::RoundTripCounter;

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
    round_trips: Arc<RoundTripCounter>,
    stalled: Arc<watch::Sender<bool>>,
    stall_trigger: Arc<Mutex<Option<proxied_connection::StallTrigger>>>,
    server: Arc<Mutex<proxied_connection::ServerAddress>>,
    /// Counts the cuts; nobody may hear of it any more when the proxy goes.
    cut_signal: watch::Sender<u32>,
}

impl Proxy {
    /// In front of a server on TCP, or of a Unix socket if the host is its folder.
    ///
    /// Round trips are counted by who spoke last. A client that sends more than a few kilobytes at once
    /// may hear the first answer before it has sent all; give the answers a delay (20 ms) to keep its
    /// one round trip one.
    pub fn new(host: &str, port: u16, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let own_port = listener.local_addr().expect("an address").port();
        let (turns, stalled, cuts) =
            (Arc::default(), Arc::new(watch::Sender::new(behaviour.stalled)), watch::Sender::new(0));
        let stall_trigger = Arc::default();
        let server = Arc::new(Mutex::new(proxied_connection::ServerAddress::new(host, port)));
        let proxied_connection = proxied_connection::ProxiedConnection {
            server: Arc::clone(&server),
            behaviour,
            round_trips: Arc::clone(&turns),
            stalled: Arc::clone(&stalled),
            stall_trigger: Arc::clone(&stall_trigger),
            cut_signal: cuts.subscribe(),
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(proxied_connection.accept_connections(listener));
        });
        Self { port: own_port, round_trips: turns, stalled, stall_trigger, server, cut_signal: cuts }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends later connections to another server, as an address that moves does. Those that are open stay.
    pub fn retarget(&self, host: &str, port: u16) {
        *self.server.lock().expect("no panic while the target is set") =
            proxied_connection::ServerAddress::new(host, port);
    }

    /// How often a client that was ready for queries spoke and had to wait for the server, over all
    /// sessions so far. Saying goodbye is not a round trip.
    pub fn round_trips(&self) -> usize {
        self.round_trips.after_ready()
    }

    /// The same from the connection to the first "ready for query": the startup, each step of the
    /// authentication, requests for encryption.
    pub fn round_trips_to_connect(&self) -> usize {
        self.round_trips.before_ready()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.round_trips.connections()
    }

    pub fn bytes(&self) -> Bytes {
        self.round_trips.bytes()
    }

    /// Nothing passes from now on; connections stay, and new ones are taken.
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Stalls when a client says these words: before the server hears them, or after and before it is heard.
    pub fn stall_at(&self, pattern: &str, forwards_match: bool) {
        let stall_trigger = proxied_connection::StallTrigger { pattern: pattern.as_bytes().to_vec(), forwards_match };
        *self.stall_trigger.lock().expect("nobody panics while setting a trap") = Some(stall_trigger);
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
    pub fn cut_connections(&self) {
        self.cut_signal.send_modify(|cuts| *cuts += 1);
    }
}
