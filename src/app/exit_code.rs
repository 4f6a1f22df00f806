//! Exit codes.

use crate::facts::Status;

/// Exit codes of all commands except `audit --target-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    Success,
    Failed,
    /// Bad usage: options, conninfo, configuration.
    Usage,
    /// A fact was unavailable with `--strict`, or some of several actions were refused.
    Incomplete,
    /// Not confirmed, or not safe: nothing was done.
    Refused,
    /// An error of pgtend itself.
    Bug,
    /// The exit code of `check`, as of a monitoring plugin.
    Checked(Status),
}

impl ExitCode {
    pub fn number(self) -> u8 {
        match self {
            ExitCode::Success => 0,
            ExitCode::Failed => 1,
            ExitCode::Usage => 2,
            ExitCode::Incomplete => 3,
            ExitCode::Refused => 4,
            ExitCode::Bug => 70,
            ExitCode::Checked(status) => status.exit_code(),
        }
    }

    /// Returns the exit code under `check`: a failure is UNKNOWN, because 1 and 2 mean findings.
    #[must_use]
    pub fn under_check(self) -> ExitCode {
        match self {
            ExitCode::Checked(_) => self,
            _ => ExitCode::Checked(Status::Unknown),
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code.number())
    }
}
