//! Runs a command for its output, within limits of time and size.

use crate::postgres::conninfo::Secret;
use crate::redact;
use crate::redact::process_list;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};

/// Maximum size of the output, in bytes.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// Maximum size of stderr that is kept, in bytes.
const MAX_STDERR_BYTES: usize = 64 * 1024;

/// Maximum length of stderr in a message, in characters.
const MAX_SHOWN_STDERR_CHARS: usize = 2_000;

/// Time limit for the end of stderr after the end of the command: a child process may keep it open.
const STDERR_DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs the program without a shell, without stdin, in its own process group, and returns the line that it prints.
/// The environment is pgtend's without passwords (PGPASSWORD, typed arguments).
///
/// # Errors
///
/// A message that continues one which begins with the program: it cannot be started, fails, is too slow, or prints
/// anything but one line of UTF-8. No message contains its output; after a failure, the message contains its redacted
/// stderr.
pub(super) async fn run_password_command(
    program: &Path,
    arguments: &[String],
    limit: Duration,
) -> Result<Secret, String> {
    let began = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name == "PGPASSWORD" || name.to_string_lossy().starts_with(process_list::VARIABLE_PREFIX) {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {}", system_message(&error)))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("cannot be read".to_owned());
    };
    let group = ProcessGroup(child.id());
    let errors = Mutex::default();
    let (output, status) = match timeout(limit, wait_for_output(&mut child, stdout, stderr, &errors)).await {
        Ok(finished) => finished.map_err(|error| format!("cannot be read: {}", system_message(&error)))?,
        Err(_) => return Err(format!("did not end within {} s", limit.as_secs())),
    };
    let Some(status) = status else { return Err(format!("printed more than {} kB", MAX_OUTPUT_BYTES / 1024)) };
    group.mark_ended();
    tracing::info!("the password command exited with {status} after {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    if !status.success() {
        return Err(failure_message(status, &output, &errors.lock().unwrap_or_else(PoisonError::into_inner)));
    }
    parse_password_line(output)
}

/// The process group of a command; it is killed unless the command has ended.
struct ProcessGroup(Option<u32>);

impl ProcessGroup {
    fn mark_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // The child was not waited for, so its process ID is not reused.
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()) {
            killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
        }
    }
}

/// Reads the output and waits for the end; no status when there is too much output.
async fn wait_for_output(
    child: &mut Child,
    stdout: impl AsyncRead + Unpin,
    mut stderr: impl AsyncRead + Unpin,
    errors: &Mutex<Vec<u8>>,
) -> io::Result<(Vec<u8>, Option<ExitStatus>)> {
    let collect = async {
        let mut buffer = [0; 4096];
        // Continues to read beyond the limit: a full pipe would block the command.
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
            let remaining = MAX_STDERR_BYTES - errors.len();
            errors.extend_from_slice(&buffer[..count.min(remaining)]);
        }
    };
    let output = async {
        let mut output = Vec::new();
        stdout.take(MAX_OUTPUT_BYTES as u64 + 1).read_to_end(&mut output).await?;
        let status = if output.len() > MAX_OUTPUT_BYTES { None } else { Some(child.wait().await?) };
        Ok((output, status))
    };
    let (mut collect, mut output) = (std::pin::pin!(collect), std::pin::pin!(output));
    tokio::select! {
        result = &mut output => {
            timeout(STDERR_DRAIN_TIMEOUT, collect).await.ok();
            result
        }
        () = &mut collect => output.await,
    }
}

fn failure_message(status: ExitStatus, output: &[u8], errors: &[u8]) -> String {
    // A command that fails may have printed its token on either stream.
    for line in String::from_utf8_lossy(output).lines() {
        redact::register_short_lived(line.trim());
    }
    let errors = String::from_utf8_lossy(errors);
    let shown: String = redact::foreign(errors.trim()).chars().take(MAX_SHOWN_STDERR_CHARS).collect();
    let end = match std::os::unix::process::ExitStatusExt::signal(&status) {
        Some(signal) => format!("was terminated by signal {signal}"),
        None => format!("failed with exit status {}", status.code().unwrap_or(-1)),
    };
    if shown.is_empty() { end } else { format!("{end}: {shown}") }
}

/// Returns the one line that was printed, without its line break.
fn parse_password_line(output: Vec<u8>) -> Result<Secret, String> {
    let mut text = String::from_utf8(output).map_err(|_| "printed text that is not UTF-8".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    match text {
        text if text.is_empty() => Err("printed nothing".to_owned()),
        text if text.contains(['\n', '\r']) => Err("printed more than one line".to_owned()),
        text if text.contains('\0') => Err("printed a NUL byte".to_owned()),
        text => Ok(Secret::short_lived(text)),
    }
}

/// Returns the system's message without the number.
fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run_shell(script: &str, limit: Duration) -> Result<String, String> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        run_password_command(Path::new("sh"), &arguments, limit).await.map(|secret| secret.expose().to_owned())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn password_command_rejects_bad_output() {
        for (script, why) in [
            ("exit 3", "failed with exit status 3"),
            (
                "printf token-of-3; echo >&2 no access for token-of-3; exit 3",
                "failed with exit status 3: no access for …",
            ),
            ("kill -9 $$", "was terminated by signal 9"),
            ("true", "printed nothing"),
            ("echo", "printed nothing"),
            ("printf 'one\\ntwo\\n'", "printed more than one line"),
            ("printf 'one\\n\\n'", "printed more than one line"),
            ("printf 'one\\rtwo'", "printed more than one line"),
            ("printf 'a\\000b'", "printed a NUL byte"),
            ("printf '\\377\\376'", "printed text that is not UTF-8"),
            ("head -c 65537 /dev/zero | tr '\\0' x", "printed more than 64 kB"),
            ("yes", "printed more than 64 kB"),
        ] {
            assert_eq!(run_shell(script, LONG).await, Err(why.to_owned()), "{script}");
        }
        let missing = run_password_command(Path::new("/nonexistent/token"), &[], LONG).await.unwrap_err();
        assert_eq!(missing, "cannot be started: No such file or directory");
    }

    #[tokio::test]
    async fn password_command_reads_one_line() {
        for (script, password) in [
            ("printf 'a b'", "a b".to_owned()),
            ("echo ' a&=%+/?:@ '", " a&=%+/?:@ ".to_owned()),
            ("printf 'crlf\\r\\n'", "crlf".to_owned()),
            ("head -c 65536 /dev/zero | tr '\\0' x", "x".repeat(65_536)),
            ("head -c 1000000 /dev/zero >&2; echo much-on-stderr", "much-on-stderr".to_owned()),
            ("cat; echo stdin-is-empty", "stdin-is-empty".to_owned()),
        ] {
            assert_eq!(run_shell(script, LONG).await.as_ref(), Ok(&password), "{script}");
        }
    }

    #[tokio::test]
    async fn password_command_timeout_kills_group() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let script = format!("sleep 600 & echo $! > {0}; sh -c 'echo $$ >> {0}; sleep 600'", file.display());
        let began = Instant::now();
        let limit = Duration::from_secs(1);
        assert_eq!(run_shell(&script, limit).await, Err("did not end within 1 s".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(20));
        let pids = std::fs::read_to_string(&file).unwrap();
        assert_eq!(pids.lines().count(), 2);
        for pid in pids.lines() {
            // A process that was killed and not reaped yet is a zombie: Z in its state.
            let is_gone = || {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                stat.is_empty() || stat.contains(") Z ")
            };
            while !is_gone() {
                assert!(began.elapsed() < Duration::from_secs(20), "{pid} runs on");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    #[tokio::test]
    async fn background_process_does_not_delay_password() {
        let began = Instant::now();
        let script = "sleep 30 >/dev/null & echo from-the-front";
        assert_eq!(run_shell(script, LONG).await, Ok("from-the-front".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
