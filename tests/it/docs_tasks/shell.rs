//! Runs the blocks of a page in order, as a user would.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use super::output_comparison::is_same_output;
use super::page::{Block, BlockKind, Command, Page};
use super::page_environment::PageEnvironment;
use crate::clusters::print_stderr;
use crate::terminal::Terminal;

/// A user's home folder, with the program on PATH and the world's servers under their names.
pub struct Shell<'a> {
    home: tempfile::TempDir,
    environment: &'a PageEnvironment,
}

/// The results of a page.
#[derive(Debug, Default)]
pub struct PageResults {
    pub run_count: usize,
    pub compared_count: usize,
    pub not_run: Vec<String>,
    pub failures: Vec<String>,
    /// Whether a command failed unexpectedly.
    stopped: bool,
    /// The output for each line `?` of the page: the line number of the command, and the text.
    pub requested_outputs: Vec<(usize, String)>,
}

/// System folders that are located below the home folder here.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/pgtend", "/var/lib/pgtend", "/var/lib/node_exporter"];

/// A separate session: the next command gets its working directory and environment.
const SESSION_WRAPPER: &str = "[ ! -e ~/.session ] || . ~/.session\n{ LINE\n}; status=$?\n{ export -p; printf 'cd %q\\n' \"$PWD\"; } >~/.session; exit $status";

impl<'a> Shell<'a> {
    pub fn with_environment(environment: &'a PageEnvironment) -> Shell<'a> {
        let home = tempfile::Builder::new().prefix("pgtend-docs").tempdir_in("/tmp").expect("a home");
        // The server may run under another account and read scripts here.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("a home for all to read");
        let shell = Shell { home, environment };
        let bin = shell.home.path().join(".bin");
        fs::create_dir(&bin).expect("a folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pgtend"), bin.join("pgtend")).expect("a link");
        for system_folder in SYSTEM_FOLDERS {
            fs::create_dir_all(shell.home.path().join(&system_folder[1..])).expect("a folder");
        }
        for (path, text) in &environment.files {
            let path = shell.home.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        shell
    }

    /// Runs all blocks of a page; `compares` is whether this major produced the page's output.
    pub fn run_page(&self, page: &Page, compares: bool) -> PageResults {
        let mut results = PageResults::default();
        for block in &page.blocks {
            let location = format!("{}:{}", page.path.display(), block.line);
            match (&block.not_run, &block.kind) {
                (Some(why), kind) => {
                    let lines = if let BlockKind::Commands(commands) = kind { commands.len() } else { 1 };
                    results.not_run.extend(std::iter::repeat_n(why.clone(), lines));
                }
                (None, kind) => self.run_block(&location, block, kind, compares, &mut results),
            }
            // Later blocks depend on it.
            if results.stopped {
                break;
            }
        }
        results
    }

    fn run_block(&self, location: &str, block: &Block, kind: &BlockKind, compares: bool, results: &mut PageResults) {
        match kind {
            BlockKind::Commands(commands) => {
                for command in commands {
                    let (exit, written) = self.run_command(command);
                    results.run_count += 1;
                    if exit != command.exit {
                        let text = &command.text;
                        results.failures.push(format!(
                            "line {} of {location}: exit {exit}, not {}\n$ {text}\n{written}",
                            command.line, command.exit
                        ));
                        results.stopped = true;
                        return;
                    }
                    if compares && command.shown == ["?"] {
                        results.requested_outputs.push((command.line, written));
                    } else if compares && !command.shown.is_empty() {
                        results.compared_count += 1;
                        if !is_same_output(&command.shown, &written) {
                            let text = &command.text;
                            results.failures.push(format!(
                                "line {}: the page's output differs from this one:\n$ {text}\n{written}",
                                command.line
                            ));
                        }
                    }
                }
            }
            BlockKind::Sql(text) => {
                let file = self.home.path().join("block.sql");
                fs::write(&file, self.environment.to_real_names(text)).expect("a file");
                let line = format!("psql -X -q -v ON_ERROR_STOP=1 -h db1 -d shop -f '{}' >/dev/null", file.display());
                self.run_line(&line, location, results);
            }
            BlockKind::Configuration { file, text } => {
                let file = file.as_deref().unwrap_or("~/.config/pgtend/config.toml");
                let path = self.home.path().join(file.trim_start_matches(['~', '/']));
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, self.environment.to_real_names(text)).expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of one's own");
                self.run_line(&format!("pgtend config check --config {file}"), location, results);
            }
            BlockKind::Other(language) => {
                results
                    .failures
                    .push(format!("{location}: {language:?} is not run; line {} gives no reason", block.line));
            }
        }
    }

    fn run_line(&self, line: &str, location: &str, results: &mut PageResults) {
        let command = Command { line: 0, text: line.to_owned(), shown: Vec::new(), exit: 0, typed_answer: None };
        let (exit, written) = self.run_command(&command);
        results.run_count += 1;
        if exit != 0 {
            results.failures.push(format!("{location}: {line}: exit {exit}\n{written}"));
            results.stopped = true;
        }
    }

    /// Returns the exit code, and stdout and stderr with the names of the page.
    fn run_command(&self, command: &Command) -> (i32, String) {
        let mut text = self.environment.to_real_names(&command.text);
        for system_folder in SYSTEM_FOLDERS {
            text = text.replace(system_folder, &format!("{}{system_folder}", self.home.path().display()));
        }
        let (exit, written) = match &command.typed_answer {
            None => {
                let mut bash = std::process::Command::new("bash");
                self.prepare(&mut bash);
                let output =
                    bash.args(["-c", &format!("exec 2>&1\n{}", SESSION_WRAPPER.replace("LINE", &text))]).output();
                let output = output.expect("bash runs");
                (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Some(answer) => {
                let mut terminal =
                    Terminal::run_in_terminal(&text, |command| self.prepare(command)).expect("`script` of util-linux");
                terminal.wait_for("ype ");
                let (exit, seen) = terminal.type_line(answer);
                (exit, seen.replace('\r', ""))
            }
        };
        (exit, self.with_page_paths(&written))
    }

    fn with_page_paths(&self, written: &str) -> String {
        let home = self.home.path().display().to_string();
        let text = SYSTEM_FOLDERS
            .iter()
            .fold(written.to_owned(), |text, place| text.replace(&format!("{home}{place}"), place));
        self.environment.to_page_names(&text.replace(&home, "/home/dba"))
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
            .current_dir(self.home.path().join(self.environment.folder))
            .stdin(Stdio::null());
        for (name, value) in &self.environment.variables {
            command.env(name, value);
        }
    }
}

/// Writes output to the lines marked for it; the author of the page shortens it and marks omissions with `…`.
pub fn write_requested_outputs(page: &Path, requested: &[(usize, String)]) {
    let text = fs::read_to_string(page).expect("the page");
    let mut lines: Vec<&str> = text.lines().collect();
    for (line, written) in requested.iter().rev() {
        let position = line + lines[*line..].iter().position(|line| *line == "?").expect("a line ?");
        lines.splice(position..=position, written.trim_end().lines().map(str::trim_end));
    }
    fs::write(page, lines.join("\n") + "\n").expect("the page is written");
}

/// Prints what was run and what was not, and fails with all errors.
pub fn report_results(page: &Path, major: u32, results: &PageResults) {
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    print_stderr(&format!(
        "{name} on {major}: {} run, {} outputs compared, {} not run",
        results.run_count,
        results.compared_count,
        results.not_run.len()
    ));
    let mut reasons: Vec<&String> = results.not_run.iter().collect();
    reasons.dedup();
    for reason in reasons {
        print_stderr(&format!("{name}: not run: {reason}"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() && !results.requested_outputs.is_empty() {
        write_requested_outputs(page, &results.requested_outputs);
    }
    assert!(results.failures.is_empty(), "{}", results.failures.join("\n\n"));
    assert!(results.requested_outputs.is_empty(), "{name} has lines `?`: UPDATE_DOCS=1 fills them");
}
