//! Runs a program on a terminal created by util-linux's `script`.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A program on a terminal, and its output so far.
pub struct Terminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    pub screen: String,
}

impl Terminal {
    /// Runs a shell command there, in the folder and environment that `prepare` sets. Returns `None` if `script` is not
    /// installed.
    pub fn run_in_terminal(line: &str, prepare: impl FnOnce(&mut Command)) -> Option<Terminal> {
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", line, "/dev/null"]).env("TERM", "dumb");
        prepare(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let mut output = child.stdout.take().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Terminal { child, output: shown, screen: String::new() })
    }

    pub fn wait_for(&mut self, text: &str) {
        while !self.screen.contains(text) {
            let more = self.output.recv_timeout(Duration::from_secs(60));
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came: {}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Types a line. Returns the exit code and all output.
    pub fn type_line(mut self, line: &str) -> (i32, String) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.output.recv_timeout(Duration::from_secs(5)) {
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
        (status.code().unwrap_or(-1), self.screen)
    }
}

/// Joins words to one shell command.
pub fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = words.into_iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
    quoted.collect::<Vec<_>>().join(" ")
}
