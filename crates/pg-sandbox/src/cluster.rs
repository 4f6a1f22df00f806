//! A private throwaway cluster.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::account::Account;
use super::error::IoContext;
use super::options::{ClusterOptions, format_configuration};
use super::template::{self, SETTINGS_FILE, write_private_file};
use super::watchdog::Watchdog;
use super::{Error, Installation, Result, folder};

/// A private server, running or stopped, in its own folder. Dropping it stops the server in immediate
/// mode and removes the folder; so does the end of this process, even by SIGKILL.
#[derive(Debug)]
pub struct Cluster {
    pub(super) installation: Installation,
    pub(super) options: ClusterOptions,
    pub(super) account: Option<Account>,
    pub(super) home: PathBuf,
    port: u16,
    password: String,
    pub(super) server: Option<Child>,
    pub(super) paused: AtomicBool,
    pub(super) watchdog: Watchdog,
    /// Whether the cluster remains when this value is dropped.
    is_detached: bool,
}

impl Cluster {
    /// Creates a cluster and starts its server.
    pub fn start(installation: &Installation, options: ClusterOptions) -> Result<Self> {
        let mut cluster = Self::prepare(installation, options)?;
        match &cluster.options.origin {
            Some(saved) => template::copy_saved(&cluster.home, saved, cluster.account.as_ref())?,
            None => {
                template::fill_cluster_folder(&cluster.home, installation, &cluster.options, cluster.account.as_ref())?
            }
        }
        if let Some(hba) = &cluster.options.hba {
            write_private_file(cluster.account.as_ref(), &cluster.data_directory().join("pg_hba.conf"), hba)?;
        }
        cluster.start_on_free_port()?;
        Ok(cluster)
    }

    /// Returns a cluster with an empty folder and a watchdog.
    pub(super) fn prepare(installation: &Installation, options: ClusterOptions) -> Result<Self> {
        let home = folder::create_private_folder(&options.parent, "pgtend")?;
        let set_up = || -> Result<_> {
            let account = Account::server_account()?;
            if let Some(account) = &account {
                account.chown_recursive(&home)?;
                for needed in [&installation.bin, &home] {
                    if !account.can_enter(needed) {
                        return Err(Error::InaccessibleFolder {
                            folder: needed.clone(),
                            account: account.name.clone(),
                        });
                    }
                }
            }
            // The watchdog compares it with /proc, which shows the path without symbolic links.
            let canonical_home = fs::canonicalize(&home).while_doing(|| format!("look at {}", home.display()))?;
            let watchdog = Watchdog::spawn(&canonical_home, account.as_ref())?;
            Ok((account, canonical_home, watchdog))
        };
        match set_up() {
            Ok((account, home, watchdog)) => Ok(Self {
                installation: installation.clone(),
                options,
                account,
                home,
                port: 0,
                password: String::new(),
                server: None,
                paused: AtomicBool::new(false),
                watchdog,
                is_detached: false,
            }),
            Err(error) => {
                let _ = fs::remove_dir_all(&home);
                Err(error)
            }
        }
    }

    /// Writes the settings and starts the server on a free port; retries with another port if the first
    /// one has been taken since it was chosen.
    pub(super) fn start_on_free_port(&mut self) -> Result<()> {
        self.password = template::read_password(&self.home)?;
        let mut attempts = 5;
        loop {
            attempts -= 1;
            self.port = free_port()?;
            self.write_settings()?;
            match self.start_server() {
                Err(Error::Server { log, .. }) if attempts > 0 && log.contains("could not bind") => {}
                done => return done,
            }
        }
    }

    fn write_settings(&self) -> Result<()> {
        let address_settings = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", self.port.to_string()),
            ("unix_socket_directories", self.home.display().to_string()),
        ];
        let address_settings = address_settings.map(|(name, value)| (name.to_owned(), value));
        let settings: Vec<_> = address_settings.into_iter().chain(self.options.settings.iter().cloned()).collect();
        let path = self.data_directory().join(SETTINGS_FILE);
        write_private_file(self.account.as_ref(), &path, &format_configuration(&settings))
    }

    /// Writes a file into the data directory that only the server's user can read: a key, a signal, a
    /// password file.
    pub fn write_file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.data_directory().join(name);
        write_private_file(self.account.as_ref(), &path, text)?;
        Ok(path)
    }

    /// Returns a `key=value` conninfo of the superuser over the socket, which requires no password.
    pub fn conninfo(&self) -> String {
        let home = self.home.display().to_string();
        let is_plain = !home.contains(|c: char| c.is_whitespace() || matches!(c, '\'' | '\\'));
        let host = if is_plain { home } else { format!("'{}'", home.replace('\\', "\\\\").replace('\'', "\\'")) };
        format!("host={host} port={} user=postgres dbname=postgres", self.port)
    }

    /// Returns a `key=value` conninfo of the superuser over TCP, with the password.
    pub fn tcp_conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres password={} dbname=postgres", self.port, self.password)
    }

    /// Returns the TCP address that the server listens on.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Returns the port of the socket and of the TCP address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the superuser's password, which only TCP connections require.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Returns the folder of the Unix-domain socket.
    pub fn socket_dir(&self) -> &Path {
        &self.home
    }

    /// Returns the data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Returns the installation of the server.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Returns the account that runs the server instead of root.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Returns the path of the server log.
    pub fn log_file(&self) -> PathBuf {
        self.home.join("log")
    }

    /// Returns the whole server log.
    pub fn log(&self) -> String {
        fs::read(self.log_file()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Leaves the server running and the folder in place after the end of this process.
    pub fn detach(mut self) -> Result<()> {
        self.watchdog.detach()?;
        self.is_detached = true;
        Ok(())
    }

    /// Stops the server of a detached cluster, if it is running, and removes the folder, if it exists.
    pub fn stop_detached(folder: &Path) -> Result<()> {
        if !folder.exists() {
            return Ok(());
        }
        let mut watchdog = Watchdog::spawn(folder, Account::server_account()?.as_ref())?;
        watchdog.trigger();
        watchdog.wait();
        if !folder.exists() {
            return Ok(());
        }
        fs::remove_dir_all(folder).while_doing(|| format!("remove {}", folder.display()))
    }

    /// Returns the pid of the postmaster; `None` if the cluster is stopped.
    pub fn postmaster_pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_detached {
            return;
        }
        // The watchdog resumes only the postmaster, which then waits five seconds for its children.
        let _ = self.resume();
        self.watchdog.trigger();
        if !self.reap(Duration::from_secs(15))
            && let Some(server) = &mut self.server
        {
            let _ = server.kill().and_then(|()| server.wait());
        }
        self.watchdog.wait();
        // The watchdog runs as the server's user, which may lack the permission to remove the folder.
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .while_doing(|| "find a free port".to_owned())
}
