//! A proxy on loopback that damages a real server's messages, with a seed.
//!
//! The client's bytes pass unchanged. The server's messages are cut at their framing (PostgreSQL manual, chapter 53
//! Frontend/Backend Protocol), and some of them are changed, lost, repeated, swapped or cut short.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    sync::{Arc, mpsc},
    time::Duration,
};

/// The pause after which a damaged connection ends: the client may wait for bytes that a changed length announced.
const IDLE: Duration = Duration::from_millis(400);

/// The time limit of one connection.
const LIMIT: Duration = Duration::from_secs(30);

/// The damage of one message.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipBits,
    Randomise,
    ChangeType,
    ChangeLength,
    Shorten,
    Drop,
    Repeat,
    SwapWithNext,
    InsertBytes,
    EndConnection,
}

const DAMAGES: [Damage; 10] = [
    Damage::FlipBits,
    Damage::Randomise,
    Damage::ChangeType,
    Damage::ChangeLength,
    Damage::Shorten,
    Damage::Drop,
    Damage::Repeat,
    Damage::SwapWithNext,
    Damage::InsertBytes,
    Damage::EndConnection,
];

/// The messages that PostgreSQL's backend sends, as replacements for a type byte.
const TYPES: &[u8] = b"123ACDEGHIKNRSTWZcdnstv";

/// The proxy, until dropped.
pub struct FuzzingProxy {
    port: u16,
    damages: Arc<AtomicU32>,
    ended: Arc<AtomicBool>,
}

impl FuzzingProxy {
    /// Damages each message of the server at 127.0.0.1 with a chance of one in `one_in`.
    pub fn start(server_port: u16, seed: u64, one_in: u32) -> FuzzingProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let own_port = listener.local_addr().expect("an address").port();
        let (damages, ended) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
        let (count, end) = (Arc::clone(&damages), Arc::clone(&ended));
        std::thread::spawn(move || {
            for (nth, client) in listener.incoming().flatten().enumerate() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(nth as u64));
                let count = Arc::clone(&count);
                std::thread::spawn(move || {
                    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port))?;
                    Connection { client, server, rng, one_in, count }.run_connection()
                });
            }
        });
        FuzzingProxy { port: own_port, damages, ended }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of messages damaged so far.
    pub fn damages(&self) -> u32 {
        self.damages.load(Ordering::Relaxed)
    }
}

impl Drop for FuzzingProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, which then ends.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    rng: fastrand::Rng,
    one_in: u32,
    count: Arc<AtomicU32>,
}

impl Connection {
    fn run_connection(self) -> io::Result<()> {
        let Connection { client, server, mut rng, one_in, count } = self;
        client.set_write_timeout(Some(LIMIT))?;
        let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || {
            io::copy(&mut up_from, &mut up_to).ok();
            up_to.shutdown(std::net::Shutdown::Both).ok();
        });
        // Reading in a thread allows the connection to end while the server sends nothing.
        let (send, messages) = mpsc::sync_channel::<Vec<u8>>(64);
        let mut from = server.try_clone()?;
        std::thread::spawn(move || {
            while let Ok(message) = read_message(&mut from) {
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let outcome = forward(&messages, &client, &mut rng, one_in, &count);
        client.shutdown(std::net::Shutdown::Both).ok();
        server.shutdown(std::net::Shutdown::Both).ok();
        outcome
    }
}

fn forward(
    messages: &mpsc::Receiver<Vec<u8>>,
    mut client: &TcpStream,
    rng: &mut fastrand::Rng,
    one_in: u32,
    count: &AtomicU32,
) -> io::Result<()> {
    let mut is_damaged = false;
    loop {
        let limit = if is_damaged { IDLE } else { LIMIT };
        let Ok(mut message) = messages.recv_timeout(limit) else { return Ok(()) };
        if rng.u32(0..one_in) > 0 {
            client.write_all(&message)?;
            continue;
        }
        is_damaged = true;
        count.fetch_add(1, Ordering::Relaxed);
        match DAMAGES[rng.usize(0..DAMAGES.len())] {
            Damage::FlipBits => {
                for _ in 0..rng.usize(1..4) {
                    let position = rng.usize(0..message.len());
                    message[position] ^= 1 << rng.u32(0..8);
                }
            }
            Damage::Randomise => message[5..].fill_with(|| rng.u8(..)),
            Damage::ChangeType => message[0] = TYPES[rng.usize(0..TYPES.len())],
            Damage::ChangeLength => {
                let length: i32 = [0, 3, 4, 5, -1, i32::MAX, rng.i32(0..1 << 20)][rng.usize(0..7)];
                message[1..5].copy_from_slice(&length.to_be_bytes());
            }
            Damage::Shorten => message.truncate(rng.usize(0..message.len())),
            Damage::Drop => continue,
            Damage::Repeat => message.extend(message.clone()),
            Damage::SwapWithNext => {
                if let Ok(next) = messages.recv_timeout(IDLE) {
                    client.write_all(&next)?;
                }
            }
            Damage::InsertBytes => {
                let position = rng.usize(0..=message.len());
                let count = rng.usize(1..40);
                let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(count).collect();
                message.splice(position..position, bytes);
            }
            Damage::EndConnection => return client.write_all(&message[..rng.usize(0..message.len())]),
        }
        client.write_all(&message)?;
    }
}

fn read_message(server: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 5];
    server.read_exact(&mut message)?;
    let length = i32::from_be_bytes([message[1], message[2], message[3], message[4]]);
    let rest = usize::try_from(length - 4).map_err(io::Error::other)?;
    message.resize(5 + rest, 0);
    server.read_exact(&mut message[5..])?;
    Ok(message)
}
