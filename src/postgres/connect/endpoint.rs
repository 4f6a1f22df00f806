use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The address of a server in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix-domain socket.
    Socket {
        /// The directory, or `@name`.
        directory: PathBuf,
        /// The number in the socket's name.
        port: u16,
    },
    /// A TCP port.
    Tcp {
        /// The host name of the user, if any.
        host: Option<String>,
        /// The address, after it is resolved.
        address: Option<SocketAddr>,
        /// The port.
        port: u16,
    },
}

impl Endpoint {
    /// Returns whether both are addresses of one host of the request.
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp { host: Some(ours), port, .. }, Self::Tcp { host: Some(theirs), port: other, .. }) => {
                ours == theirs && port == other
            }
            _ => self == other,
        }
    }
}

impl Endpoint {
    /// Returns the path of a socket with the name of the machine. Not for a loopback address, which may be a tunnel to
    /// another machine.
    pub fn socket_address_on(&self, machine: &str) -> Option<String> {
        let Self::Socket { directory, port } = self else { return None };
        Some(format!("{machine}:{}:{port}", directory.display()))
    }

    /// Returns host and port if they name the same server on every machine; `None` for a socket or a loopback address.
    pub fn remote_address(&self) -> Option<String> {
        let Self::Tcp { host, address, port } = self else { return None };
        let is_loopback = address.is_some_and(|address| address.ip().is_loopback())
            || host.as_deref().is_none_or(|host| host == "localhost");
        let name = host.clone().or_else(|| address.map(|address| address.ip().to_string()))?;
        (!is_loopback).then(|| format!("{name}:{port}"))
    }
}

impl Endpoint {
    /// Returns whether the connection does not leave this machine: a Unix-domain socket or a loopback address. The peer
    /// may still be a tunnel or a container.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Socket { .. } => true,
            Self::Tcp { address, .. } => address.is_some_and(|address| address.ip().is_loopback()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { directory, port } => write!(f, "socket \"{}/.s.PGSQL.{port}\"", directory.display()),
            Self::Tcp { host, address, port } => {
                let address = address.map(|address| address.ip().to_string());
                match (host.as_ref(), address.as_ref()) {
                    (Some(host), Some(address)) if host != address => write!(f, "\"{host}\" ({address})")?,
                    (Some(name), _) | (None, Some(name)) => write!(f, "\"{name}\"")?,
                    (None, None) => f.write_str("localhost")?,
                }
                write!(f, ", port {port}")
            }
        }
    }
}
