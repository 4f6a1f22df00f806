//! The server of a cluster: start, stop, pause and promotion.

use super::account::clean_command;
use super::error::IoContext;
use super::process::{Signal, child_pids, send_signal};
use super::{Cluster, Error, Result};
use std::fs;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Shutdown mode (manual 17, "Shutting Down the Server").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits until all clients have disconnected.
    Smart,
    /// Disconnects the clients and shuts down cleanly.
    Fast,
    /// Without a checkpoint; the next start performs crash recovery.
    Immediate,
}

/// Time limit for start, stop and promotion, which take longer on a busy machine.
const SERVER_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// `DB_IN_PRODUCTION` in pg_control, the same in every supported major.
const DB_IN_PRODUCTION: u32 = 6;

impl Cluster {
    /// Starts the server of a stopped or crashed cluster; does nothing if it is running.
    pub fn start_server(&mut self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let log = self.log_file();
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .and_then(|out| Ok((out.try_clone()?, out)))
            .while_doing(|| format!("write {}", log.display()))?;
        let data = self.data_directory();
        // In its own process group, so that a Ctrl-C on the terminal does not reach it. Its working directory
        // is the data directory, by which the watchdog identifies it.
        let server = clean_command(self.installation.program("postgres"), self.account.as_ref())
            .arg("-D")
            .arg(&data)
            .current_dir(&data)
            .process_group(0)
            .stdout(output.0)
            .stderr(output.1)
            .spawn()
            .while_doing(|| format!("start {}", self.installation.program("postgres").display()))?;
        let pid = server.id();
        self.server = Some(server);
        self.watchdog.set_server_pid(pid)?;
        self.wait_until("did not start in time", |cluster| {
            let ready = |status: &str| status == "ready" || status == "standby";
            cluster.read_lock_file().is_some_and(|(owner, status)| owner == pid && ready(&status))
        })
    }

    /// Stops the server; does nothing if it is not running.
    pub fn stop(&mut self, mode: StopMode) -> Result<()> {
        let Some(pid) = self.postmaster_pid() else { return Ok(()) };
        self.resume()?;
        let signal_kind = match mode {
            StopMode::Smart => Signal::Term,
            StopMode::Fast => Signal::Int,
            StopMode::Immediate => Signal::Quit,
        };
        send_signal(&[pid], signal_kind)?;
        if self.reap(SERVER_TIMEOUT) { Ok(()) } else { Err(self.server_error("did not stop in time")) }
    }

    /// Pauses the server and all its processes: connections stay open without answers.
    pub fn pause(&self) -> Result<()> {
        let Some(postmaster) = self.postmaster_pid() else { return Ok(()) };
        self.paused.store(true, Ordering::Relaxed);
        // The postmaster first, so that it starts no new children.
        send_signal(&[postmaster], Signal::Stop)?;
        send_signal(&child_pids(postmaster), Signal::Stop)
    }

    /// Resumes a paused server.
    pub fn resume(&self) -> Result<()> {
        let Some(postmaster) = self.postmaster_pid() else { return Ok(()) };
        if !self.paused.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        send_signal(&child_pids(postmaster), Signal::Continue)?;
        send_signal(&[postmaster], Signal::Continue)
    }

    /// Promotes a standby, and waits until it is a primary.
    pub fn promote(&self) -> Result<()> {
        let Some(pid) = self.postmaster_pid() else { return Err(self.server_error("is not running")) };
        self.write_file("promote", "")?;
        send_signal(&[pid], Signal::User1)?;
        let deadline = Instant::now() + SERVER_TIMEOUT;
        while self.read_control_state() != Some(DB_IN_PRODUCTION) {
            if Instant::now() > deadline {
                return Err(self.server_error("was not promoted in time"));
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn wait_until(&mut self, timeout_message: &str, done: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + SERVER_TIMEOUT;
        while !done(self) {
            if self.has_ended() {
                self.server = None;
                return Err(self.server_error("did not start"));
            }
            if Instant::now() > deadline {
                return Err(self.server_error(timeout_message));
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Waits until the server has ended. The pid of a child is not reused before `wait`, so the pid in
    /// `server` never belongs to another process.
    pub(super) fn reap(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while !self.has_ended() {
            if Instant::now() > deadline {
                return false;
            }
            sleep(POLL_INTERVAL);
        }
        self.server = None;
        true
    }

    fn has_ended(&mut self) -> bool {
        self.server.as_mut().is_none_or(|server| matches!(server.try_wait(), Ok(Some(_)) | Err(_)))
    }

    pub(super) fn server_error(&self, what: &str) -> Error {
        Error::Server { what: what.to_owned(), log: log_tail(&self.log_file()) }
    }

    /// Returns the pid in postmaster.pid and the status in its eighth line.
    fn read_lock_file(&self) -> Option<(u32, String)> {
        let text = fs::read_to_string(self.data_directory().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        Some((lines.next()?.trim().parse().ok()?, lines.nth(6)?.trim().to_owned()))
    }

    /// Returns the state in pg_control, which follows the system identifier and two version numbers.
    fn read_control_state(&self) -> Option<u32> {
        let bytes = fs::read(self.data_directory().join("global/pg_control")).ok()?;
        Some(u32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?))
    }
}

const TAIL_BYTES: u64 = 4096;

/// Returns the last lines of the log; empty if it cannot be read.
pub(super) fn log_tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let cut = bytes.len() as u64 == TAIL_BYTES;
    let whole_lines = if cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    whole_lines.trim_end().to_owned()
}
