//! Signals and child processes.
//!
//! With `sh` and `ps`: the standard library cannot send signals, and this crate has no unsafe code.

use std::fs;
use std::path::Path;

use super::Result;
use super::account::clean_command;
use super::error::IoContext;

/// A signal that `kill` sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Term,
    Int,
    Quit,
    Stop,
    Continue,
    User1,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::User1 => "USR1",
        }
    }
}

/// Sends a signal. A process that has ended is not an error.
pub(super) fn send_signal(pids: &[u32], signal: Signal) -> Result<()> {
    clean_command("sh", None)
        .args(["-c", r#"s=$1; shift; for pid; do kill -s "$s" "$pid" 2>/dev/null; done; true"#, "sh", signal.name()])
        .args(pids.iter().map(u32::to_string))
        .status()
        .map(drop)
        .while_doing(|| format!("send SIG{}", signal.name()))
}

/// Returns the child processes of `parent`.
pub(super) fn child_pids(parent: u32) -> Vec<u32> {
    let pairs = if Path::new("/proc/self/stat").exists() { parents_from_proc() } else { parents_from_ps() };
    pairs.into_iter().filter(|pair| pair.1 == parent).map(|pair| pair.0).collect()
}

/// Without `ps`, which minimal containers lack.
fn parents_from_proc() -> Vec<(u32, u32)> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in the second field may contain parentheses.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        Some((pid, parent.parse().ok()?))
    })
    .collect()
}

fn parents_from_ps() -> Vec<(u32, u32)> {
    let answer = clean_command("ps", None).args(["-A", "-o", "pid=", "-o", "ppid="]).output();
    let ps_output = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    let pair = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    ps_output.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_pids_finds_child() {
        let mut child = clean_command("sleep", None).arg("60").spawn().unwrap();
        assert!(child_pids(std::process::id()).contains(&child.id()));
        assert!(parents_from_ps().is_empty() || parents_from_ps().contains(&(child.id(), std::process::id())));
        send_signal(&[child.id()], Signal::Term).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
