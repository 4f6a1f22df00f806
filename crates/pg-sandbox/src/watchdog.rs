//! The one who turns off the light.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use super::Result;
use super::account::{Account, clean_command};
use super::error::IoContext;
use super::template::write_private_file;

/// A small shell beside the cluster that ends the server and removes its folder when the pipe to it
/// closes: when the cluster is dropped, and just as well when its owner is killed.
///
/// The kernel closes a dead process' pipes always. The alternatives do it sometimes: a destructor does
/// not run after SIGKILL, nor for statics; PR_SET_PDEATHSIG exists on Linux only, is tied to the
/// *thread* that started the server, and is cleared where the server runs as another user.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches over `folder`. Runs as the server's user, who owns the folder and may see and signal
    /// the server; in a process group of its own, so that a Ctrl-C meant for us does not reach it; and
    /// with no output, so that no reader of ours waits for it.
    pub(super) fn spawn(folder: &Path, account: Option<&Account>) -> Result<Self> {
        // From a file, so that the process list shows what this is and not a page of script.
        let script = folder.join("keeper.sh");
        write_private_file(account, &script, include_str!("keeper.sh"))?;
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

    /// Tells it which process is the server now.
    pub(super) fn set_server_pid(&mut self, server: u32) -> Result<()> {
        let pipe = self.shell.stdin.as_mut();
        pipe.map_or(Ok(()), |pipe| writeln!(pipe, "{server}")).while_doing(|| "reach the cluster's keeper".to_owned())
    }

    /// Sends it away with its work undone: the cluster shall stay.
    pub(super) fn detach(&mut self) -> Result<()> {
        let pipe = self.shell.stdin.as_mut();
        pipe.map_or(Ok(()), |pipe| writeln!(pipe, "leave")).while_doing(|| "reach the cluster's keeper".to_owned())?;
        self.trigger();
        self.wait();
        Ok(())
    }

    /// Lets it do its work now.
    pub(super) fn trigger(&mut self) {
        drop(self.shell.stdin.take());
    }

    /// Waits until it has done it.
    pub(super) fn wait(&mut self) {
        let _ = self.shell.wait();
    }
}
