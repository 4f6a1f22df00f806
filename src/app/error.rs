//! Failures of commands: message, hint and exit code.

use crate::actions::ActionError;
use crate::app::exit_code::ExitCode;
use crate::collect::CollectError;
use crate::config::ConfigError;
use crate::history::HistoryError;
use crate::monitor::TargetError;
use crate::postgres::conninfo::ConninfoError;
use crate::postgres::{ConnectError, SessionError};
use std::fmt;

/// The failure of a command.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub exit: ExitCode,
}

impl Failure {
    pub fn new(exit: ExitCode, message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None, exit }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: Option<impl Into<String>>) -> Failure {
        self.hint = hint.map(Into::into);
        self
    }

    /// The user pressed Ctrl-C, or a service manager asked to stop.
    pub fn interrupted() -> Failure {
        Failure::new(ExitCode::Failed, "interrupted; the running query was cancelled")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ConninfoError> for Failure {
    fn from(error: ConninfoError) -> Failure {
        Failure::new(ExitCode::Usage, error.to_string()).with_hint(error.hint())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::new(ExitCode::Usage, error.to_string()).with_hint(error.hint())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        Failure::new(ExitCode::Failed, error.to_string()).with_hint(error.hint())
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        match error {
            SessionError::Connect(error) => error.into(),
            SessionError::Lost { .. } => Failure::new(ExitCode::Failed, error.to_string())
                .with_hint(Some("nothing was changed; check the server log, then run the command again")),
            error => Failure::new(ExitCode::Failed, error.to_string()),
        }
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Failure {
        match error {
            CollectError::Session(error) => error.into(),
            error => Failure::new(ExitCode::Failed, error.to_string()),
        }
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Failure {
        match error {
            ActionError::Collect(error) => (*error).into(),
            ActionError::Journal(error) => error.into(),
            error @ ActionError::AnotherServer(_) => Failure::new(ExitCode::Refused, error.to_string())
                .with_hint(Some("nothing was done; run the command again to plan for the current server")),
        }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Failure {
        let is_usage = matches!(error, HistoryError::InvalidAddress(_) | HistoryError::Conninfo(_));
        let exit = if is_usage { ExitCode::Usage } else { ExitCode::Failed };
        Failure::new(exit, error.to_string()).with_hint(error.hint())
    }
}

impl From<Failure> for TargetError {
    fn from(failure: Failure) -> TargetError {
        TargetError { message: failure.message, hint: failure.hint }
    }
}

/// Errors of the operating system and of libraries, with their chain of causes.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => {
                let chain: Vec<String> =
                    error.chain().map(|cause| without_os_error_number(&cause.to_string())).collect();
                Failure::new(ExitCode::Failed, chain.join(": "))
            }
        }
    }
}

/// Removes the error number: `Permission denied`, not `Permission denied (os error 13)`.
fn without_os_error_number(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((words, number)) => format!("{words}{}", number.split_once(')').map_or("", |(_, rest)| rest)),
        None => text.to_owned(),
    }
}

/// Returns the usage error of a flag that requires a server, used with `--from`.
pub fn server_required(flag: &str) -> Failure {
    Failure::new(ExitCode::Usage, format!("{flag} requires a server; it cannot be combined with --from"))
}
