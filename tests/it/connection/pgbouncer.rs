//! pgbouncer in front of a server, in transaction mode, configured as in Debian's package.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pg_sandbox::Cluster;

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

/// Returns the path of the program, on PATH or in Debian's folder. Under CI it is required.
pub fn find_pgbouncer(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
    if found.is_none() {
        let demanded = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!demanded, "{test}: no pgbouncer on PATH or in /usr/sbin");
        crate::clusters::print_stderr(&format!("{test}: NOT RUN: no pgbouncer on PATH or in /usr/sbin"));
    }
    found
}

impl Pgbouncer {
    /// Starts it in front of the superuser's socket, with one connection to the server per database.
    pub async fn start(program: &Path, cluster: &Cluster) -> Pgbouncer {
        Self::start_with(program, cluster, &cluster.socket_dir().display().to_string(), cluster.port(), 1).await
    }

    /// Starts it in front of the sockets of two servers, with one connection to each: a new one goes to the next
    /// server.
    pub async fn start_for_two_servers(program: &Path, clusters: &[Cluster; 2]) -> Pgbouncer {
        let [first, second] = clusters;
        // One port applies to both hosts: it is part of the socket's name.
        let folder = second.socket_dir().join("other");
        std::fs::create_dir_all(&folder).expect("a folder");
        let socket = second.socket_dir().join(format!(".s.PGSQL.{}", second.port()));
        let name = folder.join(format!(".s.PGSQL.{}", first.port()));
        std::os::unix::fs::symlink(socket, name).expect("a link");
        if let Some(account) = second.account() {
            std::os::unix::fs::chown(&folder, Some(account.uid), Some(account.gid)).expect("the server's account");
        }
        let hosts = format!("{},{}", first.socket_dir().display(), folder.display());
        Self::start_with(program, first, &hosts, first.port(), 2).await
    }

    async fn start_with(program: &Path, cluster: &Cluster, hosts: &str, server_port: u16, size: u32) -> Pgbouncer {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let text = format!(
            "[databases]\n* = user=postgres host={hosts} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = {size}\n"
        );
        let ini = cluster.write_file("pgbouncer.ini", &text).expect("pgbouncer.ini");
        let mut command = Command::new(program);
        if let Some(account) = cluster.account() {
            // pgbouncer refuses to run as root.
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

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `key=value` pairs for a session through it.
    pub fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} dbname=postgres user=postgres", self.port)
    }
}
