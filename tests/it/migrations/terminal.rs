//! The question on a terminal, and what may happen while it waits for its answer.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::program::{LIMITS, Project, files, newest};
use crate::clusters::{connect, say};

/// pgtend on a terminal of its own, made by util-linux's `script`.
struct Terminal {
    child: Child,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn open(folder: &Path, arguments: &[&str]) -> Option<Terminal> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let words: Vec<String> =
            std::iter::once(env!("CARGO_BIN_EXE_pgtend")).chain(arguments.iter().copied()).map(quote).collect();
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", &words.join(" "), "/dev/null"]).current_dir(folder);
        command.env_remove("DATABASE_URL").env("HOME", "/nonexistent").env("TERM", "dumb");
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

    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let more = self.shown.recv_timeout(Duration::from_secs(60));
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Types a line; answers how it ended, and all that was shown.
    fn answer(mut self, line: &str) -> (i32, String) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.shown.recv_timeout(Duration::from_secs(5)) {
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        (status.code().unwrap_or(-1), self.seen)
    }
}

#[tokio::test]
async fn nothing_is_written_of_what_changed_while_the_question_waited() {
    let cluster = newest();
    let project = Project::new(&cluster, "asked").await;
    let client = connect(&cluster, "asked").await;
    let fixed = ["indexes", "migrate", "-d", &project.conninfo, "--framework", "rails", "--output", "m", "users_name"];
    let begin = || {
        let mut terminal = Terminal::open(project.root.path(), &[&fixed[..], &LIMITS[..]].concat())?;
        terminal.wait_for("Type yes:");
        assert!(terminal.seen.contains("database asked of"), "{}", terminal.seen);
        Some(terminal)
    };
    let Some(terminal) = begin() else {
        say("the question on a terminal: NOT RUN, there is no `script`");
        return;
    };
    let nothing = || assert!(files(project.root.path()).is_empty());
    let (exit, shown) = terminal.answer("y");
    assert!(exit == 4 && shown.contains("nothing was written"), "{exit}: {shown}");
    nothing();

    // Its comment goes: then the way back would bring another index.
    let terminal = begin().unwrap();
    client.batch_execute("comment on index shop.users_name is 'wait for the audit'").await.unwrap();
    let (exit, shown) = terminal.answer("yes");
    assert!(exit == 4 && shown.contains("another index now"), "{exit}: {shown}");
    nothing();

    let terminal = begin().unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgtend'";
    client.batch_execute(end).await.unwrap();
    let (exit, shown) = terminal.answer("yes");
    assert!(exit == 1 && shown.contains("was lost"), "{exit}: {shown}");
    nothing();

    let terminal = begin().unwrap();
    client.batch_execute("begin; lock table shop.users in access exclusive mode").await.unwrap();
    let (exit, shown) = terminal.answer("yes");
    assert!(exit == 4 && shown.contains("locked by somebody else"), "{exit}: {shown}");
    client.batch_execute("rollback").await.unwrap();
    nothing();

    let terminal = begin().unwrap();
    let (exit, shown) = terminal.answer("yes");
    assert!(exit == 0 && shown.contains("1 file written"), "{exit}: {shown}");
    assert_eq!(files(project.root.path()).len(), 2);

    let terminal = begin().unwrap();
    client.batch_execute("drop index shop.users_name").await.unwrap();
    let (exit, shown) = terminal.answer("yes");
    assert!(exit == 4 && shown.contains("is gone"), "{exit}: {shown}");
    assert_eq!(files(project.root.path()).len(), 2);
}
