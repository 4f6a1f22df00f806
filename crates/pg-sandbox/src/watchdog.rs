//! The watchdog of a cluster: a shell script that stops it after its owner has ended.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use super::Result;
use super::account::{Account, clean_command};
use super::error::IoContext;
use super::template::write_private_file;

/// A shell process that stops the server and removes its folder when the pipe to it is closed: when
/// the cluster is dropped, and when its owner is killed.
///
/// The kernel always closes the pipes of a process that has ended. The alternatives are incomplete: a
/// destructor does not run after SIGKILL, nor for statics; PR_SET_PDEATHSIG exists on Linux only, is
/// tied to the *thread* that started the server, and is cleared if the server runs as another user.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts the watchdog of `folder`. It runs as the server's user, who owns the folder and can signal
    /// the server; in its own process group, so that a Ctrl-C on the terminal does not reach it; and
    /// without output, so that it keeps no pipe of the caller open.
    pub(super) fn spawn(folder: &Path, account: Option<&Account>) -> Result<Self> {
        // From a file, so that the process list shows a name instead of the script.
        let script = folder.join("watchdog.sh");
        write_private_file(account, &script, include_str!("watchdog.sh"))?;
        let shell = clean_command("sh", account)
            .args([&script, folder])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .while_doing(|| "start a shell".to_owned())?;
        Ok(Self { shell })
    }

    /// Sends it the pid of the server.
    pub(super) fn set_server_pid(&mut self, server: u32) -> Result<()> {
        let pipe = self.shell.stdin.as_mut();
        pipe.map_or(Ok(()), |pipe| writeln!(pipe, "{server}")).while_doing(|| "reach the cluster's watchdog".to_owned())
    }

    /// Ends the watchdog without stopping the cluster.
    pub(super) fn detach(&mut self) -> Result<()> {
        let pipe = self.shell.stdin.as_mut();
        pipe.map_or(Ok(()), |pipe| writeln!(pipe, "leave"))
            .while_doing(|| "reach the cluster's watchdog".to_owned())?;
        self.trigger();
        self.wait();
        Ok(())
    }

    /// Makes the watchdog stop the cluster now.
    pub(super) fn trigger(&mut self) {
        drop(self.shell.stdin.take());
    }

    /// Waits until the watchdog has ended.
    pub(super) fn wait(&mut self) {
        let _ = self.shell.wait();
    }
}
