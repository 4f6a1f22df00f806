use std::fmt;
use std::path::PathBuf;

/// The source that specifies the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The connection flags.
    Flags,
    /// `--target NAME`.
    Target(String),
    /// The conninfo of the history store.
    History,
    /// `PGHOST`, `PGHOSTADDR`, `PGSERVICE` or `PGDATABASE`.
    Environment,
    /// `DATABASE_URL`.
    DatabaseUrl,
    /// No source: the local server.
    Defaults,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags => f.write_str("the connection options"),
            Self::Target(name) => write!(f, "target {name}"),
            Self::History => f.write_str("history store"),
            Self::Environment => f.write_str("the PG* environment variables"),
            Self::DatabaseUrl => f.write_str("DATABASE_URL"),
            Self::Defaults => f.write_str("the defaults"),
        }
    }
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The source that specifies the server.
    Source(Source),
    /// An environment variable.
    Environment(&'static str),
    /// A section of a service file.
    Service {
        /// The section.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// A line of a password file, counted from 1.
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// The `password_command` of the target of that name.
    Command(String),
    /// The user typed it.
    Prompt,
}

impl Origin {
    pub(super) fn is_password_file(&self) -> bool {
        matches!(self, Self::PasswordFile { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(source) => source.fmt(f),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Service { name, file } => write!(f, "service {name} in {}", file.display()),
            Self::PasswordFile { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Command(target) => write!(f, "password_command of target {target}"),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}
