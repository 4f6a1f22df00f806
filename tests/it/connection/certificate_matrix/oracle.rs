//! The server with the certificates, and psql as the oracle.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::server::{CLIENT_BINARIES, Server, command_as_server_user, give_to_server_user};
use crate::clusters;

/// A server whose certificate can be changed. It may use weak keys and signatures: the client is under test.
pub struct CertificateServer {
    pub server: Server,
    pg_ctl: std::path::PathBuf,
    served_chain: Option<(String, String)>,
}

impl CertificateServer {
    /// Starts a server of the newest available major; the client's check does not depend on its version.
    pub fn start(chain: &str, key: &str) -> Self {
        let newest = clusters::newest_installation();
        let conf = "ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'";
        let files = [("tls.crt", chain), ("tls.key", key), ("openssl.cnf", super::WEAK_OPENSSL_CONFIG)];
        let server = Server::start_from(&newest.bin, conf, "local all all trust\nhost all all all trust\n", &files);
        Self { server, pg_ctl: newest.bin.join("pg_ctl"), served_chain: None }
    }

    /// Makes the server send this chain, and waits until it does.
    pub fn serve_chain(&mut self, chain: &str, key: &str) {
        if self.served_chain.as_ref().is_some_and(|shown| shown.0 == chain && shown.1 == key) {
            return;
        }
        let data = self.server.directory.join("data");
        for (name, text) in [("tls.crt", chain), ("tls.key", key)] {
            let path = data.join(name);
            std::fs::write(&path, text).expect("a file");
            give_to_server_user(&path, 0o600);
        }
        let reload = command_as_server_user(&self.pg_ctl).arg("reload").arg("-D").arg(&data).output().expect("pg_ctl");
        assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
        let since = Instant::now();
        while read_served_chain(self.server.port) != split_certificates(chain) {
            let log = std::fs::read_to_string(self.server.directory.join("log")).unwrap_or_default();
            assert!(since.elapsed() < Duration::from_secs(10), "the server does not send {chain}: {log}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.served_chain = Some((chain.to_owned(), key.to_owned()));
    }
}

/// Returns the chain that the server sends, as PEM.
fn read_served_chain(port: u16) -> Vec<String> {
    let output = Command::new("openssl")
        .args(["s_client", "-starttls", "postgres", "-showcerts", "-cipher", "DEFAULT@SECLEVEL=0"])
        .args(["-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .output()
        .expect("openssl");
    split_certificates(&String::from_utf8_lossy(&output.stdout))
}

fn split_certificates(text: &str) -> Vec<String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.filter_map(|block| Some(block.split_once("-----END CERTIFICATE-----")?.0.trim().to_owned())).collect()
}

/// Connects with psql; returns its error if it does not connect.
pub fn connect_with_psql(conninfo: &str, home: &Path) -> Result<(), String> {
    let output = Command::new(Path::new(CLIENT_BINARIES).join("psql"))
        .args(["-X", "-w", "-q", "-A", "-t", "-c", "select 1", conninfo])
        .env_clear()
        .env("HOME", home)
        .env("LC_ALL", "C")
        .output()
        .expect("psql");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(error),
    }
}
