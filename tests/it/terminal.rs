//! A terminal of its own for a program, made by util-linux's `script`.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A program on a terminal, and all that was shown so far.
pub struct Terminal {
    child: Child,
    shown: Receiver<Vec<u8>>,
    pub seen: String,
}

impl Terminal {
    /// Runs a shell's line there, in the folder and environment that `prepare` gives; none where there is no `script`.
    pub fn open(line: &str, prepare: impl FnOnce(&mut Command)) -> Option<Terminal> {
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", line, "/dev/null"]).env("TERM", "dumb");
        prepare(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let mut output = child.stdout.take().unwrap();
        let (tell, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Terminal { child, shown, seen: String::new() })
    }

    pub fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let more = self.shown.recv_timeout(Duration::from_secs(60));
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Types a line; answers how it ended, and all that was shown.
    pub fn answer(mut self, line: &str) -> (i32, String) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.shown.recv_timeout(Duration::from_secs(5)) {
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        (status.code().unwrap_or(-1), self.seen)
    }
}

/// Words as one line for a shell.
pub fn line_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = words.into_iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
    quoted.collect::<Vec<_>>().join(" ")
}
