//! Throwaway PostgreSQL clusters for tests and demonstrations.
//!
//! [`installation`] finds server binaries, [`package`] fetches them where there are none, [`cluster`]
//! runs a private server from them, [`disaster`] holds the steps that ruin it in an instructive way.
//!
//! Everything here blocks: it waits for processes, not for sockets. Nothing here prints, and nothing
//! reads the environment or the clock of the day; the caller hands in what it wants to be known.

#![warn(missing_docs)]

pub mod account;
pub mod cluster;
pub mod disaster;
mod error;
mod folder;
pub mod installation;
pub mod options;
pub mod package;
pub mod platform;
mod process;
mod saved_copy;
mod server;
mod standby;
mod template;
mod watchdog;

pub use account::Account;
pub use cluster::Cluster;
pub use error::Error;
pub use installation::{Installation, InstallationSearch};
pub use options::{ClusterOptions, StandbyOptions};
pub use package::{FetchPlan, Package, PackageCache};
pub use platform::Platform;
pub use server::StopMode;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
