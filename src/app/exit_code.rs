//! What a script learns from pgtend's end.

use crate::facts::Status;

/// Exit codes of every command but `audit --target-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    Success,
    Failed,
    /// Bad usage: flags, conninfo, configuration.
    Usage,
    /// `--strict` and some fact was unavailable; or some of several actions were refused.
    Incomplete,
    /// No consent, or unsafe: nothing was done.
    Refused,
    /// An error of pgtend itself.
    Bug,
    /// The end of `check`, as monitoring plugins end.
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

    /// Under `check` whatever is no answer is UNKNOWN: a plugin's 1 and 2 would be taken for findings.
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
