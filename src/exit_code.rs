//! What a script learns from pgtend's end.

/// Exit codes of every command but `check` and `audit --target-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    Done = 0,
    Failed = 1,
    /// Bad usage: flags, conninfo, configuration.
    Usage = 2,
    /// `--strict` and some fact was unavailable; or of several deeds some were refused.
    Incomplete = 3,
    /// No consent, or unsafe: nothing was done.
    Refused = 4,
    /// An error of pgtend itself.
    Bug = 70,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}
