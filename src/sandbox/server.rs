//! The server of a cluster: starting, stopping, freezing and promoting it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::account::command;
use super::error::Doing;
use super::process::{Signal, children, signal};
use super::{Cluster, Error, Result, log};

/// How a server is stopped, in the manual's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits for the clients to go.
    Smart,
    /// Disconnects the clients and shuts down cleanly.
    Fast,
    /// As in a crash.
    Immediate,
}

/// Starting, stopping and promoting take a second; on a machine that is busy, longer.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// `DB_IN_PRODUCTION` in pg_control, the same in every supported major.
const IN_PRODUCTION: u32 = 6;

impl Cluster {
    /// Starts the server of a stopped or crashed cluster; nothing to do for one that runs.
    pub fn start_again(&mut self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let log = self.log_file();
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .and_then(|out| Ok((out.try_clone()?, out)))
            .doing(|| format!("write {}", log.display()))?;
        let data = self.data_directory();
        // In a process group of its own: a Ctrl-C on the terminal is for us to act on. In its data
        // directory from the start: by that the keeper knows it.
        let server = command(self.installation.program("postgres"), self.account.as_ref())
            .arg("-D")
            .arg(&data)
            .current_dir(&data)
            .process_group(0)
            .stdout(output.0)
            .stderr(output.1)
            .spawn()
            .doing(|| format!("start {}", self.installation.program("postgres").display()))?;
        let pid = server.id();
        self.server = Some(server);
        self.keeper.tell(pid)?;
        self.wait_until("did not start in time", |cluster| {
            let ready = |status: &str| status == "ready" || status == "standby";
            cluster.lock_file().is_some_and(|(owner, status)| owner == pid && ready(&status))
        })
    }

    /// Stops the server; nothing to do for one that does not run.
    pub fn stop(&mut self, mode: StopMode) -> Result<()> {
        let Some(pid) = self.postmaster_pid() else { return Ok(()) };
        self.resume()?;
        let how = match mode {
            StopMode::Smart => Signal::Term,
            StopMode::Fast => Signal::Int,
            StopMode::Immediate => Signal::Quit,
        };
        signal(&[pid], how)?;
        if self.reap(PATIENCE) { Ok(()) } else { Err(self.failed("did not stop in time")) }
    }

    /// Freezes the server and all its processes: connections stay open and nobody answers.
    pub fn pause(&self) -> Result<()> {
        let Some(postmaster) = self.postmaster_pid() else { return Ok(()) };
        self.paused.store(true, Ordering::Relaxed);
        // The postmaster first: after that there are no new children.
        signal(&[postmaster], Signal::Stop)?;
        signal(&children(postmaster), Signal::Stop)
    }

    /// Lets a paused server go on.
    pub fn resume(&self) -> Result<()> {
        let Some(postmaster) = self.postmaster_pid() else { return Ok(()) };
        if !self.paused.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        signal(&children(postmaster), Signal::Continue)?;
        signal(&[postmaster], Signal::Continue)
    }

    /// Makes a primary of a standby, and waits until it is one.
    pub fn promote(&self) -> Result<()> {
        let Some(pid) = self.postmaster_pid() else { return Err(self.failed("is not running")) };
        self.write_file("promote", "")?;
        signal(&[pid], Signal::User1)?;
        let deadline = Instant::now() + PATIENCE;
        while self.control_state() != Some(IN_PRODUCTION) {
            if Instant::now() > deadline {
                return Err(self.failed("was not promoted in time"));
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn wait_until(&mut self, otherwise: &str, done: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            if self.has_ended() {
                self.server = None;
                return Err(self.failed("did not start"));
            }
            if Instant::now() > deadline {
                return Err(self.failed(otherwise));
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Waits for the server's end. A child that nobody has waited for keeps its pid, so the pid in
    /// `server` is never another process'.
    pub(super) fn reap(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.has_ended() {
            if Instant::now() > deadline {
                return false;
            }
            sleep(LOOK_AGAIN);
        }
        self.server = None;
        true
    }

    fn has_ended(&mut self) -> bool {
        self.server.as_mut().is_none_or(|server| matches!(server.try_wait(), Ok(Some(_)) | Err(_)))
    }

    pub(super) fn failed(&self, what: &str) -> Error {
        Error::Server { what: what.to_owned(), log: log::tail(&self.log_file()) }
    }

    /// The pid in postmaster.pid and the status, its eighth line.
    fn lock_file(&self) -> Option<(u32, String)> {
        let text = fs::read_to_string(self.data_directory().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        Some((lines.next()?.trim().parse().ok()?, lines.nth(6)?.trim().to_owned()))
    }

    /// The state in pg_control: after the system identifier and two version numbers.
    fn control_state(&self) -> Option<u32> {
        let bytes = fs::read(self.data_directory().join("global/pg_control")).ok()?;
        Some(u32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?))
    }
}
