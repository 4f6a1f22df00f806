//! Throwaway servers. Each runs as long as the test binary: its watchdog, a shell, waits for the end of its standard
//! input, then stops the server and removes its directory.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};

/// The folder of psql and the other clients.
pub const CLIENT_BINARIES: &str = "/usr/lib/postgresql/15/bin";

const WATCHDOG_SCRIPT: &str = r#"trap '' INT TERM
"$@" >"$LOG" 2>&1 &
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait
rm -rf "$DIRECTORY""#;

/// A running server.
pub struct Server {
    pub directory: PathBuf,
    pub port: u16,
    _watchdog: Child,
}

/// The folder of the server's programs; `PGTEND_TEST_BINDIR` selects another major.
fn server_binaries() -> String {
    std::env::var("PGTEND_TEST_BINDIR").unwrap_or_else(|_| CLIENT_BINARIES.to_owned())
}

/// The account that runs servers: they refuse to run as root.
fn server_user() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    User::from_name("postgres").expect("the user database").or_else(|| panic!("no user postgres"))
}

pub fn command_as_server_user(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    if let Some(user) = server_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command.current_dir("/").env_remove("PGHOST").env("LC_ALL", "C");
    command
}

/// Creates a directory for the account that runs servers, and its watchdog, which removes it after the test binary
/// ends.
pub fn watched_directory() -> (PathBuf, Child) {
    let directory = new_directory();
    let watchdog = start_watchdog(&directory, &mut ["true".to_owned()].into_iter());
    (directory, watchdog)
}

/// Makes the account that runs servers the owner of a file.
pub fn give_to_server_user(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    if let Some(user) = server_user() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("chown");
    }
}

fn run_successfully(command: &mut Command) {
    let output = command.output().expect("the command runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn new_directory() -> PathBuf {
    let directory = tempfile::Builder::new().prefix("pgtend-it-").tempdir().expect("a directory").keep();
    give_to_server_user(&directory, 0o755);
    directory
}

/// A data directory created by initdb and copied for every server; its watchdog removes it.
static TEMPLATE: LazyLock<(PathBuf, Child)> = LazyLock::new(|| {
    let (directory, watchdog) = watched_directory();
    let data = directory.join("data");
    initdb(Path::new(&server_binaries()), &data);
    (data, watchdog)
});

fn initdb(bin: &Path, data: &Path) {
    run_successfully(
        command_as_server_user(bin.join("initdb"))
            .args(["--no-sync", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
            .arg(data),
    );
}

fn start_watchdog(directory: &Path, program: &mut dyn Iterator<Item = String>) -> Child {
    command_as_server_user("/bin/sh")
        .args(["-c", WATCHDOG_SCRIPT, "watchdog"])
        .args(program)
        .env("DIRECTORY", directory)
        .env("LOG", directory.join("log"))
        .env("OPENSSL_CONF", directory.join("data/openssl.cnf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the watchdog starts")
}

impl Server {
    /// Starts a server with these lines of postgresql.conf and pg_hba.conf, and files in its data
    /// directory.
    pub fn start(conf: &str, hba: &str, files: &[(&str, &str)]) -> Self {
        let directory = new_directory();
        let data = directory.join("data");
        run_successfully(command_as_server_user("/bin/cp").arg("-a").arg(&TEMPLATE.0).arg(&data));
        Self::start_in_directory(directory, Path::new(&server_binaries()), conf, hba, files)
    }

    /// Starts a server with the programs in `bin` and `openssl.cnf` in its data directory.
    pub fn start_from(bin: &Path, conf: &str, hba: &str, files: &[(&str, &str)]) -> Self {
        let directory = new_directory();
        initdb(bin, &directory.join("data"));
        Self::start_in_directory(directory, bin, conf, hba, files)
    }

    fn start_in_directory(directory: PathBuf, bin: &Path, conf: &str, hba: &str, files: &[(&str, &str)]) -> Self {
        let data = directory.join("data");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let conf = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\nshared_buffers = 8MB\n{conf}\n",
            directory.display()
        );
        let defaults = [("postgresql.auto.conf", conf.as_str()), ("pg_hba.conf", hba)];
        for (name, text) in defaults.iter().chain(files) {
            let path = data.join(name);
            std::fs::write(&path, text).expect("a file");
            give_to_server_user(&path, 0o600);
        }
        let program = [path_text(&bin.join("postgres")), "-D".to_owned(), path_text(&data)];
        let watchdog = start_watchdog(&directory, &mut program.into_iter());
        let server = Self { directory, port, _watchdog: watchdog };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let since = Instant::now();
        loop {
            let mut ready = Command::new(Path::new(CLIENT_BINARIES).join("pg_isready"));
            let ready = ready.arg("-q").arg("-h").arg(&self.directory).args(["-p", &self.port.to_string()]).status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(since.elapsed() < Duration::from_secs(30), "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs SQL as superuser over the socket.
    pub fn execute_sql(&self, sql: &str) {
        run_successfully(
            Command::new(Path::new(CLIENT_BINARIES).join("psql"))
                .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"])
                .arg(&self.directory)
                .args(["-p", &self.port.to_string()])
                .args(sql.split(';').flat_map(|statement| ["-c", statement])),
        );
    }

    /// `key=value` pairs for TCP, followed by `more`.
    pub fn tcp_conninfo(&self, more: &str) -> String {
        format!("host=127.0.0.1 port={} dbname=postgres {more}", self.port)
    }

    /// `key=value` pairs for the socket, followed by `more`.
    pub fn socket_conninfo(&self, more: &str) -> String {
        format!("host={} port={} dbname=postgres {more}", self.directory.display(), self.port)
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        let text = std::fs::read_to_string(self.directory.join("data/PG_VERSION")).expect("PG_VERSION");
        text.trim().parse().expect("a major version")
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}
