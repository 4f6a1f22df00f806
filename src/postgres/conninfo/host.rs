use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::parameters::Parameters;
use super::passfile::HostField;
use super::value::quoted_value;
use super::{ConninfoError, Password};

/// The default port.
const DEFAULT_PORT: u16 = 5432;

/// One server to try.
#[derive(Clone, Debug)]
pub struct Host {
    /// Address of the server.
    pub address: HostAddress,
    /// The TCP port, or the number in the name of the Unix socket.
    pub port: u16,
    /// The password for this server, if one is known.
    pub password: Option<Password>,
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// A Unix socket in this directory; `@name` is Linux's abstract namespace.
    Socket(PathBuf),
    /// A TCP port.
    Tcp {
        /// The name to verify and to resolve.
        host: Option<String>,
        /// The address to use instead of resolving the name.
        hostaddr: Option<IpAddr>,
    },
}

impl Host {
    /// Returns the name, else the address; for a Unix-domain socket its directory.
    pub fn name(&self) -> String {
        match &self.address {
            HostAddress::Tcp { host: Some(host), .. } => host.clone(),
            HostAddress::Tcp { hostaddr: Some(address), .. } => address.to_string(),
            HostAddress::Tcp { .. } => "localhost".to_owned(),
            HostAddress::Socket(directory) => directory.display().to_string(),
        }
    }

    /// Returns the host of this server in the password file: its name, else its address; `localhost` for the default
    /// socket directory. With `NameOnly` the address has precedence: a file in the working directory may combine the
    /// name of one host with the address of another.
    pub(super) fn password_key(&self, socket_directory: Option<&str>, hosts: HostField) -> String {
        match &self.address {
            HostAddress::Tcp { hostaddr: Some(address), .. } if hosts == HostField::NameOnly => address.to_string(),
            HostAddress::Socket(directory) => match directory.to_str() {
                Some(directory) if Some(directory) != socket_directory => directory.to_owned(),
                _ => "localhost".to_owned(),
            },
            HostAddress::Tcp { host: Some(host), .. } => host.clone(),
            HostAddress::Tcp { host: None, hostaddr } => {
                hostaddr.map_or_else(|| "localhost".to_owned(), |address| address.to_string())
            }
        }
    }

    /// Returns all servers of `host`, `hostaddr` and `port`.
    pub(super) fn from_parameters(
        parameters: &Parameters,
        socket_directory: Option<&str>,
    ) -> Result<Vec<Self>, ConninfoError> {
        let split = |name| parameters.text(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>());
        if let Some(ports) = parameters.text("port").filter(|ports| ports.contains('@')) {
            read_port(ports)?;
        }
        let (names, addresses, ports) = (split("host"), split("hostaddr"), split("port").unwrap_or_default());
        if let (Some(names), Some(addresses)) = (&names, &addresses)
            && names.len() != addresses.len()
        {
            return Err(ConninfoError::new(format!(
                "could not match {} host names to {} hostaddr values",
                names.len(),
                addresses.len()
            )));
        }
        let count = names.as_ref().or(addresses.as_ref()).map_or(1, Vec::len);
        if ports.len() > 1 && ports.len() != count {
            return Err(ConninfoError::new(format!("could not match {} port numbers to {count} hosts", ports.len()))
                .with_hint("specify one port for all hosts, or one per host"));
        }
        (0..count)
            .map(|i| {
                let item = |list: &Option<Vec<&str>>| {
                    list.as_ref()
                        .and_then(|list| list.get(i))
                        .map(|item| (*item).to_owned())
                        .filter(|item| !item.is_empty())
                };
                let port = ports.get(i).or(ports.first().filter(|_| ports.len() == 1)).copied().unwrap_or_default();
                Ok(Self {
                    address: HostAddress::new(item(&names), item(&addresses), socket_directory)?,
                    port: read_port(port)?,
                    password: None,
                })
            })
            .collect()
    }
}

impl HostAddress {
    fn new(
        host: Option<String>,
        hostaddr: Option<String>,
        socket_directory: Option<&str>,
    ) -> Result<Self, ConninfoError> {
        if let Some(text) = hostaddr {
            let address = text.parse().map_err(|_| {
                ConninfoError::new(format!("invalid hostaddr: {} is not an IP address", quoted_value(&text)))
                    .with_hint("specify a host name with host")
            })?;
            return Ok(Self::Tcp { host, hostaddr: Some(address) });
        }
        match (host, socket_directory) {
            (Some(host), _) if host.starts_with(['/', '@']) => Ok(Self::Socket(host.into())),
            (Some(host), _) => Ok(Self::Tcp { host: Some(host), hostaddr: None }),
            (None, Some(directory)) => Ok(Self::Socket(directory.into())),
            (None, None) => Ok(Self::Tcp { host: Some("localhost".to_owned()), hostaddr: None }),
        }
    }
}

/// Returns the default socket directory: Debian's, else that of the PostgreSQL sources.
pub(super) fn default_socket_directory() -> Option<&'static str> {
    ["/var/run/postgresql", "/tmp"].into_iter().find(|directory| Path::new(directory).is_dir())
}

fn read_port(text: &str) -> Result<u16, ConninfoError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        ConninfoError::new(format!("invalid port number: {}", quoted_value(text)))
            .with_hint("a port is a number from 1 to 65535")
    })
}
