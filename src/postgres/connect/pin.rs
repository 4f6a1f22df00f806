//! Further connections of one run: they go to the address that the first one reached.

use super::endpoint::Endpoint;
use crate::postgres::conninfo::{Conninfo, Host, HostAddress, LoadBalanceHosts, TargetSessionAttrs};
use std::net::SocketAddr;

/// Returns the request narrowed to the host and address of `endpoint`, so that nothing is resolved or selected again.
///
/// The host name remains, because certificates and the password file are matched against it. `prefer-standby` is
/// satisfied by the first selection; every other `target_session_attrs` is checked again on each connection.
pub(super) fn pin_to_endpoint(conninfo: &Conninfo, host: &Host, endpoint: &Endpoint) -> Conninfo {
    let mut host = host.clone();
    if let (HostAddress::Tcp { hostaddr, .. }, Endpoint::Tcp { address: Some(address), .. }) =
        (&mut host.address, endpoint)
    {
        // A link-local address needs its zone, which only the original text contains; such a text has one address.
        let has_zone = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
        if !has_zone {
            *hostaddr = Some(address.ip());
        }
    }
    let mut pinned = conninfo.clone();
    pinned.hosts = vec![host];
    pinned.load_balance_hosts = LoadBalanceHosts::Disable;
    if pinned.target_session_attrs == TargetSessionAttrs::PreferStandby {
        pinned.target_session_attrs = TargetSessionAttrs::Any;
    }
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
    use std::path::PathBuf;

    fn conninfo(text: &str, passfile: Option<&std::path::Path>) -> Conninfo {
        let mut environment = Environment::default();
        if let Some(path) = passfile {
            environment.vars.insert("PGPASSFILE".to_owned(), path.display().to_string());
        }
        let flags = ConnectionFlags { dbname: Some(text.to_owned()), ..ConnectionFlags::default() };
        resolve(&ConnectionRequest { flags, environment, ..ConnectionRequest::default() }).unwrap().conninfo
    }

    fn tcp(host: &str, address: &str) -> Endpoint {
        let address: SocketAddr = address.parse().unwrap();
        Endpoint::Tcp { host: Some(host.to_owned()), address: Some(address), port: address.port() }
    }

    #[test]
    fn pin_keeps_only_reached_host_and_address() {
        let text = "host=a,b port=1,2 user=u dbname=d load_balance_hosts=random target_session_attrs=primary";
        let conninfo = conninfo(text, None);
        let pinned = pin_to_endpoint(&conninfo, &conninfo.hosts[1], &tcp("b", "10.0.0.2:2"));
        let place = HostAddress::Tcp { host: Some("b".to_owned()), hostaddr: Some("10.0.0.2".parse().unwrap()) };
        assert_eq!(pinned.hosts.len(), 1);
        assert_eq!((&pinned.hosts[0].address, pinned.hosts[0].port), (&place, 2));
        assert_eq!(pinned.load_balance_hosts, LoadBalanceHosts::Disable);
        assert_eq!(pinned.target_session_attrs, TargetSessionAttrs::Primary);
    }

    #[test]
    fn pin_satisfies_prefer_standby() {
        let conninfo = conninfo("host=a user=u dbname=d target_session_attrs=prefer-standby", None);
        let pinned = pin_to_endpoint(&conninfo, &conninfo.hosts[0], &tcp("a", "10.0.0.1:5432"));
        assert_eq!(pinned.target_session_attrs, TargetSessionAttrs::Any);
    }

    #[test]
    fn pin_keeps_a_socket_and_a_zone() {
        let socket = conninfo("host=/run/pg port=7 user=u dbname=d", None);
        let endpoint = Endpoint::Socket { directory: PathBuf::from("/run/pg"), port: 7 };
        let pinned = pin_to_endpoint(&socket, &socket.hosts[0], &endpoint);
        assert_eq!(pinned.hosts[0].address, HostAddress::Socket(PathBuf::from("/run/pg")));

        let local = conninfo("host=fe80::1%3 user=u dbname=d", None);
        let pinned = pin_to_endpoint(&local, &local.hosts[0], &tcp("fe80::1%3", "[fe80::1%3]:5432"));
        assert_eq!(pinned.hosts[0].address, local.hosts[0].address);
    }

    #[test]
    fn pin_finds_password_by_host_name() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        let lines = "b:2:d:u:pin-first\nb:2:other:u:pin-second\n10.0.0.2:2:other:u:pin-wrong\n";
        std::fs::write(&file, lines).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let conninfo = conninfo("host=a,b port=1,2 user=u dbname=d", Some(&file));
        let pinned = pin_to_endpoint(&conninfo, &conninfo.hosts[1], &tcp("b", "10.0.0.2:2"));
        let password = |conninfo: &Conninfo| conninfo.hosts[0].password.as_ref().unwrap().secret.expose().to_owned();
        assert_eq!((&*password(&pinned), &*password(&pinned.with_dbname("other"))), ("pin-first", "pin-second"));
    }
}
