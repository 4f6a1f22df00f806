//! pgbouncer in front of a server, in transaction mode as Debian's package brings it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pgtend::sandbox::Cluster;

/// A running pgbouncer, killed when dropped.
pub struct Pgbouncer {
    process: Child,
    port: u16,
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the program is, on PATH or where Debian puts it. Under CI it has to be there.
pub fn program(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
    if found.is_none() {
        let demanded = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!demanded, "{test}: no pgbouncer on PATH or in /usr/sbin");
        crate::clusters::say(&format!("{test}: NOT RUN: no pgbouncer on PATH or in /usr/sbin"));
    }
    found
}

impl Pgbouncer {
    /// In front of the superuser's socket, with one connection to the server per database.
    pub async fn start(program: &Path, cluster: &Cluster) -> Pgbouncer {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let text = format!(
            "[databases]\n* = user=postgres host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n",
            cluster.socket_dir().display(),
            cluster.port()
        );
        let ini = cluster.write_file("pgbouncer.ini", &text).expect("pgbouncer.ini");
        let mut command = Command::new(program);
        if let Some(account) = cluster.account() {
            // It refuses to run as root.
            command.uid(account.uid).gid(account.gid);
        }
        command.arg(&ini).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("pgbouncer starts");
        let pooler = Pgbouncer { process, port };
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return pooler;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("pgbouncer does not listen");
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `key=value` pairs for a session through it.
    pub fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} dbname=postgres user=postgres", self.port)
    }
}
