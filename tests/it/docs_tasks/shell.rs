//! Runs the blocks of a page in their order, as somebody would who types them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use super::loosely::same;
use super::page::{Block, Command, Kind, Page};
use super::world::World;
use crate::clusters::say;
use crate::terminal::Terminal;

/// A person's home folder, with the program on the PATH and the world's servers behind their names.
pub struct Shell<'a> {
    home: tempfile::TempDir,
    world: &'a World,
}

/// What became of a page.
#[derive(Debug, Default)]
pub struct Tally {
    pub ran: usize,
    pub compared: usize,
    pub not_run: Vec<String>,
    pub failures: Vec<String>,
    /// Whether something ended in another way than it should.
    stopped: bool,
    /// What stands where a page has a line `?` for its output: the command's line, and the text.
    pub asked: Vec<(usize, String)>,
}

/// Folders of a machine that stand below the home here.
const PLACES: [&str; 3] = ["/etc/pgtend", "/var/lib/pgtend", "/var/lib/node_exporter"];

/// A session of one's own: what it changes of its folder and environment, the next command sees.
const AROUND: &str = "[ ! -e ~/.session ] || . ~/.session\n{ LINE\n}; status=$?\n{ export -p; printf 'cd %q\\n' \"$PWD\"; } >~/.session; exit $status";

impl<'a> Shell<'a> {
    pub fn open(world: &'a World) -> Shell<'a> {
        let home = tempfile::Builder::new().prefix("pgtend-docs").tempdir_in("/tmp").expect("a home");
        // The server's account may be another one, and reads scripts here.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("a home for all to read");
        let shell = Shell { home, world };
        let bin = shell.home.path().join(".bin");
        fs::create_dir(&bin).expect("a folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pgtend"), bin.join("pgtend")).expect("a link");
        for place in PLACES {
            fs::create_dir_all(shell.home.path().join(&place[1..])).expect("a folder");
        }
        for (path, text) in &world.files {
            let path = shell.home.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        shell
    }

    /// Runs all of a page; `compares` is whether this is the major that the page's output was taken from.
    pub fn run(&self, page: &Page, compares: bool) -> Tally {
        let mut tally = Tally::default();
        for block in &page.blocks {
            let place = format!("{}:{}", page.path.display(), block.line);
            match (&block.not_run, &block.kind) {
                (Some(why), kind) => {
                    let lines = if let Kind::Commands(all) = kind { all.len() } else { 1 };
                    tally.not_run.extend(std::iter::repeat_n(why.clone(), lines));
                }
                (None, kind) => self.block(&place, block, kind, compares, &mut tally),
            }
            // What follows builds on it.
            if tally.stopped {
                break;
            }
        }
        tally
    }

    fn block(&self, place: &str, block: &Block, kind: &Kind, compares: bool, tally: &mut Tally) {
        match kind {
            Kind::Commands(commands) => {
                for command in commands {
                    let (exit, written) = self.command(command);
                    tally.ran += 1;
                    if exit != command.exit {
                        let text = &command.text;
                        tally.failures.push(format!(
                            "line {} of {place}: exit {exit}, not {}\n$ {text}\n{written}",
                            command.line, command.exit
                        ));
                        tally.stopped = true;
                        return;
                    }
                    if compares && command.shown == ["?"] {
                        tally.asked.push((command.line, written));
                    } else if compares && !command.shown.is_empty() {
                        tally.compared += 1;
                        if !same(&command.shown, &written) {
                            let text = &command.text;
                            tally.failures.push(format!(
                                "line {}: the page shows another output than this:\n$ {text}\n{written}",
                                command.line
                            ));
                        }
                    }
                }
            }
            Kind::Sql(text) => {
                let file = self.home.path().join("block.sql");
                fs::write(&file, self.world.real(text)).expect("a file");
                let line = format!("psql -X -q -v ON_ERROR_STOP=1 -h db1 -d shop -f '{}' >/dev/null", file.display());
                self.must(&line, place, tally);
            }
            Kind::Configuration { file, text } => {
                let file = file.as_deref().unwrap_or("~/.config/pgtend/config.toml");
                let path = self.home.path().join(file.trim_start_matches(['~', '/']));
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, self.world.real(text)).expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of one's own");
                self.must(&format!("pgtend config check --config {file}"), place, tally);
            }
            Kind::Other(language) => {
                tally.failures.push(format!("{place}: nothing runs {language:?}; line {} says no why", block.line));
            }
        }
    }

    fn must(&self, line: &str, place: &str, tally: &mut Tally) {
        let command = Command { line: 0, text: line.to_owned(), shown: Vec::new(), exit: 0, types: None };
        let (exit, written) = self.command(&command);
        tally.ran += 1;
        if exit != 0 {
            tally.failures.push(format!("{place}: {line}: exit {exit}\n{written}"));
            tally.stopped = true;
        }
    }

    /// How it ended, and what it wrote to stdout and stderr, with the names of the page.
    fn command(&self, command: &Command) -> (i32, String) {
        let mut text = self.world.real(&command.text);
        for place in PLACES {
            text = text.replace(place, &format!("{}{place}", self.home.path().display()));
        }
        let (exit, written) = match &command.types {
            None => {
                let mut bash = std::process::Command::new("bash");
                self.prepare(&mut bash);
                let output = bash.args(["-c", &format!("exec 2>&1\n{}", AROUND.replace("LINE", &text))]).output();
                let output = output.expect("bash runs");
                (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Some(answer) => {
                let mut terminal = Terminal::open(&text, |it| self.prepare(it)).expect("`script` of util-linux");
                terminal.wait_for("ype ");
                let (exit, seen) = terminal.answer(answer);
                (exit, seen.replace('\r', ""))
            }
        };
        (exit, self.as_on_the_page(&written))
    }

    fn as_on_the_page(&self, written: &str) -> String {
        let home = self.home.path().display().to_string();
        let text = PLACES.iter().fold(written.to_owned(), |text, place| text.replace(&format!("{home}{place}"), place));
        self.world.named(&text.replace(&home, "/home/dba"))
    }

    fn prepare(&self, command: &mut std::process::Command) {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:{path}", self.home.path().join(".bin").display()))
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "80")
            .env("TERM", "dumb")
            .env("SHELL", "/bin/sh")
            .current_dir(self.home.path().join(self.world.folder))
            .stdin(Stdio::null());
        for (name, value) in &self.world.environment {
            command.env(name, value);
        }
    }
}

/// Writes what came into the places that the page marks for it: its writer shortens it, and marks by `…` where.
pub fn fill(page: &Path, asked: &[(usize, String)]) {
    let text = fs::read_to_string(page).expect("the page");
    let mut lines: Vec<&str> = text.lines().collect();
    for (line, written) in asked.iter().rev() {
        let at = line + lines[*line..].iter().position(|line| *line == "?").expect("a line ?");
        lines.splice(at..=at, written.trim_end().lines().map(str::trim_end));
    }
    fs::write(page, lines.join("\n") + "\n").expect("the page is written");
}

/// Says what ran and what did not, and fails with all that went wrong.
pub fn report(page: &Path, major: u32, tally: &Tally) {
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    say(&format!(
        "{name} on {major}: {} run, {} outputs compared, {} not run",
        tally.ran,
        tally.compared,
        tally.not_run.len()
    ));
    let mut reasons: Vec<&String> = tally.not_run.iter().collect();
    reasons.dedup();
    for why in reasons {
        say(&format!("{name}: not run: {why}"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() && !tally.asked.is_empty() {
        fill(page, &tally.asked);
    }
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
    assert!(tally.asked.is_empty(), "{name} has lines `?`: UPDATE_DOCS=1 fills them");
}
