//! A network between pgtend and a server that counts round trips, delays, stalls, or disconnects.
//!
//! It has its own thread, so that a test may wait for a child process while sessions use the proxy.

#![allow(dead_code, reason = "each test takes what it needs")]

mod proxied_connection;
mod ready;
mod round_trip_counter;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use round_trip_counter::RoundTripCounter;

/// The behaviour of the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// The delay of a byte from the client to the server.
    pub to_server: Duration,
    /// The delay of a byte from the server to the client.
    pub to_client: Duration,
    /// Whether it stalls from the beginning: connections are accepted and nothing is forwarded.
    pub stalled: bool,
}

/// The number of forwarded bytes, before any delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub to_server: u64,
    pub to_client: u64,
}

/// A port on loopback that forwards to a server, until dropped.
pub struct Proxy {
    port: u16,
    round_trips: Arc<RoundTripCounter>,
    stalled: Arc<watch::Sender<bool>>,
    stall_trigger: Arc<Mutex<Option<proxied_connection::StallTrigger>>>,
    server: Arc<Mutex<proxied_connection::ServerAddress>>,
    /// Counts the cuts.
    cut_signal: watch::Sender<u32>,
}

impl Proxy {
    /// Forwards to a server on TCP, or to a Unix socket if the host is its folder.
    ///
    /// Round trips are counted by changes of direction. A client that sends more than a few kilobytes at once may
    /// receive the first response before it has sent all; a delay of the responses (20 ms) keeps this one round trip.
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

    /// Forwards later connections to another server, like an address that moves. Open connections are unchanged.
    pub fn retarget(&self, host: &str, port: u16) {
        *self.server.lock().expect("no panic while the target is set") =
            proxied_connection::ServerAddress::new(host, port);
    }

    /// Returns how often a client that was ready for queries sent a message and had to wait for the server, over all
    /// sessions so far. Terminate is not a round trip.
    pub fn round_trips(&self) -> usize {
        self.round_trips.after_ready()
    }

    /// Returns the round trips from the connection to the first ReadyForQuery: the startup, each step of the
    /// authentication, requests for encryption.
    pub fn round_trips_to_connect(&self) -> usize {
        self.round_trips.before_ready()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.round_trips.connections()
    }

    pub fn bytes(&self) -> Bytes {
        self.round_trips.bytes()
    }

    /// Stops forwarding; connections stay open, and new ones are accepted.
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Stalls when a client sends this text: before the server receives it, or after that and before the response.
    pub fn stall_at(&self, pattern: &str, forwards_match: bool) {
        let stall_trigger = proxied_connection::StallTrigger { pattern: pattern.as_bytes().to_vec(), forwards_match };
        *self.stall_trigger.lock().expect("no panic while the trigger is set") = Some(stall_trigger);
    }

    /// Whether forwarding is stopped.
    pub fn is_stalled(&self) -> bool {
        *self.stalled.borrow()
    }

    /// Forwards the retained bytes and all later ones.
    pub fn resume(&self) {
        self.stalled.send_replace(false);
    }

    /// Ends every open connection in both directions and discards bytes in transit. Later connections are forwarded.
    pub fn cut_connections(&self) {
        self.cut_signal.send_modify(|cuts| *cuts += 1);
    }
}
