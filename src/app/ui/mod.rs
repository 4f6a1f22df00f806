//! All output: the report to stdout or a file, everything else to stderr.

mod password;

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::interrupt;
use crate::app::options::{ColorWhen, OutputArgs, OutputFormat};
use crate::quote::PrintedConnection;
use crate::render::{Document, Style, escape_unprintable};
use crate::report::{Envelope, Report};
use crate::{output_file, redact, render};
use anyhow::Context as _;
use indicatif::ProgressBar;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use serde::Serialize;
use std::{
    borrow::Cow,
    io::{self, BufWriter, IsTerminal, Write},
    time::Duration,
};

/// The output of one run.
#[derive(Clone, Debug)]
pub struct Ui {
    output: OutputArgs,
    /// `NO_COLOR` is set, or the terminal is dumb.
    plain: bool,
    /// `COLUMNS`, for reports that go to a pipe.
    columns: Option<usize>,
    /// Connection options that commands in messages need.
    connection: PrintedConnection,
}

impl Ui {
    pub fn new(mut output: OutputArgs, plain: bool, columns: Option<usize>, connection: PrintedConnection) -> Ui {
        output.output = output.output.filter(|path| !output_file::names_stdout(path));
        Ui { output, plain, columns, connection }
    }

    /// The same, for a command whose `--output` is not the destination of its report.
    #[must_use]
    pub fn with_stdout(&self) -> Ui {
        let mut stdout_ui = self.clone();
        stdout_ui.output.output = None;
        stdout_ui
    }

    /// The same, with other connection options for commands in messages.
    #[cfg(feature = "demo")]
    #[must_use]
    pub fn reached_by(&self, connection: PrintedConnection) -> Ui {
        Ui { connection, ..self.clone() }
    }

    /// Checks that `--output` can be written, before an action that the report describes.
    pub fn check_output(&self) -> Result<(), Failure> {
        let Some(path) = &self.output.output else { return Ok(()) };
        output_file::check(path).with_context(|| format!("cannot write {}", path.display())).map_err(Failure::from)
    }

    /// Writes a report in the requested format.
    pub fn print_report<R: Report>(&self, envelope: &Envelope<R>) -> Result<(), Failure> {
        match self.output.format {
            OutputFormat::Json => self.write_output(|out| self.write_json(envelope, out)),
            _ if self.output.verbose > 0 => self.print_document(&envelope.verbose_document()),
            _ => self.print_document(&envelope.document()),
        }
    }

    /// Writes a document in the requested format, except JSON, which is not made of a document.
    pub fn print_document(&self, document: &Document) -> Result<(), Failure> {
        let style = self.style();
        self.write_output(|out| match self.output.format {
            OutputFormat::Html => out.write_all(render::html(document, &document.title).as_bytes()),
            OutputFormat::Markdown => out.write_all(render::render_markdown(document).as_bytes()),
            OutputFormat::Csv => render::write_csv(document, out),
            _ => out.write_all(render::render_terminal(document, style).as_bytes()),
        })
    }

    /// Writes a value as JSON, regardless of the format.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.write_output(|out| self.write_json(value, out))
    }

    /// Writes text to stdout.
    pub fn print_text(&self, text: &str) -> Result<(), Failure> {
        self.write_output(|out| out.write_all(text.as_bytes()))
    }

    /// Prints a warning.
    pub fn warn(&self, text: &str) {
        self.print_message("warning", text);
    }

    /// Prints a note, unless `-q` is given.
    pub fn note(&self, text: &str) {
        if !self.output.quiet {
            write_to_stderr(&format!("{}\n", escape_unprintable(&redact::own(&self.connection.sentence(text)))));
        }
    }

    /// Prints a failure and its hint.
    pub fn print_failure(&self, failure: &Failure) {
        self.print_message("error", &failure.message);
        if let Some(hint) = &failure.hint {
            self.print_message("hint", hint);
        }
    }

    /// Prompts for a password on the terminal; `None` without a terminal.
    pub async fn read_password(&self, prompt: &str) -> Option<String> {
        // Restores the terminal even if the answer is not awaited.
        let _restore_echo = TerminalEcho::save();
        let prompt = escape_unprintable(prompt).into_owned();
        on_detached_thread(move || password::read_password_line(&prompt).ok()).await
    }

    /// Returns whether the run can prompt: stdin and stderr are terminals.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Returns whether stdout is a terminal.
    pub fn is_stdout_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Prints text that must be visible before an action, to stderr, regardless of `--output`.
    ///
    /// # Errors
    ///
    /// Stderr is closed or cannot be written. The action must not be done then.
    pub fn print_to_stderr(&self, text: &str) -> io::Result<()> {
        if is_closed(&io::stderr()) {
            return Err(io::Error::other("stderr is closed"));
        }
        io::stderr().write_all(redact::data(text).as_bytes())
    }

    /// Prompts for a line on the terminal; `None` at end of file (Ctrl-D).
    pub async fn read_answer(&self, prompt: &str) -> Option<String> {
        write_to_stderr(&escape_unprintable(&redact::data(prompt)));
        on_detached_thread(|| {
            let mut line = String::new();
            let read = io::stdin().read_line(&mut line);
            read.ok().filter(|bytes| *bytes > 0).map(|_| line.trim().to_owned())
        })
        .await
    }

    /// Shows a spinner on a terminal if the work takes longer than one second.
    pub async fn with_spinner<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        // Draws on stderr, and only where that is a terminal.
        let spinner = if self.output.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        spinner.set_message(escape_unprintable(&redact::own(what)).into_owned());
        spinner.enable_steady_tick(Duration::from_millis(120));
        let done = work.await;
        spinner.finish_and_clear();
        done
    }

    fn print_message(&self, what: &str, text: &str) {
        let text = self.connection.sentence(text);
        let text = redact::own(&text);
        // Each line of a message is escaped separately.
        let lines: Vec<_> = text.lines().map(escape_unprintable).collect();
        write_to_stderr(&format!("pgtend: {what}: {}\n", lines.join("\n  ")));
    }

    fn write_json(&self, value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
        let mut out = out;
        let is_for_terminal = self.output.output.is_none() && self.is_stdout_terminal();
        if is_for_terminal { render::write_json_pretty(value, &mut out) } else { render::write_json(value, &mut out) }
    }

    /// Returns the style of text on stderr.
    pub fn stderr_style(&self) -> Style {
        let terminal = io::stderr().is_terminal();
        let color = match self.output.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && !self.plain,
        };
        let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Style { color, width: if terminal { measured.or(self.columns).or(Some(80)) } else { self.columns } }
    }

    /// Returns the style of the report.
    pub fn style(&self) -> Style {
        let terminal = self.output.output.is_none() && self.is_stdout_terminal();
        let color = match self.output.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && !self.plain,
        };
        let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = if terminal { measured.or(self.columns).or(Some(80)) } else { self.columns };
        Style { color, width }
    }

    fn write_output(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let Some(path) = &self.output.output else {
            return Ok(write_to_stdout(render).context("cannot write to stdout")?);
        };
        // A signal ends a write to a pipe, which may wait for its reader. A file is written completely.
        let is_file = std::fs::metadata(path).map_or(true, |found| found.is_file());
        let _whole = is_file.then(interrupt::guard_uninterruptible);
        let result = output_file::write_file(path, render);
        result.with_context(|| format!("cannot write {}", path.display())).map_err(Failure::from)
    }
}

/// Writes to stdout. A reader that closes the pipe early, such as `head`, is not an error.
fn write_to_stdout(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if is_closed(&io::stdout()) {
        return Err(io::Error::other("it is closed"));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match render(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Returns whether the program was started with a standard stream closed (`>&-`, `2>&-`).
///
/// Rust's runtime opens `/dev/null` for reading and writing, without close-on-exec, in the place of a closed stream
/// (Rust source, `library/std/src/sys/pal/unix/mod.rs`, `sanitize_standard_fds`). Shells open it for writing only;
/// subprocess libraries set close-on-exec, which `F_GETFL` still shows on Linux; a daemon has it as stdin, too.
fn is_closed(stream: &impl std::os::fd::AsFd) -> bool {
    is_dev_null_substitute(stream) && !is_dev_null_substitute(&io::stdin())
}

fn is_dev_null_substitute(stream: &impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let (Ok(flags), Ok(stream), Ok(null)) = (fcntl_getfl(stream), fstat(stream), stat("/dev/null")) else {
        return false;
    };
    stream.st_rdev == null.st_rdev
        && rustix::fs::FileType::from_raw_mode(stream.st_mode).is_char_device()
        && flags & OFlags::ACCMODE == OFlags::RDWR
        && !flags.intersects(OFlags::CLOEXEC | OFlags::APPEND)
}

/// Runs a blocking read on a thread that the end of the program does not wait for; the read cannot be cancelled.
async fn on_detached_thread<T: Send + 'static>(read: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || answer.send(read()).ok());
    answered.await.ok().flatten()
}

/// The settings of the terminal, restored on drop.
struct TerminalEcho(std::fs::File, Termios);

impl TerminalEcho {
    fn save() -> Option<TerminalEcho> {
        let terminal = std::fs::File::open("/dev/tty").ok()?;
        let settings = tcgetattr(&terminal).ok()?;
        Some(TerminalEcho(terminal, settings))
    }
}

impl Drop for TerminalEcho {
    fn drop(&mut self) {
        tcsetattr(&self.0, SetArg::TCSANOW, &self.1).ok();
    }
}

/// Writes traces to stderr, with secrets redacted.
#[derive(Default)]
pub struct RedactedStderr;

impl Write for RedactedStderr {
    /// Each call gets a complete event from tracing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(redact::own(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn write_to_stderr(text: &str) {
    // An error on stderr cannot be reported.
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Prints a message of clap: requested help to stdout, a usage error to stderr.
///
/// # Errors
///
/// Help could not be written to stdout.
pub fn print_clap_message(error: &clap::Error) -> Result<(), Failure> {
    let text = error.render().to_string();
    match redact::own(&text) {
        Cow::Borrowed(_) if error.use_stderr() => drop(error.print()),
        Cow::Borrowed(_) => {
            let print = |_: &mut dyn Write| error.print().and_then(|()| io::stdout().flush());
            write_to_stdout(print).context("cannot write to stdout")?;
        }
        // Without colors: escape sequences could split a secret.
        Cow::Owned(text) => write_to_stderr(&text),
    }
    Ok(())
}

/// Reports a failure before there is a [`Ui`].
pub fn print_early_failure(failure: &Failure) {
    write_to_stderr(&format!("pgtend: error: {}\n", escape_unprintable(&failure.message)));
}

/// Replaces the panic message with a request for a bug report.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let location =
            panic.location().map(|location| format!(" at {}:{}", location.file(), location.line())).unwrap_or_default();
        write_to_stderr(&format!(
            "pgtend: this is a bug in pgtend{location}; please report it. Reports never change the server.\n"
        ));
    }));
}

/// Returns the exit code for a report that may have gaps.
pub fn exit_code_of_completeness(strict: bool, incomplete: bool) -> ExitCode {
    if strict && incomplete { ExitCode::Incomplete } else { ExitCode::Success }
}
