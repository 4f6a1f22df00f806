use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use super::problem::{Attempt, Problem, with_connect_timeout};
use super::progress::Progress;
use crate::postgres::conninfo::{Conninfo, Host, HostAddress, LoadBalanceHosts, SslMode};
use crate::postgres::tls::Tls;

/// An address to connect to.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Socket(PathBuf),
    Tcp(SocketAddr),
}

/// All addresses of one host, and the TLS they share.
pub(super) struct Addresses {
    pub(super) list: Vec<(Address, Endpoint)>,
    pub(super) tls: Option<Tls>,
    /// Reason why TLS is not available, if it is only preferred.
    pub(super) without_tls: Option<Attempt>,
    /// Duration of the name lookup; it counts towards the connect timeout of the first address.
    pub(super) lookup_time: Duration,
}

impl Addresses {
    /// Resolves the host name and reads the certificates of the host.
    pub(super) async fn resolve(conninfo: &Conninfo, host: &Host) -> Result<Self, Attempt> {
        let port = host.port;
        let (name, hostaddr) = match &host.address {
            HostAddress::Socket(directory) => {
                let path = directory.join(format!(".s.PGSQL.{port}"));
                let endpoint = Endpoint::Socket { directory: directory.clone(), port };
                // As in libpq, a Unix-domain socket never uses TLS, regardless of the sslmode.
                return Ok(Self {
                    list: vec![(Address::Socket(path), endpoint)],
                    tls: None,
                    without_tls: None,
                    lookup_time: Duration::ZERO,
                });
            }
            HostAddress::Tcp { host, hostaddr } => (host, hostaddr),
        };
        let failed = |problem| Attempt {
            endpoint: Endpoint::Tcp { host: name.clone(), address: None, port },
            encrypted: None,
            problem,
        };
        let since = Instant::now();
        let mut found: Vec<SocketAddr> = match (hostaddr, name) {
            (Some(address), _) => vec![SocketAddr::new(*address, port)],
            (None, name) => {
                let name = name.as_deref().unwrap_or("localhost");
                let looked_up = with_connect_timeout(
                    conninfo.connect_timeout,
                    Duration::ZERO,
                    &Progress::default(),
                    tokio::net::lookup_host((name, port)),
                )
                .await
                .map_err(&failed)?;
                looked_up.map_err(|error| failed(Problem::Resolve(error)))?.collect()
            }
        };
        let lookup_time = since.elapsed();
        // A duplicate address would be tried and reported twice.
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|address| seen.insert(*address));
        if conninfo.load_balance_hosts == LoadBalanceHosts::Random {
            shuffle(&mut found);
        }
        let (tls, without_tls) = match conninfo.tls.mode {
            SslMode::Disable => (None, None),
            mode => match Tls::new(&conninfo.tls, name.as_deref()) {
                Ok(tls) => (Some(tls), None),
                // As libpq, which continues without TLS if its files cannot be used.
                Err(problem) if mode < SslMode::Require => (None, Some(failed(Problem::TlsSetup(problem.into())))),
                Err(problem) => return Err(failed(Problem::TlsSetup(problem.into()))),
            },
        };
        let endpoint = |address| Endpoint::Tcp { host: name.clone(), address: Some(address), port };
        Ok(Self {
            list: found.into_iter().map(|address| (Address::Tcp(address), endpoint(address))).collect(),
            tls,
            without_tls,
            lookup_time,
        })
    }
}

/// Puts the items into a random order (Fisher–Yates, fed by the standard library's hasher keys).
pub(super) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let random = RandomState::new().build_hasher().finish();
        let bound = u64::try_from(last).unwrap_or(u64::MAX - 1) + 1;
        items.swap(last, usize::try_from(random % bound).unwrap_or(0));
    }
}
